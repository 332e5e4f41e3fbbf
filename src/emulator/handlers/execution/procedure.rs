//! A call of a stored procedure.

use super::stage::{Part, Performed, log_header};
use super::{Transacted, transact};
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Owner};
use crate::emulator::sql::value::Value;
use crate::emulator::store::container::Container;
use crate::emulator::store::script::Script;
use crate::wire::header;

/// A call that does nothing, as it was recorded.
const CALL_CHARGE: f64 = 4.27;
/// The body of a response that a procedure has not set.
const NOTHING: &str = "";

/// Runs the stored procedure of the path with the arguments of the body.
pub(crate) fn execute(call: &Call<'_>) -> Result<Answer, Refusal> {
    let arguments = arguments(call);
    let prepare = |container: &Container| {
        let script = find(call, container)?;
        let arguments = arguments.clone()?;
        if call.request.header(&header::PARTITION_KEY).is_none()
            && !container.rules.definition.has_system_key()
        {
            let text = "PartitionKey value must be supplied for this operation.";
            return Err(Refusal::gateway(400, text));
        }
        Ok((script, arguments))
    };
    let done = transact(call, prepare, |stage, (script, arguments)| {
        let part = Part {
            script,
            role: "procedure",
            operation: None,
            arguments: arguments.clone(),
            request: arguments.clone(),
            response: NOTHING.into(),
        };
        let performed = stage.perform(part).map_err(|it| {
            let charge = it.charge().unwrap_or_default();
            it.with_charge(CALL_CHARGE + charge)
        })?;
        Ok((performed, script.clone()))
    })?;
    Ok(answer(done))
}

fn answer(done: Transacted<(Performed, Script)>) -> Answer {
    let Transacted { value: (performed, script), charge, replica, owner } = done;
    let path = format!("{}/sprocs/{}", owner.path, script.id);
    let owner = Owner { path, rid: script.rid, fill: None };
    let answer = Answer::new(200, replica, CALL_CHARGE + charge).owner(owner);
    let body = performed.bodies.response.unwrap_or_else(|| NOTHING.into());
    let answer = answer.body(body.to_json());
    match log_header(&performed.log) {
        Some(log) => answer.header(header::SCRIPT_LOG_RESULTS, log),
        None => answer,
    }
}

/// The list in the body. A call without a body has no arguments.
fn arguments(call: &Call<'_>) -> Result<Value, Refusal> {
    if call.request.body.is_empty() {
        return Ok(Value::array(Vec::new()));
    }
    let body = call.body()?;
    if body.as_array().is_some() { Ok(body) } else { Err(Refusal::bad_input()) }
}

fn find(call: &Call<'_>, container: &Container) -> Result<Script, Refusal> {
    let id = call.request.segment(5);
    let procedures = &container.scripts.procedures;
    let by_id = procedures.iter().find(|it| it.id == id);
    by_id
        .or_else(|| procedures.iter().find(|it| it.rid == id))
        .cloned()
        .ok_or_else(Refusal::resource_not_found)
}
