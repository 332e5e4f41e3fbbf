//! Resource tokens: made for a permission, and read when they come back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::{MasterKey, malformed, unauthorized};
use crate::emulator::date;
use crate::emulator::refusal::Refusal;
use crate::emulator::request::Request;
use crate::emulator::response::new_guid;
use crate::wire::header;

/// How long a token is valid unless the request says otherwise, and what it may say, in seconds.
const DEFAULT_SECONDS: u64 = 3_600;
const SECONDS: std::ops::RangeInclusive<u64> = 10..=86_400;

/// How long the tokens of an answer are to be valid, as the request asks.
pub(crate) fn validity(request: &Request<'_>) -> Result<u64, Refusal> {
    let Some(text) = request.header(&header::EXPIRY_SECONDS) else { return Ok(DEFAULT_SECONDS) };
    text.parse().ok().filter(|it| SECONDS.contains(it)).ok_or_else(|| {
        Refusal::gateway(
            400,
            format!(
                "The value '{text}' specified for the header 'x-ms-documentdb-expiry-seconds' is invalid. It must be a number of seconds from {} to {}.",
                SECONDS.start(),
                SECONDS.end()
            ),
        )
    })
}

impl MasterKey {
    /// A new token for a permission: `type=resource&ver=1&sig=…;…;`. No two are the same.
    pub(crate) fn issue(&self, permission_rid: &str, now: u64, seconds: u64) -> String {
        let content = format!("{permission_rid} {now} {} {}", now + seconds, new_guid());
        let signature = STANDARD.encode(hmac::sign(&self.key, content.as_bytes()));
        format!("type=resource&ver=1&sig={signature};{};", STANDARD.encode(content))
    }

    /// The rid of the permission that a token was made for, if the account made it and it is still valid.
    pub(super) fn read_token(&self, text: &str, now: SystemTime) -> Result<String, Refusal> {
        let mut parts = text.split(';').map(|it| STANDARD.decode(it));
        let (Some(Ok(signature)), Some(Ok(content))) = (parts.next(), parts.next()) else {
            return Err(malformed());
        };
        hmac::verify(&self.key, &content, &signature).map_err(|_| {
            unauthorized("The input authorization token can't serve the request. It was not made by this account.")
        })?;
        let content = String::from_utf8(content).map_err(|_| malformed())?;
        let mut words = content.split(' ');
        let (Some(rid), Some(start), Some(end)) = (words.next(), words.next(), words.next()) else {
            return Err(malformed());
        };
        let time = |it: &str| it.parse().ok().map(|it| UNIX_EPOCH + Duration::from_secs(it));
        let (Some(start), Some(end)) = (time(start), time(end)) else { return Err(malformed()) };
        if now >= end {
            let [start, end, now] = [start, end, now].map(date::format);
            return Err(Refusal::token_expired(&start, &end, &now));
        }
        Ok(rid.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> MasterKey {
        MasterKey::new(text).unwrap()
    }

    fn read(key: &MasterKey, token: &str, second: u64) -> Result<String, u16> {
        let signature = token.strip_prefix("type=resource&ver=1&sig=").unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(second);
        key.read_token(signature, now).map_err(|it| it.status())
    }

    #[test]
    fn tokens_are_good_for_their_time_and_account() {
        let key = key("c2VjcmV0");
        let token = key.issue("ruJjAFjqQABUp3QAAAAAAA==", 1000, 60);
        assert_eq!(read(&key, &token, 1059).as_deref(), Ok("ruJjAFjqQABUp3QAAAAAAA=="));
        assert_eq!(read(&key, &token, 1060), Err(403));
        assert_eq!(read(&self::key("b3RoZXI="), &token, 1000), Err(401));
        assert_ne!(token, key.issue("ruJjAFjqQABUp3QAAAAAAA==", 1000, 60));
    }

    #[test]
    fn damaged_tokens_are_refused() {
        let key = key("c2VjcmV0");
        for signature in ["", ";", "!;AAAA;", "AAAA", "AAAA;AAAA;"] {
            assert_eq!(read(&key, &format!("type=resource&ver=1&sig={signature}"), 0), Err(401));
        }
    }
}
