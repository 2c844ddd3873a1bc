//! Fetch: read below the high watermark, or wait until it moves.

use bytes::Bytes;

use crate::api::{BrokerId, Fetch, FetchPart, FetchedPart, Response, Token};
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::parked::Parked;
use crate::partition::Pid;

impl Cluster {
    pub(crate) fn fetch(&mut self, broker: BrokerId, token: Token, fetch: Fetch) {
        let parts = self.read(broker, &fetch);
        if fetch.max_wait.is_zero() || is_enough(&parts, fetch.min_bytes) {
            return self.reply(token, Response::Fetch(parts));
        }
        let pids =
            fetch.parts.iter().filter_map(|part| self.resolve(&part.topic, part.partition).ok()).collect();
        let wait = fetch.max_wait;
        self.park(token, Parked::Fetch { broker, fetch, pids }, wait);
    }

    /// Looks again at a parked fetch; answers it if there is something to say now.
    pub(crate) fn wake_fetch(&mut self, token: Token) {
        let Some((Parked::Fetch { broker, fetch, .. }, _)) = self.parked.get(&token) else { return };
        let parts = self.read(*broker, fetch);
        if is_enough(&parts, fetch.min_bytes) {
            self.unpark(token);
            self.reply(token, Response::Fetch(parts));
        }
    }

    pub(crate) fn read(&self, broker: BrokerId, fetch: &Fetch) -> Vec<FetchedPart> {
        let mut left = fetch.max_bytes;
        let mut parts = Vec::with_capacity(fetch.parts.len());
        for asked in &fetch.parts {
            let part = self.read_part(broker, asked, left, fetch.from_followers);
            left = left.saturating_sub(size(&part.batches));
            parts.push(part);
        }
        parts
    }

    fn read_part(
        &self,
        broker: BrokerId,
        asked: &FetchPart,
        left: usize,
        from_followers: bool,
    ) -> FetchedPart {
        let pid = self.resolve(&asked.topic, asked.partition);
        let found = pid.and_then(|pid| self.readable(broker, pid, asked, left, from_followers));
        let mut part = FetchedPart {
            topic: asked.topic.clone(),
            partition: asked.partition,
            error: ErrorCode::None,
            high_watermark: -1,
            log_start_offset: -1,
            batches: Vec::new(),
            current_leader: None,
        };
        match found {
            Ok(batches) => {
                let partition = pid.ok().and_then(|pid| self.partitions.get(&pid));
                part.high_watermark = partition.map_or(-1, |p| p.high_watermark);
                part.log_start_offset = partition.map_or(-1, |p| p.log.start());
                part.batches = batches;
            }
            Err(error) => {
                part.error = error;
                part.current_leader = self.told_leader(pid, error);
            }
        }
        part
    }

    fn readable(
        &self,
        broker: BrokerId,
        pid: Pid,
        asked: &FetchPart,
        left: usize,
        from_followers: bool,
    ) -> Result<Vec<Bytes>, ErrorCode> {
        let partition = self.partitions.get(&pid).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        match partition.replica(broker) {
            Some(_) if from_followers => partition.check_epoch(asked.leader_epoch)?,
            _ => partition.check_leader(broker, asked.leader_epoch)?,
        }
        let log = &partition.log;
        let end = partition.replica(broker).map_or(0, |replica| replica.end);
        if asked.offset < log.start() || asked.offset > end {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        // A full answer takes nothing more; the first batch alone may be larger than was asked for.
        if left == 0 {
            return Ok(Vec::new());
        }
        Ok(log.read(asked.offset, partition.high_watermark.min(end), asked.max_bytes.min(left)))
    }
}

fn is_enough(parts: &[FetchedPart], min_bytes: usize) -> bool {
    let bytes: usize = parts.iter().map(|part| size(&part.batches)).sum();
    bytes >= min_bytes || parts.iter().any(|part| !part.error.is_none())
}

fn size(batches: &[Bytes]) -> usize {
    batches.iter().map(Bytes::len).sum()
}
