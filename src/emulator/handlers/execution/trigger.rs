//! A write with triggers: one before it, one after it, or both.

use std::sync::Arc;

use super::super::item::is_indexed;
use super::stage::{Part, Stage, log_header};
use super::{Transacted, transact};
use crate::emulator::call::Call;
use crate::emulator::charge::REFUSED;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::Value;
use crate::emulator::store::container::Container;
use crate::emulator::store::item::Item;
use crate::emulator::store::script::Script;
use crate::emulator::store::transaction::Target;
use crate::emulator::store::write::Verb;
use crate::wire::header;

/// The triggers that a request names, and what is done to the item, as triggers call it.
struct Triggers {
    pre: Option<Script>,
    post: Option<Script>,
    operation: &'static str,
}

/// What came of the write.
struct Written {
    status: u16,
    item: Option<Arc<Item>>,
    /// The body that a post-trigger put in the place of the item.
    body: Option<Value>,
    log: String,
}

/// Carries out a write with the triggers that the request names.
pub(crate) fn write(
    call: &Call<'_>,
    operation: &'static str,
    body: &Result<Value, Refusal>,
    verb: impl Fn(Value) -> Result<Verb, Refusal>,
) -> Result<Answer, Refusal> {
    let prepare =
        |container: &Container| Ok((Triggers::find(call, container, operation)?, body.clone()?));
    let done = transact(call, prepare, |stage, (triggers, body)| {
        let id = call.request.segment(5);
        // A delete has no body; its triggers see what is deleted.
        let body = if body.is_undefined() { stage.item(id) } else { body.clone() };
        let (body, pre_log) = triggers.before(stage, body)?;
        let condition = |name| call.request.header(&name).map(str::to_owned);
        let done = stage.apply(Target {
            verb: verb(body.clone())?,
            id: id.to_owned(),
            if_match: condition(http::header::IF_MATCH),
            if_none_match: condition(http::header::IF_NONE_MATCH),
            is_indexed: is_indexed(call),
        })?;
        let (body, post_log) = triggers.after(stage, body, done.item.as_deref())?;
        Ok(Written { status: done.status, item: done.item, body, log: pre_log + &post_log })
    })?;
    Ok(answer(call, done))
}

fn answer(call: &Call<'_>, done: Transacted<Written>) -> Answer {
    let Transacted { value, charge, replica, owner } = done;
    let mut answer = Answer::new(value.status, replica, charge).owner(owner);
    if let Some(item) = value.item {
        answer = answer.etag(&item.etag);
        if !call.request.wants_minimal() {
            answer = answer.body(value.body.map_or_else(|| item.json(), |it| it.to_json()));
        }
    }
    match log_header(&value.log) {
        Some(log) => answer.header(header::SCRIPT_LOG_RESULTS, log),
        None => answer,
    }
}

impl Triggers {
    fn find(
        call: &Call<'_>,
        container: &Container,
        operation: &'static str,
    ) -> Result<Self, Refusal> {
        let named = |name, sort| named(call, container, name, (sort, operation));
        Ok(Self {
            pre: named(&header::PRE_TRIGGER_INCLUDE, "Pre")?,
            post: named(&header::POST_TRIGGER_INCLUDE, "Post")?,
            operation,
        })
    }

    /// Runs the trigger that comes first; returns the body as it is then, and what was logged.
    fn before(&self, stage: &Stage, body: Value) -> Result<(Value, String), Refusal> {
        let Some(script) = &self.pre else { return Ok((body, String::new())) };
        let performed = stage.perform(Part {
            script,
            role: "pre",
            operation: Some(self.operation),
            arguments: Value::array(Vec::new()),
            request: body.clone(),
            response: Value::Null,
        })?;
        Ok((performed.bodies.request.unwrap_or(body), performed.log))
    }

    /// Runs the trigger that comes last; returns the body that it put into the answer, and what was logged.
    fn after(
        &self,
        stage: &Stage,
        body: Value,
        item: Option<&Item>,
    ) -> Result<(Option<Value>, String), Refusal> {
        let Some(script) = &self.post else { return Ok((None, String::new())) };
        let performed = stage.perform(Part {
            script,
            role: "post",
            operation: Some(self.operation),
            arguments: Value::array(Vec::new()),
            request: body,
            response: item.map_or(Value::Null, |it| it.value.clone()),
        })?;
        Ok((performed.bodies.response, performed.log))
    }
}

/// The trigger that a header names, if it names one; it has to be of this type, and for this operation.
fn named(
    call: &Call<'_>,
    container: &Container,
    name: &http::HeaderName,
    (sort, operation): (&str, &str),
) -> Result<Option<Script>, Refusal> {
    let list = call.request.header(name).unwrap_or_default();
    let ids: Vec<&str> = list.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
    let id = match ids.as_slice() {
        [] => return Ok(None),
        [id] => *id,
        _ => {
            let count = ids.len();
            return Err(refused(&format!("A request may name one {sort}-trigger, not {count}.")));
        }
    };
    let trigger = container.scripts.triggers.iter().find(|it| it.id == id);
    let trigger = trigger.ok_or_else(|| refused(&format!("Trigger '{id}' does not exist.")))?;
    let own = |name: &str| trigger.value.get(name).as_str().unwrap_or_default().to_owned();
    let (own_sort, own_operation) = (own("triggerType"), own("triggerOperation"));
    if !own_sort.eq_ignore_ascii_case(sort) {
        return Err(refused(&format!(
            "Trigger '{id}' was defined with trigger type '{own_sort}', and therefore is invalid for '{sort}'."
        )));
    }
    if !is_for(&own_operation, operation) {
        return Err(refused(&format!(
            "Trigger '{id}' was defined with operation type '{own_operation}', and therefore is invalid for '{operation}'."
        )));
    }
    Ok(Some(trigger.clone()))
}

fn refused(text: &str) -> Refusal {
    Refusal::replica(400, REFUSED, text)
}

/// Whether a trigger for one operation runs with another. An update is any change of an item that has to be there.
fn is_for(own: &str, operation: &str) -> bool {
    let is_update = matches!(operation, "Replace" | "Patch");
    own.eq_ignore_ascii_case("All")
        || own.eq_ignore_ascii_case(operation)
        || (is_update && own.eq_ignore_ascii_case("Update"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_run_with_their_operations() {
        for (own, runs_with) in [
            ("All", &["Create", "Upsert", "Replace", "Patch", "Delete"][..]),
            ("create", &["Create"]),
            ("Replace", &["Replace"]),
            ("Update", &["Replace", "Patch"]),
            ("DELETE", &["Delete"]),
            ("Upsert", &["Upsert"]),
            ("", &[]),
        ] {
            for operation in ["Create", "Upsert", "Replace", "Patch", "Delete"] {
                let expected = runs_with.contains(&operation);
                assert_eq!(is_for(own, operation), expected, "{own} {operation}");
            }
        }
    }
}
