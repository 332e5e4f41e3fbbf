//! Links that callers give: `_self` of a resource, or the same path by names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{IdOf, Link, check_id};
use crate::error::{Error, Result};

/// Fewest bytes of the resource id of anything below a database.
const CHILD_BYTES: usize = 8;

impl Link {
    /// Reads a link that leads through these kinds: `dbs`, `colls`. Slashes at its ends do not matter.
    ///
    /// It is made of resource ids where all of it can be: a database's is eight characters of Base64 for four bytes,
    /// those below it have at least eight bytes. Otherwise it is made of names, which are checked as such.
    pub(crate) fn parse(text: &str, kinds: &[&str]) -> Result<Self> {
        let malformed = || {
            let form: Vec<String> = kinds.iter().map(|it| format!("{it}/…")).collect();
            Error::invalid_input(format!("the link {text:?} is not of the form {}", form.join("/")))
        };
        let segments: Vec<&str> = text.trim_matches('/').split('/').collect();
        if segments.len() != 2 * kinds.len() {
            return Err(malformed());
        }
        let mut ids = Vec::with_capacity(kinds.len());
        for (pair, kind) in segments.chunks_exact(2).zip(kinds) {
            let [word, id] = pair else { return Err(malformed()) };
            if !word.eq_ignore_ascii_case(kind) {
                return Err(malformed());
            }
            ids.push(*id);
        }
        let mut link = Self::account();
        let is_by_rid = kinds.iter().zip(&ids).all(|(kind, id)| is_rid_of(kind, id));
        for (kind, id) in kinds.iter().zip(ids) {
            if !is_by_rid {
                check_id(id_of(kind), id)?;
            }
            link = link.child(kind, id);
            link.signed_rid = is_by_rid.then(|| id.to_ascii_lowercase());
        }
        Ok(link)
    }

    /// The child of the kind `segment` that callers name by its id: below a link of resource ids, by its resource id.
    pub(crate) fn child_by_id(&self, segment: &str, id: &str) -> Result<Self> {
        check_id(id_of(segment), id)?;
        if self.is_by_rid() && !is_rid(id) {
            return Err(mixed(&self.path, id));
        }
        Ok(self.child(segment, id))
    }

    /// The child of the kind `segment` that callers name by its id, or by its `_self`.
    ///
    /// A `_self` begins with `dbs/`, which no id can. Where both links tell what the child lives in, they have to agree.
    pub(crate) fn child_by_id_or_self(&self, segment: &str, text: &str) -> Result<Self> {
        if !is_link(text) {
            return self.child_by_id(segment, text);
        }
        let words = self.path.split('/').step_by(2).filter(|it| !it.is_empty());
        let kinds: Vec<&str> = words.chain([segment]).collect();
        let link = Self::parse(text, &kinds)?;
        let is_below = link.path.strip_prefix(&self.path).is_some_and(|it| it.starts_with('/'));
        if link.is_by_rid() == self.is_by_rid() && !is_below {
            let (parent, path) = (&self.path, &link.path);
            return Err(Error::invalid_input(format!("{path} is not below {parent}")));
        }
        Ok(link)
    }
}

/// Whether a text is a link, rather than an id.
fn is_link(text: &str) -> bool {
    let path = text.trim_start_matches('/');
    path.get(..4).is_some_and(|it| it.eq_ignore_ascii_case("dbs/"))
}

/// Whether a text can be the resource id of something below a database.
fn is_rid(text: &str) -> bool {
    rid_length(text).is_some_and(|it| it >= CHILD_BYTES)
}

fn is_rid_of(kind: &str, text: &str) -> bool {
    match kind {
        "dbs" => text.len() == 8 && rid_length(text) == Some(4),
        _ => is_rid(text),
    }
}

/// How many bytes a resource id has: Base64 with `-` for `/`.
fn rid_length(text: &str) -> Option<usize> {
    STANDARD.decode(text.replace('-', "/")).ok().map(|it| it.len())
}

fn id_of(kind: &str) -> IdOf {
    match kind {
        "dbs" => IdOf::Database,
        "docs" => IdOf::Item,
        "users" => IdOf::Child("user"),
        "permissions" => IdOf::Child("permission"),
        "sprocs" => IdOf::Child("stored procedure"),
        "triggers" => IdOf::Child("trigger"),
        "udfs" => IdOf::Child("user-defined function"),
        "conflicts" => IdOf::Child("conflict"),
        _ => IdOf::Container,
    }
}

fn mixed(parent: &str, id: &str) -> Error {
    Error::invalid_input(format!(
        "{parent} is addressed by resource ids, and so must be what is in it: {id:?} is no resource id, give the _self"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: &[&str] = &["dbs"];
    const CONTAINER: &[&str] = &["dbs", "colls"];
    const ITEM: &[&str] = &["dbs", "colls", "docs"];
    const ITEM_SELF: &str = "dbs/d9RzAA==/colls/d9RzAJRFKgw=/docs/d9RzAJRFKgwBAAAAAAAAAA==";

    #[test]
    fn links_of_resource_ids_are_told_from_links_of_names() {
        for (kinds, text, signed) in [
            (DATABASE, "dbs/xjwmAA==/", "xjwmaa=="),
            (DATABASE, "/dbs/d9RzAA==", "d9rzaa=="),
            (DATABASE, "DBS/d9RzAA==", "d9rzaa=="),
            (DATABASE, "dbs/paas_cmr", "dbs/paas_cmr"),
            (DATABASE, "dbs/abcd", "dbs/abcd"),
            (DATABASE, "/dbs/x/", "dbs/x"),
            (CONTAINER, "dbs/d9RzAA==/colls/d9RzAJRFKgw=/", "d9rzajrfkgw="),
            (CONTAINER, "dbs/Sales/colls/Orders", "dbs/Sales/colls/Orders"),
            // A database whose name looks like a resource id, with a container that has a name.
            (CONTAINER, "dbs/abcdef==/colls/products", "dbs/abcdef==/colls/products"),
            (ITEM, ITEM_SELF, "d9rzajrfkgwbaaaaaaaaaa=="),
            (ITEM, "//dbs/a b/colls/100%/docs/é//", "dbs/a b/colls/100%/docs/é"),
        ] {
            assert_eq!(Link::parse(text, kinds).unwrap().signed_form(), signed, "{text}");
        }
    }

    #[test]
    fn resource_ids_are_not_encoded_in_paths() {
        let link = Link::parse("dbs/d9+zAA==/", DATABASE).unwrap();
        assert_eq!(link.url_path(Some("colls")), "/dbs/d9+zAA==/colls");
        let offer = Link::account().child("offers", "Hu+t");
        assert_eq!((offer.url_path(None).as_str(), offer.signed_form()), ("/offers/Hu+t", "hu+t"));
    }

    /// The signatures are those of other SDKs: numbers 2, 4 and 8 of the vectors of the master key.
    #[test]
    fn links_are_signed_as_other_sdks_do() {
        const KEY: &str = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==";
        let key = crate::auth::MasterKey::new(KEY).unwrap();
        let rid = "dbs/d9RzAA==/colls/d9RzAJRFKgw=/docs/d9RzAJRFKgwCAAAAAAAAAA==/";
        for (verb, kind, link, expected) in [
            ("POST", "docs", Link::parse("/dbs/SalesDB/colls/Orders", CONTAINER), "5sm3S97h6T0iK8"),
            ("PUT", "offers", Ok(Link::account().child("offers", "Hu+t")), "idXQpgESbpHkR5buI7"),
            ("GET", "docs", Link::parse(rid, ITEM), "5krWBAiOqabhpr6kUIg5SEfRhcS8cpxq7Dyak7VAYB8"),
        ] {
            let link = link.unwrap();
            let signed = key.sign(verb, kind, link.signed_form(), "Tue, 01 Nov 2022 17:15:00 GMT");
            assert!(signed.contains(&format!("sig%3D{expected}")), "{signed}");
        }
    }

    #[test]
    fn what_is_no_such_link_is_refused() {
        for (kinds, text) in [
            (DATABASE, ""),
            (DATABASE, "dbs"),
            (DATABASE, "dbs/"),
            (DATABASE, "colls/a"),
            (DATABASE, "dbs/a/colls/b"),
            (CONTAINER, "dbs//colls/b"),
            (CONTAINER, "dbs/a/users/b"),
            (CONTAINER, "dbs/a/colls/b?c"),
        ] {
            assert!(Link::parse(text, kinds).is_err(), "{text}");
        }
    }

    #[test]
    fn a_child_is_named_by_its_id_or_by_its_self_link() {
        let by_name = Link::parse("dbs/d/colls/c", CONTAINER).unwrap();
        let by_rid = Link::parse("dbs/d9RzAA==/colls/d9RzAJRFKgw=", CONTAINER).unwrap();
        let other = Link::parse("dbs/d9RzAA==/colls/d9RzAPX6aAw=", CONTAINER).unwrap();
        for (parent, text, expected) in [
            (&by_name, "1", Some("dbs/d/colls/c/docs/1")),
            (&by_name, "dbs/d/colls/c/docs/1", Some("dbs/d/colls/c/docs/1")),
            (&by_name, "dbs/d/colls/other/docs/1", None),
            (&by_name, ITEM_SELF, Some(ITEM_SELF)),
            (&by_name, "a/b", None),
            (&by_rid, &format!("{ITEM_SELF}/"), Some(ITEM_SELF)),
            (&by_rid, "d9RzAJRFKgwBAAAAAAAAAA==", Some(ITEM_SELF)),
            (&by_rid, "1", None),
            (&other, ITEM_SELF, None),
        ] {
            let link = parent.child_by_id_or_self("docs", text);
            assert_eq!(link.ok().as_ref().map(Link::as_str), expected, "{text}");
        }
    }
}
