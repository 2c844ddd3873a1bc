//! What a broker says to idempotent producers: in order, again, with a gap, from an older epoch, from nowhere.

use kafka_protocol::messages::{InitProducerIdRequest, ProducerId, TransactionalId};
use kafka_protocol::protocol::StrBytes;
use lab::wire::{Batch, Connection, Entry, Producer};

use super::calls::{new_producer, produce};
use super::ground::{Ground, PATIENCE, THREE};
use super::sheet::{Noted, Sheet};
use super::words;

/// More batches than a broker remembers per producer. Source: `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`, 5.
const BEYOND_MEMORY: i32 = 7;

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let topic = on.topic("sequences", THREE, &[]).await?;
    let topic = topic.name.as_str();
    let mut leader = on.connect(1).await?;

    let first = new_producer(&mut leader).await?;
    let mut say = Producing { leader: &mut leader, topic, sheet: &mut sheet };
    say.three("the first batch, sequence 0", first).await?;
    say.three("the next batch, sequence 3", Producer { sequence: 3, ..first }).await?;
    say.three("the same batch again", Producer { sequence: 3, ..first }).await?;
    say.three("the batch before it again", first).await?;
    say.three("a gap of one", Producer { sequence: 7, ..first }).await?;
    say.three("overlapping the last batch", Producer { sequence: 4, ..first }).await?;
    say.records("the same first sequence, fewer records", Producer { sequence: 3, ..first }, 1).await?;
    for batch in 2..=BEYOND_MEMORY {
        say.three(&format!("batch {batch} in order"), Producer { sequence: 3 * batch, ..first }).await?;
    }
    say.three("a repetition older than is remembered", first).await?;

    let bumped = Producer { epoch: first.epoch + 1, ..first };
    say.three("a newer epoch that begins in the middle", Producer { sequence: 5, ..bumped }).await?;
    say.three("a newer epoch from 0", bumped).await?;
    say.three("the older epoch", Producer { sequence: 3 * (BEYOND_MEMORY + 1), ..first }).await?;

    let second = new_producer(say.leader).await?;
    say.three(
        "a producer that the partition has not seen, in the middle",
        Producer { sequence: 42, ..second },
    )
    .await?;
    let never = Producer { id: 987_654_321, epoch: 0, sequence: 0 };
    say.three("an id that was never given out, from 0", never).await?;
    say.three(
        "an id that was never given out, in the middle",
        Producer { id: 987_654_322, sequence: 9, ..never },
    )
    .await?;
    let third = new_producer(say.leader).await?;
    say.three("a negative sequence", Producer { sequence: -1, ..third }).await?;
    say.three("a negative epoch", Producer { epoch: -1, ..third }).await?;
    say.three("an id of -2", Producer { id: -2, ..third }).await?;
    let last = Producer { sequence: i32::MAX - 1, ..new_producer(say.leader).await? };
    say.three("a batch over the last sequence number", last).await?;
    say.three("the batch after it, from 1", Producer { sequence: 1, ..last }).await?;

    init(&mut sheet, &mut leader, first).await;
    Ok(sheet.done())
}

struct Producing<'a> {
    leader: &'a mut Connection,
    topic: &'a str,
    sheet: &'a mut Sheet,
}

impl Producing<'_> {
    async fn three(&mut self, cell: &str, by: Producer) -> anyhow::Result<()> {
        self.records(cell, by, 3).await
    }

    async fn records(&mut self, cell: &str, by: Producer, records: usize) -> anyhow::Result<()> {
        let batch = Batch::of(vec![Entry::value("v"); records]).by(by).encode()?;
        let said = produce(self.leader, self.topic, 0, -1, batch).await;
        let class = match said {
            Ok(part) if part.error_code == 0 => format!("ok, offset {}", part.base_offset),
            other => words::outcome(other.map(|part| part.error_code)),
        };
        self.sheet.note(cell, class);
        Ok(())
    }
}

/// Producer ids asked for in odd ways.
async fn init(sheet: &mut Sheet, connection: &mut Connection, known: Producer) {
    let plain = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1);
    let again = plain.clone().with_producer_id(ProducerId(known.id)).with_producer_epoch(known.epoch);
    let half = plain.clone().with_producer_id(ProducerId(known.id));
    let epoch = plain.clone().with_producer_epoch(3);
    let empty = plain.clone().with_transactional_id(Some(TransactionalId(StrBytes::from_static_str(""))));
    for (cell, request) in [
        ("InitProducerId for an id that is known", again),
        ("InitProducerId with an id and no epoch", half),
        ("InitProducerId with an epoch and no id", epoch),
        ("InitProducerId with an empty transactional id", empty),
    ] {
        let class = match connection.ask(4, &request, PATIENCE).await {
            Ok(answer) if answer.error_code == 0 => {
                let same = if answer.producer_id.0 == known.id { "the same id" } else { "a new id" };
                format!("ok, {same}, epoch {}", answer.producer_epoch)
            }
            other => words::outcome(other.map(|answer| answer.error_code)),
        };
        sheet.note(cell, class);
    }
}
