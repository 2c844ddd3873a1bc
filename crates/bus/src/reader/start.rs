//! Finding out where to start, before anybody is told that the reader is ready. Blocking: for a blocking thread.

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use rdkafka::topic_partition_list::Offset;

use super::{Native, ReaderError, StartAt, TopicPartition};
use crate::code::Code;

/// Between two tries: a leader that is being elected, or a topic that is being created, takes about this long.
const RETRY: Duration = Duration::from_millis(50);

pub(super) fn assign(
    native: &Native,
    partitions: &[TopicPartition],
    start: StartAt,
    timeout: Duration,
) -> Result<(), ReaderError> {
    let until = Instant::now() + timeout;
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for at in partitions {
        let offset = match start {
            StartAt::Beginning => Offset::Beginning,
            StartAt::End => Offset::Offset(end_of(native, at, until)?),
        };
        list.add_partition_offset(&at.topic, at.partition, offset).map_err(refused)?;
    }
    native.assign(&list).map_err(refused)?;
    native.context().assigned(list.count());
    Ok(())
}

fn end_of(native: &Native, at: &TopicPartition, until: Instant) -> Result<i64, ReaderError> {
    loop {
        let left = until.saturating_duration_since(Instant::now()).max(RETRY);
        match native.fetch_watermarks(&at.topic, at.partition, left) {
            Ok((_, end)) => return Ok(end),
            Err(error) if Instant::now() + RETRY >= until => {
                let (topic, partition) = (at.topic.clone(), at.partition);
                return Err(ReaderError::NotReady { topic, partition, code: Code::of(&error) });
            }
            Err(_) => std::thread::sleep(RETRY),
        }
    }
}

fn refused(error: rdkafka::error::KafkaError) -> ReaderError {
    ReaderError::Refused(error.to_string())
}
