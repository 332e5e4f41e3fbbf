//! Writes to one item: what is checked, in which order, and what is stored.

use std::sync::Arc;

use super::container::Rules;
use super::definition::{read_id, read_ttl};
use super::item::{Item, size, without_system};
use super::partition::{Partition, Written};
use super::patch::{self, Patch};
use super::rid::Kind;
use crate::emulator::charge;
use crate::emulator::refusal::Refusal;
use crate::emulator::sql::value::{Object, Value};
use crate::link::IdOf;
use crate::partition_key::PartitionKey;
use crate::wire::MAX_BODY_BYTES;

/// What to do with an item.
#[derive(Clone, Debug)]
pub(crate) enum Verb {
    Create(Value),
    Upsert(Value),
    Replace(Value),
    Patch(Box<Patch>),
    Delete,
    /// Reads stand among the writes of a batch.
    Read,
}

/// A write, or a read within a batch.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) verb: Verb,
    /// The id or rid in the path or operation; not of creates and upserts.
    pub(crate) id: String,
    pub(crate) key: PartitionKey,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
    /// Whether the item is to be indexed; `None` leaves it to the container's policy.
    pub(crate) is_indexed: Option<bool>,
}

/// What an indexing directive says about [`Write::is_indexed`].
pub(crate) fn read_directive(word: &str) -> Option<bool> {
    let is = |it: &str| word.eq_ignore_ascii_case(it);
    (is("Include") || is("Exclude")).then(|| is("Include"))
}

/// When a write happens: the step of the partition, and the time in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) lsn: u64,
    pub(crate) timestamp: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) status: u16,
    pub(crate) charge: f64,
    /// The item as it is now; none after a delete.
    pub(crate) item: Option<Arc<Item>>,
    /// The number of the item and what was there before, if something was written.
    pub(crate) undo: Option<(u64, Option<Arc<Item>>)>,
}

impl Done {
    /// What the partition has to remember of it.
    pub(crate) fn written(&self) -> Option<Written> {
        let (_, before) = self.undo.clone()?;
        Some(Written { before, after: self.item.clone() })
    }
}

/// Carries out one write in the partition that holds its key.
pub(crate) fn apply(
    rules: &Rules,
    partition: &mut Partition,
    write: Write,
    moment: Moment,
) -> Result<Done, Refusal> {
    let is_indexed = write.is_indexed.unwrap_or(rules.definition.is_automatic);
    let target = Target { rules, moment, key: write.key.header_value().into(), is_indexed };
    let conditions = Conditions { if_match: write.if_match, if_none_match: write.if_none_match };
    match write.verb {
        Verb::Create(body) => target.create(partition, &body),
        Verb::Upsert(body) => target.upsert(partition, &body, &conditions),
        Verb::Replace(body) => target.replace(partition, &write.id, &body, &conditions),
        Verb::Patch(patch) => target.patch(partition, &write.id, &patch, &conditions),
        Verb::Delete => target.delete(partition, &write.id, &conditions),
        Verb::Read => target.read(partition, &write.id, &conditions),
    }
}

/// Takes back what was written, the last write first.
pub(crate) fn revert(partition: &mut Partition, number: u64, before: Option<Arc<Item>>) {
    partition.take(number);
    if let Some(item) = before {
        partition.put(item);
    }
}

/// The item with this id or rid, if it has not expired.
pub(crate) fn find<'p>(
    rules: &Rules,
    partition: &'p Partition,
    key: &str,
    id: &str,
    now: u64,
) -> Option<&'p Arc<Item>> {
    let by_rid = || {
        let item = partition.items().get(&rules.rid.item_number(id)?)?;
        (*item.key == *key).then_some(item)
    };
    let item = partition.find(key, id).or_else(by_rid)?;
    (!item.is_expired(rules.definition.default_ttl, now)).then_some(item)
}

struct Conditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl Conditions {
    fn check(&self, item: &Item) -> Result<(), Refusal> {
        let differs = self.if_match.as_ref().is_some_and(|it| it != "*" && *it != item.etag);
        let is_same = self.if_none_match.as_ref().is_some_and(|it| it == "*" || *it == item.etag);
        if differs || is_same { Err(Refusal::precondition()) } else { Ok(()) }
    }
}

struct Target<'a> {
    rules: &'a Rules,
    moment: Moment,
    key: Arc<str>,
    is_indexed: bool,
}

impl Target<'_> {
    fn create(&self, partition: &mut Partition, body: &Value) -> Result<Done, Refusal> {
        let draft = self.draft(body)?;
        if let Some(existing) = partition.find(&self.key, &draft.id).cloned() {
            if !self.is_expired(&existing) {
                return Err(Refusal::item_exists(charge::id_taken(&draft.value())));
            }
            partition.take(existing.number);
        }
        self.check_unique(partition, &draft, None)?;
        let number = self.rules.next_item_number();
        let item = self.store(partition, draft, number, None)?;
        let charge = charge::create(
            &item.value,
            item.bytes,
            !self.rules.definition.unique_keys.is_empty(),
            item.ttl.is_some(),
        );
        Ok(Done { status: 201, charge, undo: Some((number, None)), item: Some(item) })
    }

    fn upsert(
        &self,
        partition: &mut Partition,
        body: &Value,
        conditions: &Conditions,
    ) -> Result<Done, Refusal> {
        let draft = self.draft(body)?;
        match find(self.rules, partition, &self.key, &draft.id, self.moment.timestamp).cloned() {
            Some(existing) => self.overwrite(partition, draft, &existing, conditions),
            None => self.create(partition, body),
        }
    }

    fn replace(
        &self,
        partition: &mut Partition,
        id: &str,
        body: &Value,
        conditions: &Conditions,
    ) -> Result<Done, Refusal> {
        let draft = self.draft(body)?;
        let existing = self.existing(partition, id)?;
        if existing.id != draft.id && partition.find(&self.key, &draft.id).is_some() {
            return Err(Refusal::item_exists(charge::id_taken(&draft.value())));
        }
        self.overwrite(partition, draft, &existing, conditions)
    }

    fn overwrite(
        &self,
        partition: &mut Partition,
        draft: Draft,
        existing: &Arc<Item>,
        conditions: &Conditions,
    ) -> Result<Done, Refusal> {
        conditions.check(existing)?;
        self.check_unique(partition, &draft, Some(existing.number))?;
        let item = self.store(partition, draft, existing.number, Some(existing))?;
        let charge = charge::replace(&existing.value, &item.value, item.bytes);
        let undo = Some((item.number, Some(Arc::clone(existing))));
        Ok(Done { status: 200, charge, undo, item: Some(item) })
    }

    fn patch(
        &self,
        partition: &mut Partition,
        id: &str,
        patch: &Patch,
        conditions: &Conditions,
    ) -> Result<Done, Refusal> {
        let existing = self.existing(partition, id)?;
        conditions.check(&existing)?;
        patch::check_condition(patch, &existing)?;
        let patched = patch::apply(patch, &existing.value, &self.rules.definition.key_paths)?;
        let draft = Draft { object: patched, ..self.draft_of_stored(&existing) };
        let draft =
            Draft { ttl: read_ttl(&Value::from(draft.object.clone()).get("ttl"))?, ..draft };
        self.check_unique(partition, &draft, Some(existing.number))?;
        let item = self.store(partition, draft, existing.number, Some(&existing))?;
        if item.bytes > MAX_BODY_BYTES {
            revert(partition, item.number, Some(existing));
            return Err(Refusal::too_large());
        }
        let operations = patch.operations.len();
        let charge = charge::patch(&existing.value, &item.value, item.bytes, operations);
        let undo = Some((item.number, Some(existing)));
        Ok(Done { status: 200, charge, undo, item: Some(item) })
    }

    fn delete(
        &self,
        partition: &mut Partition,
        id: &str,
        conditions: &Conditions,
    ) -> Result<Done, Refusal> {
        let existing = self.existing(partition, id)?;
        conditions.check(&existing)?;
        partition.take(existing.number);
        let charge = charge::delete(&existing.value, existing.bytes);
        Ok(Done { status: 204, charge, undo: Some((existing.number, Some(existing))), item: None })
    }

    fn read(
        &self,
        partition: &Partition,
        id: &str,
        conditions: &Conditions,
    ) -> Result<Done, Refusal> {
        let item = find(self.rules, partition, &self.key, id, self.moment.timestamp)
            .ok_or_else(|| Refusal::item_not_found(1.0))?;
        let is_same = conditions.if_none_match.as_ref().is_some_and(|it| *it == item.etag);
        let status = if is_same { 304 } else { 200 };
        let item = Arc::clone(item);
        Ok(Done { status, charge: charge::read(item.bytes), item: Some(item), undo: None })
    }

    fn existing(&self, partition: &Partition, id: &str) -> Result<Arc<Item>, Refusal> {
        find(self.rules, partition, &self.key, id, self.moment.timestamp)
            .cloned()
            .ok_or_else(|| Refusal::item_not_found(charge::REFUSED))
    }

    fn is_expired(&self, item: &Item) -> bool {
        item.is_expired(self.rules.definition.default_ttl, self.moment.timestamp)
    }

    /// Checks a body against the rules that need no look at other items.
    fn draft(&self, body: &Value) -> Result<Draft, Refusal> {
        let object = body.as_object().ok_or_else(Refusal::bad_input)?;
        let id = read_id(body, IdOf::Item).map_err(|it| it.with_charge(charge::REFUSED))?;
        if *self.rules.key_of(body).header_value() != *self.key {
            return Err(Refusal::wrong_key());
        }
        Ok(Draft {
            id: id.into(),
            object: without_system(object),
            ttl: read_ttl(&body.get("ttl"))?,
        })
    }

    /// The draft of an item that is there; its own properties have been checked.
    fn draft_of_stored(&self, item: &Item) -> Draft {
        let object = item.value.as_object().cloned().unwrap_or_default();
        Draft { id: Arc::clone(&item.id), object, ttl: item.ttl }
    }

    fn check_unique(
        &self,
        partition: &mut Partition,
        draft: &Draft,
        own: Option<u64>,
    ) -> Result<(), Refusal> {
        if self.rules.definition.unique_keys.is_empty() {
            return Ok(());
        }
        let body = draft.value();
        for value in self.rules.unique_values(&body) {
            let Some(holder) = partition.unique_holder(&self.key, &value).cloned() else {
                continue;
            };
            if Some(holder.number) == own {
                continue;
            }
            if !self.is_expired(&holder) {
                return Err(Refusal::item_exists(charge::unique_key_taken(&body)));
            }
            partition.take(holder.number);
        }
        Ok(())
    }

    fn store(
        &self,
        partition: &mut Partition,
        draft: Draft,
        number: u64,
        existing: Option<&Arc<Item>>,
    ) -> Result<Arc<Item>, Refusal> {
        let Moment { lsn, timestamp } = self.moment;
        let rid = self.rules.rid.child(Kind::Item, number);
        let etag = partition.log().etag(timestamp);
        let unique = self.rules.unique_values(&draft.value());
        let mut object = draft.object;
        object.insert("_rid", rid.as_str().into());
        object.insert("_self", format!("{}docs/{rid}/", self.rules.self_link).into());
        object.insert("_etag", etag.as_str().into());
        object.insert("_attachments", "attachments/".into());
        // The timestamp always stands last, also after members that a patch added.
        object.remove("_ts");
        object.insert("_ts", timestamp.into());
        let value = Value::from(object);
        let key = self.rules.key_of(&value);
        let item = Arc::new(Item {
            number,
            id: draft.id,
            key: Arc::clone(&self.key),
            epk: self.rules.epk(&key),
            lsn,
            created_lsn: existing.map_or(lsn, |it| it.created_lsn),
            timestamp,
            etag,
            ttl: draft.ttl,
            is_indexed: self.is_indexed,
            unique,
            bytes: size(&value),
            value,
        });
        partition.put(Arc::clone(&item));
        Ok(item)
    }
}

/// An item that is about to be stored.
struct Draft {
    id: Arc<str>,
    object: Object,
    ttl: Option<i64>,
}

impl Draft {
    fn value(&self) -> Value {
        self.object.clone().into()
    }
}
