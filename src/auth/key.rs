//! Signatures by the account's master key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::error::{Error, Result};

/// A key of the account: it may do everything. Nothing of it is ever shown.
#[derive(Clone)]
pub(crate) struct MasterKey(hmac::Key);

/// The header value up to the signature: `type=master&ver=1.0&sig=`, percent-encoded.
const PREFIX: &str = "type%3Dmaster%26ver%3D1.0%26sig%3D";

/// A SHA-256 hash in Base64.
const SIGNATURE_LENGTH: usize = 44;

impl MasterKey {
    /// The key as the portal shows it, in Base64.
    pub(crate) fn new(text: &str) -> Result<Self> {
        // Neither the cause nor the text goes into the error: both would show parts of the key.
        let bytes = STANDARD.decode(text.trim()).ok().filter(|it| !it.is_empty());
        let bytes = bytes.ok_or_else(|| {
            Error::credential("the account key is not valid Base64; copy it whole from the portal")
        })?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of the `Authorization` header for one request.
    ///
    /// `link` is the form that is signed: names in their own case, a resource id in lower case. `date` is the value of
    /// `x-ms-date`.
    pub(crate) fn sign(&self, verb: &str, resource_type: &str, link: &str, date: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        update_lower(&mut context, verb);
        context.update(b"\n");
        update_lower(&mut context, resource_type);
        context.update(b"\n");
        context.update(link.as_bytes());
        context.update(b"\n");
        update_lower(&mut context, date);
        // The empty line is where the `Date` header would stand if there were no `x-ms-date`.
        context.update(b"\n\n");

        let mut signature = [0; SIGNATURE_LENGTH];
        let length = STANDARD
            .encode_slice(context.sign(), &mut signature)
            .expect("a SHA-256 hash has 44 characters in Base64");
        let mut out = String::with_capacity(PREFIX.len() + SIGNATURE_LENGTH + 16);
        out.push_str(PREFIX);
        signature.iter().take(length).for_each(|byte| push_encoded(*byte, &mut out));
        out
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Hashes text in lower case without making a copy of it on the heap.
fn update_lower(context: &mut hmac::Context, text: &str) {
    let mut buffer = [0; 32];
    for chunk in text.as_bytes().chunks(buffer.len()) {
        let lower = &mut buffer[..chunk.len()];
        lower.copy_from_slice(chunk);
        lower.make_ascii_lowercase();
        context.update(lower);
    }
}

/// Of the characters of Base64, three are not allowed to stand for themselves.
fn push_encoded(byte: u8, out: &mut String) {
    match byte {
        b'+' => out.push_str("%2B"),
        b'/' => out.push_str("%2F"),
        b'=' => out.push_str("%3D"),
        other => out.push(char::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_A: &str =
        "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==";
    const KEY_B: &str =
        "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==";
    const DATE_A: &str = "Thu, 27 Apr 2017 00:51:12 GMT";
    const DATE_B: &str = "Tue, 01 Nov 2022 17:15:00 GMT";

    /// Signatures that the SDKs for Python and JavaScript make; the first is also in the REST documentation.
    const SIGNATURES: [(&str, &str, &str, &str); 8] = [
        ("GET", "dbs", "dbs/ToDoList", "c09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu+c+c="),
        (
            "POST",
            "docs",
            "dbs/SalesDB/colls/Orders",
            "5sm3S97h6T0iK8+2MQK+t2ES7k/4EKEBJBldo0nVBDA=",
        ),
        (
            "GET",
            "docs",
            "dbs/SalesDB/colls/Orders/docs/Caf\u{e9} 42",
            "Jxhn2/Qika6+DyN8Hn0toH6XD/6awuwyXp8s4HjIp/g=",
        ),
        ("PUT", "offers", "hu+t", "idXQpgESbpHkR5buI7jpQOoV+5S5UOKHt+GynqGj2a8="),
        ("GET", "", "", "rA8I1TTG/TCZHnwQ5Tchhb8DXwWFeP38/6B/tqsOxnw="),
        ("GET", "dbs", "", "OQ8c0bM6ki2H4d2MhvrEf/xZde/pJFF5Lil7aGxg2LA="),
        (
            "POST",
            "colls",
            "dbs/SalesDB/colls/Orders",
            "fUskhBii4WCe6JbHpgvAY1HPs/c4vihDjwBa1y5cd5M=",
        ),
        ("GET", "docs", "d9rzajrfkgwcaaaaaaaaaa==", "5krWBAiOqabhpr6kUIg5SEfRhcS8cpxq7Dyak7VAYB8="),
    ];

    fn header(signature: &str) -> String {
        let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("type%3Dmaster%26ver%3D1.0%26sig%3D{signature}")
    }

    #[test]
    fn signatures_are_those_of_the_other_sdks() {
        for (number, (verb, resource_type, link, signature)) in SIGNATURES.into_iter().enumerate() {
            let (key, date) = if number == 0 { (KEY_A, DATE_A) } else { (KEY_B, DATE_B) };
            let key = MasterKey::new(key).unwrap();
            let signed = key.sign(verb, resource_type, link, date);
            assert_eq!(signed, header(signature), "number {}", number + 1);
            let other_case = key.sign(
                &verb.to_lowercase(),
                &resource_type.to_uppercase(),
                link,
                &date.to_uppercase(),
            );
            assert_eq!(other_case, signed, "only the case of the link counts");
        }
    }

    #[test]
    fn the_key_is_never_shown() {
        for text in ["", "   ", "not base64!", "c2VjcmV0c2VjcmV0c2VjcmV0*"] {
            let error = MasterKey::new(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("c2Vj") && !shown.contains('*') && !shown.contains("not base64")
            );
        }
        assert_eq!(format!("{:?}", MasterKey::new(KEY_B).unwrap()), "MasterKey(…)");
    }
}
