//! The check of signatures and tokens, written apart from the client's so that one proves the other.

mod grant;
mod token;

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;

use super::date;
use super::refusal::Refusal;
use super::request::Request;
use super::store::rid;
use crate::link::percent_decode;
use crate::wire::header;

pub(crate) use grant::check as check_permission;
pub(crate) use token::validity;

/// How far the request's clock may be from ours.
const CLOCK_SKEW: Duration = Duration::from_secs(15 * 60);

/// The account's key, ready for use.
pub(crate) struct MasterKey {
    text: String,
    key: hmac::Key,
}

/// Who sent a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// Who has the account's key.
    Owner,
    /// Who has a token of the permission with this rid.
    Permission(String),
}

/// The moments by which requests are judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// The machine's: clients sign by it, however far the account's time has been moved on.
    pub(crate) clock: SystemTime,
    /// The account's, by which tokens are made and run out.
    pub(crate) account: SystemTime,
}

/// What a request is about, as it is signed.
pub(crate) struct Signed<'a> {
    /// `docs`, `colls`, …; empty for the account.
    pub(crate) resource_type: &'a str,
    /// By names: `dbs/shop/colls/orders`. Empty for the account and its feeds.
    pub(crate) link: String,
}

impl Default for MasterKey {
    /// The key of no bytes.
    fn default() -> Self {
        Self { text: String::new(), key: hmac::Key::new(hmac::HMAC_SHA256, &[]) }
    }
}

impl MasterKey {
    /// A key from its Base64 text; `None` if it is not Base64, or empty.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok().filter(|it| !it.is_empty())?;
        Some(Self { text: text.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Says who sent a request whose signature is right and fresh, or whose token is valid.
    pub(crate) fn check(
        &self,
        request: &Request<'_>,
        signed: &Signed<'_>,
        now: Now,
    ) -> Result<Bearer, Refusal> {
        let token = request.header(&http::header::AUTHORIZATION).ok_or_else(|| {
            unauthorized("Required Header authorization is missing. Ensure a valid Authorization token is passed.")
        })?;
        let token = percent_decode(token).ok_or_else(malformed)?;
        let field =
            |name: &str| token.split('&').find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
        let signature = field("sig").ok_or_else(malformed)?;
        match field("type") {
            Some("master") => {
                self.check_master(request, signed, signature, now.clock).map(|()| Bearer::Owner)
            }
            Some("aad") => self.check_bearer(signature).map(|()| Bearer::Owner),
            Some("resource") => self.read_token(signature, now.account).map(Bearer::Permission),
            _ => Err(malformed()),
        }
    }

    fn check_master(
        &self,
        request: &Request<'_>,
        signed: &Signed<'_>,
        signature: &str,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let own_date = request.header(&header::DATE).unwrap_or_default();
        let http_date = request.header(&http::header::DATE).unwrap_or_default();
        let stated = if own_date.is_empty() { http_date } else { own_date };
        if stated.is_empty() {
            return Err(unauthorized(
                "Required Header x-ms-date or date is missing. Ensure a valid date is passed.",
            ));
        }
        let time = date::parse(stated).ok_or_else(|| {
            unauthorized(
                "The date in the request is invalid. Ensure that it is in RFC 1123 format.",
            )
        })?;
        let skew = now.duration_since(time).unwrap_or_else(|before| before.duration());
        if skew > CLOCK_SKEW {
            return Err(Refusal::gateway(
                403,
                format!(
                    "The authorization token is not valid at the current time. Request date: {stated}, current time: {}. Ensure that the clock of the client is right.",
                    date::format(now)
                ),
            ));
        }
        let signature = STANDARD.decode(signature).map_err(|_| malformed())?;
        let is_right = candidates(&signed.link).iter().any(|link| {
            let text = [
                request.method.as_str().to_ascii_lowercase().as_str(),
                signed.resource_type,
                link,
                &own_date.to_ascii_lowercase(),
                &if own_date.is_empty() { http_date.to_ascii_lowercase() } else { String::new() },
                "",
            ]
            .join("\n");
            hmac::verify(&self.key, text.as_bytes(), &signature).is_ok()
        });
        if is_right {
            return Ok(());
        }
        Err(unauthorized(
            "The input authorization token can't serve the request. The wrong key is being used or the expected payload is not built as per the protocol. For more info: https://aka.ms/cosmosdb-tsg-unauthorized.",
        ))
    }

    /// Microsoft's emulator takes tokens whose third part is its key, in the clear or in Base64.
    fn check_bearer(&self, token: &str) -> Result<(), Refusal> {
        let key = token.splitn(3, '.').nth(2).unwrap_or_default();
        let decoded = URL_SAFE_NO_PAD.decode(key.trim_end_matches('='));
        if key == self.text || decoded.is_ok_and(|it| it == self.text.as_bytes()) {
            return Ok(());
        }
        Err(unauthorized("The bearer token is not valid for this account."))
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// A link of names is signed as it is, one of rids by its last rid in lower case. A database may have a name that looks
/// like a rid, so that both count where the link looks like one of rids.
fn candidates(link: &str) -> Vec<String> {
    let mut segments = link.split('/');
    let is_by_rid = match (segments.next(), segments.next()) {
        (Some("dbs"), Some(id)) => rid::is_database(id),
        (Some("offers"), _) => true,
        _ => false,
    };
    let mut links = vec![link.to_owned()];
    if is_by_rid {
        links.push(link.rsplit('/').next().unwrap_or_default().to_ascii_lowercase());
    }
    links
}

fn unauthorized(text: &str) -> Refusal {
    Refusal::gateway(401, text)
}

fn malformed() -> Refusal {
    unauthorized(
        "The input authorization token can't serve the request. Its format is invalid. For more info: https://aka.ms/cosmosdb-tsg-unauthorized.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==";
    const AUTHORIZATION: &str =
        "type%3Dmaster%26ver%3D1.0%26sig%3Dc09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu%2Bc%2Bc%3D";
    const DATE: &str = "Thu, 27 Apr 2017 00:51:12 GMT";

    fn check(key: &str, link: &str, authorization: &str, late: Duration) -> Result<(), u16> {
        let request = http::Request::get("http://localhost/dbs/ToDoList")
            .header("authorization", authorization)
            .header("x-ms-date", DATE)
            .body(Vec::new())
            .unwrap();
        let topology = crate::emulator::Emulator::new().inner.topology();
        let request = Request::parse(&request, topology).unwrap();
        let signed = Signed { resource_type: "dbs", link: link.to_owned() };
        let now = date::parse(DATE).unwrap() + late;
        let now = Now { clock: now, account: now };
        let bearer = MasterKey::new(key).unwrap().check(&request, &signed, now);
        bearer.map(|it| assert_eq!(it, Bearer::Owner)).map_err(|it| it.status())
    }

    #[test]
    fn the_documented_signature_passes_and_others_do_not() {
        let fresh = Duration::from_secs(60);
        assert_eq!(check(KEY, "dbs/ToDoList", AUTHORIZATION, fresh), Ok(()));
        assert_eq!(check(KEY, "dbs/todolist", AUTHORIZATION, fresh), Err(401));
        assert_eq!(check("AAAA", "dbs/ToDoList", AUTHORIZATION, fresh), Err(401));
        assert_eq!(check(KEY, "dbs/ToDoList", "nonsense", fresh), Err(401));
        assert_eq!(check(KEY, "dbs/ToDoList", AUTHORIZATION, Duration::from_secs(901)), Err(403));
    }
}
