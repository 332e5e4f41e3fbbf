//! Links: which resource a request is about, as a URL path and as the text that is signed.

mod address;
mod parse;

use crate::error::{Error, Result, prefix};

pub(crate) use address::Address;

/// A link to a resource or to a feed, without slashes at its ends and not percent-encoded.
///
/// It is made of names, `dbs/shop/colls/orders`, or of resource ids as in `_self`, `dbs/d9RzAA==/colls/d9RzAJRFKgw=`.
/// The service takes no mixture of both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    path: String,
    /// Of a link of resource ids: the last of them in lower case, which is all that is signed of it.
    signed_rid: Option<String>,
}

impl Link {
    /// The account itself.
    pub(crate) fn account() -> Self {
        Self { path: String::new(), signed_rid: None }
    }

    /// Whether it is made of resource ids.
    pub(crate) fn is_by_rid(&self) -> bool {
        self.signed_rid.is_some()
    }

    /// The link of the child `id` of the kind `segment`: `dbs/shop` and `colls`, `orders`.
    ///
    /// Below a link of resource ids, and for offers, `id` is a resource id too.
    pub(crate) fn child(&self, segment: &str, id: &str) -> Self {
        let is_by_rid = self.is_by_rid() || segment == "offers";
        let mut path = String::with_capacity(self.path.len() + segment.len() + id.len() + 2);
        if !self.path.is_empty() {
            path.push_str(&self.path);
            path.push('/');
        }
        path.push_str(segment);
        path.push('/');
        path.push_str(id);
        Self { path, signed_rid: is_by_rid.then(|| id.to_ascii_lowercase()) }
    }

    /// The name of the resource itself; `None` of the account, and where the link is made of resource ids.
    pub(crate) fn name(&self) -> Option<&str> {
        self.last().filter(|_| !self.is_by_rid())
    }

    /// The resource id of the resource itself, where the link is made of resource ids.
    pub(crate) fn rid(&self) -> Option<&str> {
        self.last().filter(|_| self.is_by_rid())
    }

    fn last(&self) -> Option<&str> {
        self.path.rsplit_once('/').map(|it| it.1)
    }

    /// The link as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.path
    }

    /// The URL path of the resource, or of the feed `segment` below it, with a leading slash.
    pub(crate) fn url_path(&self, feed: Option<&str>) -> String {
        let mut out = String::with_capacity(self.path.len() + 16);
        out.push('/');
        if self.is_by_rid() {
            // The characters of resource ids stand for themselves in a path.
            out.push_str(&self.path);
        } else {
            encode_path(&self.path, &mut out);
        }
        if let Some(feed) = feed {
            if !self.path.is_empty() {
                out.push('/');
            }
            out.push_str(feed);
        }
        out
    }

    /// The text that is signed for it.
    pub(crate) fn signed_form(&self) -> &str {
        self.signed_rid.as_deref().unwrap_or(&self.path)
    }
}

/// Percent-encodes all but unreserved characters and the slashes between segments.
pub(crate) fn encode_path(path: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

/// The text behind percent-encoding; `None` if it is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let escaped = (byte == b'%')
            .then(|| text.get(index + 1..index + 3))
            .flatten()
            .and_then(|it| u8::from_str_radix(it, 16).ok());
        out.push(escaped.unwrap_or(byte));
        index += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).ok()
}

/// What an id names, because the limits differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdOf {
    Database,
    Container,
    Item,
    /// What stands below a database or container, by the word that people use.
    Child(&'static str),
}

impl IdOf {
    fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Container => "container",
            Self::Item => "item",
            Self::Child(word) => word,
        }
    }
}

/// Checks an id against the service's rules, before anything is sent.
///
/// Ids have 1 to 255 characters (items: 1 to 1023 bytes), no `/`, `\`, `?` or `#`, no control characters and no space
/// at the end. <https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-item-limits>
pub(crate) fn check_id(of: IdOf, id: &str) -> Result<()> {
    let fault = if id.is_empty() {
        Some("is empty".to_owned())
    } else if of == IdOf::Item && id.len() > 1023 {
        Some(format!("has {} bytes; the service takes at most 1023", id.len()))
    } else if of != IdOf::Item && id.chars().count() > 255 {
        Some(format!("has {} characters; the service takes at most 255", id.chars().count()))
    } else if let Some(character) =
        id.chars().find(|it| matches!(it, '/' | '\\' | '?' | '#') || it.is_control())
    {
        Some(format!(
            "holds {character:?}; the characters / \\ ? # and control characters are not allowed"
        ))
    } else if id.ends_with(' ') {
        Some("ends in a space".to_owned())
    } else {
        None
    };
    match fault {
        None => Ok(()),
        Some(fault) => {
            Err(Error::invalid_input(format!("the {} id {:?} {fault}", of.word(), abbreviated(id))))
        }
    }
}

fn abbreviated(id: &str) -> String {
    if id.len() <= 64 { id.to_owned() } else { format!("{}…", prefix(id, 64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_encode_names_and_leave_rids() {
        let item =
            Link::account().child("dbs", "my shop").child("colls", "100%").child("docs", "a+b é🚀");
        assert_eq!(
            item.url_path(None),
            "/dbs/my%20shop/colls/100%25/docs/a%2Bb%20%C3%A9%F0%9F%9A%80"
        );
        assert_eq!(item.signed_form(), "dbs/my shop/colls/100%/docs/a+b é🚀");
        assert_eq!(Link::account().url_path(Some("dbs")), "/dbs");
        assert_eq!(Link::account().url_path(None), "/");
        let offer = Link::account().child("offers", "Hu+t");
        assert_eq!(offer.url_path(None), "/offers/Hu+t");
        assert_eq!(offer.signed_form(), "hu+t");
    }

    #[test]
    fn ids_are_checked_by_the_rules_of_the_service() {
        for id in ["a", " a", "a b", "100%", "a+b", "é🚀", "\"quoted\"", &"x".repeat(255)] {
            assert!(check_id(IdOf::Container, id).is_ok(), "{id:?}");
            assert!(check_id(IdOf::Item, id).is_ok(), "{id:?}");
        }
        for id in ["", "a/b", "a\\b", "a?b", "a#b", "a ", "a\tb", "a\nb", &"x".repeat(1024)] {
            assert!(check_id(IdOf::Database, id).is_err(), "{id:?}");
            assert!(check_id(IdOf::Item, id).is_err(), "{id:?}");
        }
        assert!(check_id(IdOf::Database, &"é".repeat(256)).is_err());
        assert!(check_id(IdOf::Item, &"é".repeat(511)).is_ok());
    }

    #[test]
    fn percent_decoding_leaves_what_is_no_escape() {
        assert_eq!(percent_decode("%C3%A9%zz%"), Some("é%zz%".to_owned()));
        assert_eq!(percent_decode("%ff"), None);
    }
}
