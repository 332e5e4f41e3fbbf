//! The buffers of a connection: output gathers until someone waits for an answer, input grows only for a long head.

use ureq::unversioned::transport::Buffers;

/// Enough for most answers in one read.
const INPUT: usize = 64 * 1024;

/// A response head must fit whole; ureq gives up at [`super::MAX_RESPONSE_HEAD`], so this is never reached.
const MAX_INPUT: usize = 4 * super::MAX_RESPONSE_HEAD;

/// Untouched pages of it cost nothing: a buffer of this size comes from the system, zeroed when first written.
const OUTPUT: usize = 256 * 1024;

/// What is always free in the output: one header line must fit, and a session token may be long.
const ROOM: usize = 128 * 1024;

/// Input and output of one connection.
#[derive(Debug, Default)]
pub(super) struct GatheringBuffers {
    input: Vec<u8>,
    start: usize,
    end: usize,
    progress: bool,
    output: Vec<u8>,
    pending: usize,
}

impl GatheringBuffers {
    /// Keeps `amount` bytes that were written to the output; says whether they must go out to make room.
    pub(super) fn gather(&mut self, amount: usize) -> bool {
        self.pending += amount;
        OUTPUT.saturating_sub(self.pending) < ROOM
    }

    /// What was gathered and not sent.
    pub(super) fn pending(&self) -> &[u8] {
        self.output.get(..self.pending).unwrap_or_default()
    }

    /// Forgets what was gathered, after it was sent.
    pub(super) fn sent(&mut self) {
        self.pending = 0;
    }

    fn make_input_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end < self.input.len() {
            return;
        }
        if self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        } else if self.input.is_empty() {
            self.input = vec![0; INPUT];
        } else if self.input.len() < MAX_INPUT {
            self.input.resize(self.input.len() * 2, 0);
        }
    }

    fn make_output(&mut self) {
        if self.output.is_empty() {
            self.output = vec![0; OUTPUT];
        }
    }
}

impl Buffers for GatheringBuffers {
    fn output(&mut self) -> &mut [u8] {
        self.make_output();
        self.output.get_mut(self.pending..).unwrap_or_default()
    }

    fn input(&self) -> &[u8] {
        self.input.get(self.start..self.end).unwrap_or_default()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_input_room();
        self.input.get_mut(self.end..).unwrap_or_default()
    }

    fn input_appended(&mut self, amount: usize) {
        self.end = self.input.len().min(self.end + amount);
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.start = self.end.min(self.start + amount);
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_input_room();
        self.make_output();
        let scratch = self.input.get_mut(self.end..).unwrap_or_default();
        (scratch, self.output.get_mut(self.pending..).unwrap_or_default())
    }

    fn can_use_input(&self) -> bool {
        self.start < self.end && self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_body_gather_one_after_the_other() {
        let mut buffers = GatheringBuffers::default();
        for part in [&b"head"[..], b"body"] {
            buffers.output()[..part.len()].copy_from_slice(part);
            assert!(!buffers.gather(part.len()));
        }
        assert_eq!(buffers.pending(), b"headbody");
        buffers.sent();
        assert!(buffers.pending().is_empty());
    }

    #[test]
    fn there_is_always_room_for_a_long_header_line() {
        let mut buffers = GatheringBuffers::default();
        let mut flushes = 0;
        for _ in 0..100 {
            assert!(buffers.output().len() >= ROOM);
            if buffers.gather(10_000) {
                buffers.sent();
                flushes += 1;
            }
        }
        assert!(flushes > 0);
    }

    #[test]
    fn input_grows_while_nothing_is_consumed_and_moves_down_when_something_is() {
        let mut buffers = GatheringBuffers::default();
        for _ in 0..3 {
            let read = buffers.input_append_buf().len();
            assert!(read > 0);
            buffers.input_appended(read);
        }
        let filled = buffers.input().len();
        assert!(filled >= 3 * INPUT);
        buffers.input_consume(filled - 5);
        assert_eq!(buffers.input_append_buf().len(), filled - 5);
        assert_eq!(buffers.input().len(), 5);
    }
}
