//! The kinds of operation that go through the proxies, and what they leave behind.

use cosmosdb::models::StoredProcedureProperties;
use cosmosdb::{Batch, Container, Etag, Operation, OptionalExt, Patch, Result};
use serde_json::{Value, json};

/// A kind of operation. Each works on the item `1` of its partition, which is there with `n` 0, or makes the item `2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Query,
    ChangeFeed,
    Create,
    Upsert,
    Replace,
    ReplaceIfMatch,
    Patch,
    Delete,
    Batch,
    /// Of [`BUMP`].
    Execute,
}

/// Adds one to `n` of the item `1`: what is carried out twice shows.
const BUMP: &str = r#"function () {
    const all = getContext().getCollection();
    const found = all.queryDocuments(all.getSelfLink(), "SELECT * FROM c WHERE c.id = '1'", (error, items) => {
        if (error) throw error;
        items[0].n += 1;
        if (!all.replaceDocument(items[0]._self, items[0])) throw new Error("no time");
    });
    if (!found) throw new Error("no time");
}"#;

/// Makes what the operations need beside items.
pub(super) fn prepare(items: &Container) {
    let bump = StoredProcedureProperties::new("bump", BUMP);
    items.scripts().create_stored_procedure(bump).send().unwrap();
}

impl Kind {
    pub(super) const ALL: [Self; 11] = [
        Self::Read,
        Self::Query,
        Self::ChangeFeed,
        Self::Create,
        Self::Upsert,
        Self::Replace,
        Self::ReplaceIfMatch,
        Self::Patch,
        Self::Delete,
        Self::Batch,
        Self::Execute,
    ];

    /// What the proxy calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Query => "query",
            Self::ChangeFeed => "change feed",
            Self::Create => "create",
            Self::Upsert => "upsert",
            Self::Replace | Self::ReplaceIfMatch => "replace",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Batch => "batch",
            Self::Execute => "execute",
        }
    }

    pub(super) fn is_read(self) -> bool {
        matches!(self, Self::Read | Self::Query | Self::ChangeFeed)
    }

    pub(super) fn has_request_body(self) -> bool {
        !matches!(self, Self::Read | Self::ChangeFeed | Self::Delete)
    }

    pub(super) fn has_answer_body(self) -> bool {
        self != Self::Delete
    }

    /// Carries it out in the partition `key`. `repeats` is what it says of its repetition in doubt, if anything.
    pub(super) fn carry_out(
        self,
        items: &Container,
        key: &str,
        etag: &Etag,
        repeats: Option<bool>,
    ) -> Result<()> {
        let item = |id: &str, n: i32| json!({ "id": id, "pk": key, "n": n });
        let patch = || Patch::new().incr("/n", 1);
        match self {
            Self::Read => items.read_item("1", key).send().map(drop),
            Self::Query => {
                let found = items.query_items::<Value>("SELECT * FROM c").partition_key(key);
                found.into_iter().collect::<Result<Vec<_>>>().map(|it| assert_eq!(it.len(), 1))
            }
            Self::ChangeFeed => {
                let mut pages =
                    items.change_feed::<Value>().partition_key(key).from_beginning().pages();
                pages.next().unwrap().map(|it| assert_eq!(it.items().len(), 1))
            }
            Self::Create => items
                .create_item(&item("2", 0))
                .set(repeats, Operation::retry_writes)
                .send()
                .map(drop),
            Self::Upsert => items
                .upsert_item(&item("1", 1))
                .set(repeats, Operation::retry_writes)
                .send()
                .map(drop),
            Self::Replace => items
                .replace_item("1", &item("1", 1))
                .set(repeats, Operation::retry_writes)
                .send()
                .map(drop),
            Self::ReplaceIfMatch => items
                .replace_item("1", &item("1", 1))
                .if_match(etag.clone())
                .set(repeats, Operation::retry_writes)
                .send()
                .map(drop),
            Self::Patch => items
                .patch_item("1", key, patch())
                .set(repeats, Operation::retry_writes)
                .send()
                .map(drop),
            Self::Delete => {
                items.delete_item("1", key).set(repeats, Operation::retry_writes).send().map(drop)
            }
            Self::Batch => items
                .batch(key)
                .create(&item("2", 0))
                .patch("1", patch())
                .set(repeats, Batch::retry_writes)
                .send()
                .map(drop),
            // Nothing lets it be repeated.
            Self::Execute => {
                items.scripts().stored_procedure("bump").execute(key, ()).send().map(drop)
            }
        }
    }

    /// How often it was carried out, as far as the items tell: seen by a client that no proxy stands before.
    pub(super) fn stored(self, items: &Container, key: &str) -> i64 {
        let read = |id: &str| {
            let item = items.read_item(id, key).send().optional().unwrap();
            item.map(|it| it.item::<Value>().unwrap())
        };
        match self {
            Self::Create => read("2").is_some().into(),
            Self::Delete => read("1").is_none().into(),
            _ => read("1").unwrap()["n"].as_i64().unwrap(),
        }
    }
}
