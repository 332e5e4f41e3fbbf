//! Stored procedures, triggers and user-defined functions, as resources.

use std::sync::Arc;

use super::feed::Feed;
use super::item::at_first;
use crate::emulator::call::Call;
use crate::emulator::charge::REFUSED;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::store::container::Container;
use crate::emulator::store::definition::read_id;
use crate::emulator::store::item::without_system;
use crate::emulator::store::rid::Kind;
use crate::emulator::store::script::Script;
use crate::link::IdOf;
use crate::wire::header;

const WRITE_CHARGE: f64 = 4.95;

/// What the segment of the path says about the scripts.
struct Sort {
    kind: Kind,
    segment: &'static str,
    feed: &'static str,
    /// The word in quotas, and how many there may be.
    word: &'static str,
    limit: usize,
}

const SORTS: [Sort; 3] = [
    Sort {
        kind: Kind::StoredProcedure,
        segment: "sprocs",
        feed: "StoredProcedures",
        word: "storedProcedures",
        limit: 100,
    },
    Sort {
        kind: Kind::Trigger,
        segment: "triggers",
        feed: "Triggers",
        word: "triggers",
        limit: 25,
    },
    Sort {
        kind: Kind::UserFunction,
        segment: "udfs",
        feed: "UserDefinedFunctions",
        word: "functions",
        limit: 50,
    },
];

impl Sort {
    fn of(call: &Call<'_>) -> Result<&'static Self, Refusal> {
        let segment = call.request.segment(4);
        SORTS.iter().find(|it| it.segment == segment).ok_or_else(Refusal::unknown_url)
    }

    fn quota(&self, answer: Answer, container: &Container) -> Answer {
        let count = container.scripts.of(self.kind).len();
        answer.quota(format!("{}={};", self.word, self.limit), format!("{}={count};", self.word))
    }
}

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let sort = Sort::of(call)?;
    let account = call.read();
    let container = call.container(&account)?;
    let partition = container.first().ok_or_else(Refusal::range_gone)?;
    let feed = Feed {
        name: sort.feed,
        rid: container.rules.rid.text(),
        owner: Some(container.rules.owner.clone()),
        replica: partition.replica(),
        charge: 2.0,
        quota: None,
        values: container.scripts.of(sort.kind).iter().map(|it| it.value.clone()).collect(),
    };
    drop(account);
    feed.answer(call)
}

pub(crate) fn create(call: &Call<'_>) -> Result<Answer, Refusal> {
    let sort = Sort::of(call)?;
    // Checking a body may run it; others need not wait for that.
    let properties = read_body(call, sort);
    let mut account = call.write();
    let container = call.container_mut(&mut account)?;
    let properties = properties.map_err(|it| at_first(it, container))?;
    let id = properties.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let scripts = container.scripts.of(sort.kind);
    let existing = scripts.iter().position(|it| it.id == id);
    if let Some(index) = existing {
        if call.request.is_set(&header::IS_UPSERT) {
            return store(call, sort, container, index, properties);
        }
        return Err(at_first(Refusal::resource_exists(REFUSED), container));
    }
    if scripts.len() >= sort.limit {
        let text = format!("The container has {} {} already.", sort.limit, sort.word);
        return Err(at_first(Refusal::replica(403, REFUSED, &text), container));
    }
    let rules = Arc::clone(&container.rules);
    let rid = container.scripts.next_rid(rules.rid, sort.kind);
    let script = made(call, sort, container, rid, properties)?;
    container.scripts.of_mut(sort.kind).push(script.clone());
    let answer = answer(201, container, &script, WRITE_CHARGE)?;
    Ok(sort.quota(answer, container))
}

pub(crate) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let sort = Sort::of(call)?;
    let account = call.read();
    let container = call.container(&account)?;
    let index = index(call, sort, container)?;
    let script = &container.scripts.of(sort.kind)[index];
    Ok(answer(200, container, script, 1.0)?.header(header::ITEM_LSN, script.lsn))
}

pub(crate) fn replace(call: &Call<'_>) -> Result<Answer, Refusal> {
    let sort = Sort::of(call)?;
    let properties = read_body(call, sort);
    let mut account = call.write();
    let container = call.container_mut(&mut account)?;
    let index = index(call, sort, container)?;
    let properties = properties.map_err(|it| at_first(it, container))?;
    store(call, sort, container, index, properties)
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let sort = Sort::of(call)?;
    let mut account = call.write();
    let container = call.container_mut(&mut account)?;
    let index = index(call, sort, container)?;
    check_etag(call, container, index, sort)?;
    container.scripts.of_mut(sort.kind).remove(index);
    let partition = container.first().ok_or_else(Refusal::range_gone)?;
    partition.log().advance();
    let owner = container.rules.owner.clone();
    Ok(Answer::new(204, partition.replica(), WRITE_CHARGE).owner(owner))
}

/// Puts another version in the place of a script.
fn store(
    call: &Call<'_>,
    sort: &Sort,
    container: &mut Container,
    index: usize,
    properties: Object,
) -> Result<Answer, Refusal> {
    check_etag(call, container, index, sort)?;
    let id = properties.get("id").and_then(Value::as_str).unwrap_or_default();
    let same_id = container.scripts.of(sort.kind).iter().position(|it| it.id == id);
    if same_id.is_some_and(|it| it != index) {
        return Err(at_first(Refusal::resource_exists(REFUSED), container));
    }
    let rid = container.scripts.of(sort.kind)[index].rid.clone();
    let script = made(call, sort, container, rid, properties)?;
    container.scripts.of_mut(sort.kind)[index] = script.clone();
    answer(200, container, &script, WRITE_CHARGE)
}

fn made(
    call: &Call<'_>,
    sort: &Sort,
    container: &Container,
    rid: String,
    properties: Object,
) -> Result<Script, Refusal> {
    let log = container.first().ok_or_else(Refusal::range_gone)?.log();
    let etag = log.etag(call.now);
    let feed = (container.rules.self_link.as_str(), sort.segment);
    Ok(Script::new((rid, etag), feed, properties, (log.advance(), call.now)))
}

fn check_etag(
    call: &Call<'_>,
    container: &Container,
    index: usize,
    sort: &Sort,
) -> Result<(), Refusal> {
    let etag = &container.scripts.of(sort.kind)[index].etag;
    call.check_etag(etag).map_err(|it| at_first(it, container))
}

/// The index of the script in the path, by its id or rid.
fn index(call: &Call<'_>, sort: &Sort, container: &Container) -> Result<usize, Refusal> {
    let id = call.request.segment(5);
    let scripts = container.scripts.of(sort.kind);
    let by_id = scripts.iter().position(|it| it.id == id);
    by_id
        .or_else(|| scripts.iter().position(|it| it.rid == id))
        .ok_or_else(|| at_first(Refusal::resource_not_found(), container))
}

/// The properties in the body, once they are known to be a script.
fn read_body(call: &Call<'_>, sort: &Sort) -> Result<Object, Refusal> {
    let body = call.body()?;
    let object = body.as_object().ok_or_else(Refusal::bad_input)?;
    let id = read_id(&body, IdOf::Container).map_err(|it| it.with_charge(REFUSED))?;
    let script = body.get("body");
    let script = script.as_str().ok_or_else(|| Refusal::missing_property("body", REFUSED))?;
    if sort.kind == Kind::Trigger {
        check_word(&body, "triggerType", &["Pre", "Post"])?;
        let operations = ["All", "Create", "Update", "Delete", "Replace", "Upsert"];
        check_word(&body, "triggerOperation", &operations)?;
    }
    check_function(call, &id, script)?;
    Ok(without_system(object))
}

/// Checks that a property is one of some words, in any case.
fn check_word(body: &Value, name: &str, words: &[&str]) -> Result<(), Refusal> {
    let word = body.get(name);
    if word.is_undefined() {
        return Err(Refusal::missing_property(name, REFUSED));
    }
    let is_one =
        word.as_str().is_some_and(|it| words.iter().any(|own| own.eq_ignore_ascii_case(it)));
    if is_one { Ok(()) } else { Err(Refusal::bad_input()) }
}

/// Checks that the body of a script is a function. Without an engine every text passes.
fn check_function(call: &Call<'_>, id: &str, body: &str) -> Result<(), Refusal> {
    #[cfg(feature = "scripts")]
    {
        use crate::emulator::scripts::{Limits, check};
        let limits = Limits::of(call.emulator.script_timeout);
        check(id, body, limits).map_err(|it| Refusal::script(it, id, REFUSED))
    }
    #[cfg(not(feature = "scripts"))]
    {
        let _ = (call, id, body);
        Ok(())
    }
}

fn answer(
    status: u16,
    container: &Container,
    script: &Script,
    charge: f64,
) -> Result<Answer, Refusal> {
    let partition = container.first().ok_or_else(Refusal::range_gone)?;
    Ok(Answer::new(status, partition.replica(), charge)
        .owner(container.rules.owner.clone())
        .etag(&script.etag)
        .body(script.value.to_json()))
}
