//! Which of several resource tokens a request goes with.

use std::time::Duration;

use http::HeaderValue;

use super::PermissionToken;
use crate::error::{Error, Result};
use crate::partition_key::PartitionKey;

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The link of the resource, or of the feed's parent; empty for the account.
    pub(crate) link: &'a str,
    /// The partition key that the request names.
    pub(crate) partition_key: Option<&'a PartitionKey>,
    pub(crate) reach: Reach,
}

/// Whom the service lets read what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everybody: the account.
    Anyone,
    /// Whoever may do something with it or in it: the container's definition and its partition key ranges.
    Inside,
    /// Only whom the resource, or one above it, was given to.
    Holder,
}

/// Resource tokens, ready to be sent.
#[derive(Debug)]
pub(crate) struct TokenSet {
    entries: Vec<Entry>,
    /// When they came, and when the first of them is over, on the client's clock.
    pub(super) made: Duration,
    pub(super) lifetime: Option<Duration>,
}

struct Entry {
    resource: String,
    partition_key: Option<PartitionKey>,
    header: HeaderValue,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.resource)
    }
}

impl TokenSet {
    pub(crate) fn new(tokens: Vec<PermissionToken>, now: Duration) -> Result<Self> {
        if tokens.is_empty() {
            return Err(Error::credential("there is no resource token: give at least one"));
        }
        let lifetime = tokens.iter().filter_map(|it| it.valid_for).min();
        let entry = |it: PermissionToken| {
            let header = it.header()?;
            Ok(Entry { resource: it.resource, partition_key: it.partition_key, header })
        };
        let entries = tokens.into_iter().map(entry).collect::<Result<_>>()?;
        Ok(Self { entries, made: now, lifetime })
    }

    /// The token for a request: that of the resource itself, else of the closest one above it. Of several for one
    /// resource, the one for the request's partition key comes before the one for all keys.
    pub(crate) fn find(&self, wanted: &Wanted<'_>) -> Result<&HeaderValue> {
        let by_link = self.best(wanted, |it| prefix_length(&it.resource, wanted.link));
        let found = by_link
            .or_else(|| self.best(wanted, |it| position_of_id(&it.resource, wanted.link)))
            .or_else(|| self.by_reach(wanted));
        found.map(|it| &it.header).ok_or_else(|| self.missing(wanted))
    }

    /// The entry for which `closeness` is greatest.
    fn best(
        &self,
        wanted: &Wanted<'_>,
        closeness: impl Fn(&Entry) -> Option<usize>,
    ) -> Option<&Entry> {
        let ranked = self.entries.iter().filter_map(|it| {
            let is_for_key = it.admits(wanted.partition_key);
            Some(((closeness(it).filter(|_| is_for_key)?, it.key_length()), it))
        });
        // Of equals the first counts.
        ranked.rev().max_by_key(|it| it.0).map(|it| it.1)
    }

    /// A token that is for something else, where that will do.
    fn by_reach(&self, wanted: &Wanted<'_>) -> Option<&Entry> {
        match wanted.reach {
            Reach::Anyone => self.entries.first(),
            Reach::Inside => self.entries.iter().find(|it| {
                prefix_length(wanted.link, &it.resource).is_some()
                    || position_of_id(&it.resource, wanted.link).is_some()
            }),
            Reach::Holder => None,
        }
    }

    fn missing(&self, wanted: &Wanted<'_>) -> Error {
        let link = if wanted.link.is_empty() { "the account" } else { wanted.link };
        let is_near = |it: &Entry| {
            prefix_length(&it.resource, wanted.link).is_some()
                || position_of_id(&it.resource, wanted.link).is_some()
        };
        let Some(key) =
            self.entries.iter().filter(|it| is_near(it)).find_map(|it| it.partition_key.as_ref())
        else {
            let count = self.entries.len();
            return Error::credential(format!(
                "the client has no resource token for {link}, and none for what it lies in; it has {count} for others"
            ));
        };
        Error::credential(match wanted.partition_key {
            Some(asked) => format!(
                "the client has no resource token for the partition key {} of {link}, only for others such as {}",
                asked.header_value(),
                key.header_value()
            ),
            None => format!(
                "the client has resource tokens only for single partition keys of {link}, such as {}: name the key",
                key.header_value()
            ),
        })
    }
}

impl Entry {
    /// Whether a request with this partition key is within what the token is for.
    fn admits(&self, key: Option<&PartitionKey>) -> bool {
        let Some(own) = &self.partition_key else { return true };
        key.is_some_and(|it| it.components().starts_with(own.components()))
    }

    fn key_length(&self) -> usize {
        self.partition_key.as_ref().map_or(0, |it| it.components().len().max(1))
    }
}

/// How long the resource's link is, if the link leads to the resource or to something in it.
fn prefix_length(resource: &str, link: &str) -> Option<usize> {
    let rest = link.strip_prefix(resource)?;
    let is_whole = resource.is_empty() || rest.is_empty() || rest.starts_with('/');
    is_whole.then_some(resource.len())
}

/// How far to the right an id stands in a link. Ids alone are what other SDKs keep of a permission's resource.
fn position_of_id(id: &str, link: &str) -> Option<usize> {
    if id.contains('/') {
        return None;
    }
    let ids = link.split('/').enumerate().filter(|(index, _)| index % 2 == 1);
    ids.filter(|it| it.1 == id).last().map(|it| it.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(tokens: &[(&str, Option<&str>)]) -> TokenSet {
        let tokens = tokens.iter().enumerate().map(|(number, (link, key))| {
            let token = PermissionToken::new(*link, format!("type=resource&sig={number}"));
            match key {
                Some(key) => token.partition_key(*key),
                None => token,
            }
        });
        TokenSet::new(tokens.collect(), Duration::ZERO).unwrap()
    }

    fn found(set: &TokenSet, link: &str, key: Option<&str>, reach: Reach) -> Option<usize> {
        let key = key.map(PartitionKey::from);
        let wanted = Wanted { link, partition_key: key.as_ref(), reach };
        let header = set.find(&wanted).ok()?.to_str().unwrap().to_owned();
        header.rsplit("%3D").next()?.parse().ok()
    }

    #[test]
    fn the_closest_token_is_taken() {
        let links = set(&[
            ("dbs/shop/colls/orders", None),
            ("dbs/shop/colls/orders/docs/42", None),
            ("/dbs/shop/colls/o/", None),
            ("dbs/d9RzAA==/colls/d9RzAJRFKgw=/", None),
            ("d9RzAPX6aAw=", None),
        ]);
        for (link, reach, expected) in [
            ("dbs/shop/colls/orders", Reach::Holder, Some(0)),
            ("dbs/shop/colls/orders/docs/1", Reach::Holder, Some(0)),
            ("dbs/shop/colls/orders/docs/42", Reach::Holder, Some(1)),
            ("dbs/shop/colls/orders/docs/421", Reach::Holder, Some(0)),
            ("dbs/shop/colls/o/docs/1", Reach::Holder, Some(2)),
            ("dbs/shop/colls/orders2/docs/1", Reach::Holder, None),
            (
                "dbs/d9RzAA==/colls/d9RzAJRFKgw=/docs/d9RzAJRFKgwBAAAAAAAAAA==",
                Reach::Holder,
                Some(3),
            ),
            ("dbs/d9RzAA==/colls/d9RzAPX6aAw=/docs/x", Reach::Holder, Some(4)),
            ("dbs/shop", Reach::Holder, None),
            ("", Reach::Holder, None),
            ("", Reach::Anyone, Some(0)),
        ] {
            assert_eq!(found(&links, link, None, reach), expected, "{link}");
        }
        assert_eq!(found(&set(&[("", None)]), "dbs/any", None, Reach::Holder), Some(0));
    }

    #[test]
    fn the_partition_key_chooses_among_the_tokens_of_a_resource() {
        let link = "dbs/shop/colls/orders";
        let keyed = set(&[(link, Some("Lyon")), (link, Some("Paris"))]);
        for (key, reach, expected) in [
            (Some("Lyon"), Reach::Holder, Some(0)),
            (Some("Paris"), Reach::Holder, Some(1)),
            (Some("Rome"), Reach::Holder, None),
            (None, Reach::Holder, None),
            (None, Reach::Inside, Some(0)),
        ] {
            assert_eq!(found(&keyed, link, key, reach), expected, "{key:?}");
        }
        let both = set(&[(link, None), (link, Some("Paris"))]);
        assert_eq!(found(&both, link, Some("Paris"), Reach::Holder), Some(1));
        assert_eq!(found(&both, link, Some("Rome"), Reach::Holder), Some(0));
    }

    #[test]
    fn a_token_for_an_item_will_do_for_what_describes_its_container() {
        let item = set(&[("dbs/a/colls/b/docs/1", None), ("dbs/shop/colls/orders/docs/1", None)]);
        assert_eq!(found(&item, "dbs/shop/colls/orders", None, Reach::Inside), Some(1));
        assert_eq!(found(&item, "dbs/shop/colls/orders", None, Reach::Holder), None);
    }

    #[test]
    fn the_error_names_the_resource() {
        let set = set(&[("dbs/a/colls/b", Some("Lyon"))]);
        for (link, key, expected) in [
            ("dbs/a/colls/c", None, "no resource token for dbs/a/colls/c"),
            (
                "dbs/a/colls/b/docs/1",
                Some("Rome"),
                "partition key [\"Rome\"] of dbs/a/colls/b/docs/1",
            ),
            ("dbs/a/colls/b", None, "name the key"),
        ] {
            let key = key.map(PartitionKey::from);
            let wanted = Wanted { link, partition_key: key.as_ref(), reach: Reach::Holder };
            let error = set.find(&wanted).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Credential);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error:?}{set:?}").contains("sig"));
        }
    }
}
