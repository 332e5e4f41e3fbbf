//! The body of a request: where it ends, and the chunked coding undone.

use super::response::Refusal;

/// How long a chunk's size line with its extensions may be, and all trailers together.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
}

/// Undoes the chunked coding, piece by piece as it arrives.
#[derive(Debug)]
pub(super) struct ChunkDecoder {
    limit: usize,
    state: State,
    body: Vec<u8>,
    trailer_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data(usize),
    DataEnd,
    Trailer,
    Done,
}

impl ChunkDecoder {
    /// A decoder that refuses bodies of more than `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: State::Size, body: Vec::new(), trailer_bytes: 0 }
    }

    /// Takes from the start of `input` what it can, and says how much that was.
    ///
    /// Nothing behind the end of the body is taken: it belongs to the next request.
    pub(super) fn decode(&mut self, input: &[u8]) -> Result<usize, Refusal> {
        let mut rest = input;
        while self.state != State::Done {
            let Some(taken) = self.step(rest)? else { break };
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(input.len() - rest.len())
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// One element of the coding; `None` where more input is needed for it.
    fn step(&mut self, input: &[u8]) -> Result<Option<usize>, Refusal> {
        match self.state {
            State::Size => self.size(input),
            State::Data(left) => Ok(self.data(input, left)),
            State::DataEnd => self.data_end(input),
            State::Trailer => self.trailer(input),
            State::Done => Ok(None),
        }
    }

    fn size(&mut self, input: &[u8]) -> Result<Option<usize>, Refusal> {
        // The parser takes a line without any digit for a zero.
        if input.first().is_some_and(|it| !it.is_ascii_hexdigit()) {
            return Err(MALFORMED);
        }
        let parsed = httparse::parse_chunk_size(input).map_err(|_| MALFORMED)?;
        let httparse::Status::Complete((taken, size)) = parsed else {
            return if input.len() > MAX_LINE_BYTES { Err(MALFORMED) } else { Ok(None) };
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > self.limit - self.body.len() {
            return Err(Refusal::BODY_TOO_LARGE);
        }
        self.state = if size == 0 { State::Trailer } else { State::Data(size) };
        Ok(Some(taken))
    }

    fn data(&mut self, input: &[u8], left: usize) -> Option<usize> {
        let (piece, _) = input.split_at_checked(left).unwrap_or((input, &[]));
        if piece.is_empty() {
            return None;
        }
        self.body.extend_from_slice(piece);
        let left = left - piece.len();
        self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
        Some(piece.len())
    }

    fn data_end(&mut self, input: &[u8]) -> Result<Option<usize>, Refusal> {
        match input {
            [b'\r', b'\n', ..] => {
                self.state = State::Size;
                Ok(Some(2))
            }
            [] | [b'\r'] => Ok(None),
            _ => Err(MALFORMED),
        }
    }

    /// Trailers say nothing that the emulator needs, so they are skipped.
    fn trailer(&mut self, input: &[u8]) -> Result<Option<usize>, Refusal> {
        let Some(end) = input.iter().position(|it| *it == b'\n') else {
            let too_long = self.trailer_bytes + input.len() > MAX_LINE_BYTES;
            return if too_long { Err(MALFORMED) } else { Ok(None) };
        };
        let taken = end + 1;
        self.trailer_bytes += taken;
        if self.trailer_bytes > MAX_LINE_BYTES {
            return Err(MALFORMED);
        }
        if matches!(input, [b'\n', ..] | [b'\r', b'\n', ..]) {
            self.state = State::Done;
        }
        Ok(Some(taken))
    }
}

const MALFORMED: Refusal = Refusal::bad_request("the chunked body is malformed");

#[cfg(test)]
mod tests {
    use super::*;

    /// The body and what was left over, with the input given in pieces of `size` bytes.
    fn decode(input: &[u8], size: usize) -> Result<(Vec<u8>, Vec<u8>), u16> {
        let mut decoder = ChunkDecoder::new(16);
        let mut buffer = Vec::new();
        for piece in input.chunks(size) {
            buffer.extend_from_slice(piece);
            let taken = decoder.decode(&buffer).map_err(|it| it.status.as_u16())?;
            buffer.drain(..taken);
        }
        assert!(decoder.is_done(), "unfinished: {input:?}");
        Ok((decoder.into_body(), buffer))
    }

    #[test]
    fn chunks_are_joined_however_they_arrive() {
        let inputs: [&[u8]; 3] = [
            b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
            b"5;name=value\r\nhello\r\n06\r\n world\r\n0\r\n\r\n",
            b"b\r\nhello world\r\n0\r\nExpires: never\r\nX: y\r\n\r\n",
        ];
        for input in inputs {
            for size in 1..=input.len() {
                assert_eq!(decode(input, size), Ok((b"hello world".to_vec(), vec![])), "by {size}");
            }
        }
    }

    #[test]
    fn the_next_request_is_left_alone() {
        let (body, rest) = decode(b"1\r\na\r\n0\r\n\r\nGET / HTTP/1.1", 7).unwrap();
        assert_eq!((body.as_slice(), rest.as_slice()), (&b"a"[..], &b"GET / HTTP/1.1"[..]));
    }

    #[test]
    fn what_is_not_chunked_is_refused() {
        let long_trailer = [b"0\r\n".to_vec(), vec![b'a'; 5000]].concat();
        let long_size = [b"1;".to_vec(), vec![b'a'; 5000]].concat();
        let cases: [(&[u8], u16); 8] = [
            (b"\r\n", 400),
            (b"x\r\n", 400),
            (b"1\r\nab\r\n", 400),
            (b"-1\r\n", 400),
            (b"ffffffffffffffffff\r\n", 400),
            (b"11\r\n", 413),
            (&long_trailer, 400),
            (&long_size, 400),
        ];
        for (input, status) in cases {
            assert_eq!(decode(input, 1000), Err(status), "{}", input.escape_ascii());
        }
    }
}
