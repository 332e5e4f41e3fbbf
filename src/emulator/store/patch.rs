//! Patches: small changes to an item, carried out in order, all or none.

use std::time::SystemTime;

use super::item::{Item, SYSTEM};
use crate::emulator::charge;
use crate::emulator::refusal::Refusal;
use crate::emulator::sql::ast::Query;
use crate::emulator::sql::bind::bind;
use crate::emulator::sql::environment::Environment;
use crate::emulator::sql::execute::{Document, PageRequest, execute};
use crate::emulator::sql::parser::parse;
use crate::emulator::sql::value::{Number, Object, Value};
use crate::wire::sub_status;

/// The body of a patch.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    condition: Option<Query>,
    pub(crate) operations: Vec<Operation>,
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    kind: Kind,
    path: Vec<String>,
    from: Vec<String>,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Add,
    Set,
    Replace,
    Remove,
    Increment,
    Move,
}

/// The most operations of one patch, and the deepest path.
const MAX_OPERATIONS: usize = 10;
const MAX_DEPTH: usize = 128;

impl Patch {
    /// Reads a body: `{"condition":"from c where …","operations":[{"op":"set","path":"/a","value":1}]}`.
    pub(crate) fn read(body: &Value) -> Result<Self, Refusal> {
        let list = body.get("operations");
        let list = list.as_array().or(body.as_array()).ok_or_else(Refusal::bad_payload)?;
        if list.is_empty() {
            return Err(bad_patch("The patch request has no operations."));
        }
        if list.len() > MAX_OPERATIONS {
            return Err(bad_patch(&format!(
                "The number of patch operations can't exceed '{MAX_OPERATIONS}'."
            )));
        }
        let condition = match body.get("condition").as_str() {
            Some(text) => Some(read_condition(text)?),
            None => None,
        };
        let operations = list.iter().enumerate().map(|(index, it)| read_operation(index + 1, it));
        Ok(Self { condition, operations: operations.collect::<Result<_, _>>()? })
    }
}

/// A condition is a query without its SELECT.
fn read_condition(text: &str) -> Result<Query, Refusal> {
    let query = parse(&format!("SELECT VALUE 1 {text}")).and_then(|it| bind(it, &[]));
    query.map_err(|it| Refusal::query(it, charge::REFUSED))
}

fn read_operation(number: usize, operation: &Value) -> Result<Operation, Refusal> {
    let text = |name: &str| operation.get(name).as_str().map(str::to_owned);
    let word = text("op").unwrap_or_default();
    let kind = match word.to_ascii_lowercase().as_str() {
        "add" => Kind::Add,
        "set" => Kind::Set,
        "replace" => Kind::Replace,
        "remove" => Kind::Remove,
        "incr" | "increment" => Kind::Increment,
        "move" => Kind::Move,
        _ => {
            return Err(bad_patch(&format!(
                "For Operation({number}): '{word}' is not a valid operation."
            )));
        }
    };
    let path = read_pointer(number, &text("path").unwrap_or_default())?;
    let from = match kind {
        Kind::Move => read_pointer(number, &text("from").unwrap_or_default())?,
        _ => Vec::new(),
    };
    let value = operation.get("value");
    let needs_value = !matches!(kind, Kind::Remove | Kind::Move);
    if needs_value && value.is_undefined() {
        return Err(bad_patch(&format!("For Operation({number}): the value is missing.")));
    }
    if kind == Kind::Increment && value.as_number().is_none() {
        return Err(bad_patch(&format!("For Operation({number}): the value is not a number.")));
    }
    if kind == Kind::Move && path.len() > from.len() && path.starts_with(&from) {
        return Err(bad_patch(&format!(
            "For Operation({number}): the target of a move can't be within its source."
        )));
    }
    Ok(Operation { kind, path, from, value })
}

/// The segments of a JSON pointer.
fn read_pointer(number: usize, text: &str) -> Result<Vec<String>, Refusal> {
    let segments: Vec<String> = match text.strip_prefix('/') {
        Some(rest) if !rest.is_empty() => {
            rest.split('/').map(|it| it.replace("~1", "/").replace("~0", "~")).collect()
        }
        _ => {
            return Err(bad_patch(&format!(
                "For Operation({number}): the path '{text}' is invalid."
            )));
        }
    };
    if segments.len() > MAX_DEPTH {
        return Err(bad_patch(&format!("For Operation({number}): the path is too deep.")));
    }
    Ok(segments)
}

/// Whether the patch may be applied to the item.
pub(crate) fn check_condition(patch: &Patch, item: &Item) -> Result<(), Refusal> {
    let Some(condition) = &patch.condition else { return Ok(()) };
    let mut documents =
        std::iter::once(Document { rid: item.number, value: item.value.clone(), size: item.bytes });
    let environment = Environment::bare(SystemTime::UNIX_EPOCH);
    let page = execute(condition, &mut documents, &PageRequest::everything(), &environment)
        .map_err(|it| Refusal::query(it, charge::REFUSED))?;
    if page.rows.is_empty() {
        return Err(Refusal::precondition().with_sub_status(sub_status::PATCH_CONDITION_NOT_MET));
    }
    Ok(())
}

/// The item with all changes made. Its id, key and system properties cannot be changed.
pub(crate) fn apply(patch: &Patch, item: &Value, keys: &[Vec<String>]) -> Result<Object, Refusal> {
    let mut value = item.clone();
    for (index, operation) in patch.operations.iter().enumerate() {
        for path in [&operation.path, &operation.from] {
            check_target(index + 1, path, keys)?;
        }
        value = change(&value, operation)
            .map_err(|fault| bad_patch(&format!("For Operation({}): {fault}", index + 1)))?;
    }
    value.as_object().cloned().ok_or_else(Refusal::bad_input)
}

fn check_target(number: usize, path: &[String], keys: &[Vec<String>]) -> Result<(), Refusal> {
    let Some(first) = path.first() else { return Ok(()) };
    let is_fixed = (path.len() == 1 && first == "id") || SYSTEM.contains(&first.as_str());
    let is_key = keys.iter().any(|it| it.starts_with(path) || path.starts_with(it));
    if is_fixed || is_key {
        return Err(bad_patch(&format!(
            "For Operation({number}): the path '/{}' can't be patched: it is an id, a partition key or a system property.",
            path.join("/")
        )));
    }
    Ok(())
}

fn change(value: &Value, operation: &Operation) -> Result<Value, String> {
    if operation.kind != Kind::Move {
        return edit(value, &operation.path, operation.kind, &operation.value);
    }
    if operation.from == operation.path {
        return Ok(value.clone());
    }
    let moved = operation.from.iter().try_fold(value.clone(), |it, name| child(&it, name));
    let moved = moved.ok_or("Move Operation: the source does not exist.")?;
    let without = edit(value, &operation.from, Kind::Remove, &Value::Undefined)?;
    edit(&without, &operation.path, Kind::Add, &moved)
}

fn child(value: &Value, name: &str) -> Option<Value> {
    let child = match value {
        Value::Object(object) => object.get(name).cloned(),
        Value::Array(elements) => elements.get(name.parse::<usize>().ok()?).cloned(),
        _ => None,
    };
    child.filter(|it| !it.is_undefined())
}

/// The value with the change made below `path`. The recursion is as deep as the path, which is bounded.
fn edit(value: &Value, path: &[String], kind: Kind, new: &Value) -> Result<Value, String> {
    let Some((name, rest)) = path.split_first() else { return Ok(new.clone()) };
    if !rest.is_empty() {
        let inner = child(value, name).ok_or_else(|| no_parent(kind, name))?;
        let changed = edit(&inner, rest, kind, new)?;
        return Ok(with_child(value, name, changed));
    }
    match value {
        Value::Object(object) => edit_object(object, name, kind, new),
        Value::Array(elements) => edit_array(elements, name, kind, new),
        _ => Err(no_parent(kind, name)),
    }
}

fn with_child(value: &Value, name: &str, child: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut object = (**object).clone();
            object.insert(name, child);
            object.into()
        }
        Value::Array(elements) => {
            let mut elements = (**elements).clone();
            if let Some(place) = name.parse::<usize>().ok().and_then(|it| elements.get_mut(it)) {
                *place = child;
            }
            Value::array(elements)
        }
        other => other.clone(),
    }
}

fn edit_object(object: &Object, name: &str, kind: Kind, new: &Value) -> Result<Value, String> {
    let mut object = object.clone();
    match (kind, object.get(name).cloned()) {
        (Kind::Add | Kind::Set | Kind::Move, _) | (Kind::Replace, Some(_)) => {
            object.insert(name, new.clone());
        }
        (Kind::Remove, Some(_)) => {
            object.remove(name);
        }
        (Kind::Increment, None) => object.insert(name, new.clone()),
        (Kind::Increment, Some(old)) => object.insert(name, sum(&old, new)?),
        (Kind::Replace | Kind::Remove, None) => {
            return Err(format!("the path '{name}' does not exist."));
        }
    }
    Ok(object.into())
}

fn edit_array(elements: &[Value], name: &str, kind: Kind, new: &Value) -> Result<Value, String> {
    let mut elements = elements.to_vec();
    let is_end = name == "-";
    let index = if is_end { elements.len() } else { name.parse().map_err(|_| no_index(name))? };
    let is_there = index < elements.len();
    match kind {
        Kind::Add | Kind::Move if index <= elements.len() => elements.insert(index, new.clone()),
        Kind::Set if index == elements.len() => elements.push(new.clone()),
        Kind::Set | Kind::Replace if is_there => elements[index] = new.clone(),
        Kind::Increment if is_there => elements[index] = sum(&elements[index], new)?,
        Kind::Remove if is_there => {
            elements.remove(index);
        }
        _ => return Err(no_index(name)),
    }
    Ok(Value::array(elements))
}

/// Integers stay integers as long as they fit.
fn sum(old: &Value, new: &Value) -> Result<Value, String> {
    let (Some(old), Some(new)) = (old.as_number(), new.as_number()) else {
        return Err("the target of an increment is not a number.".to_owned());
    };
    let exact = match (old, new) {
        (Number::Int(old), Number::Int(new)) => old.checked_add(new),
        _ => None,
    };
    let sum = exact.map_or_else(|| Value::from(old.as_f64() + new.as_f64()), Value::from);
    match sum.as_number() {
        Some(number) if number.is_finite() => Ok(sum),
        _ => Err("the sum of an increment is not a finite number.".to_owned()),
    }
}

fn no_parent(kind: Kind, name: &str) -> String {
    format!(
        "{kind:?} Operation can only create a child object of an existing node(array or object) and cannot create path recursively, no path found beyond: '{name}'. Learn more: https://aka.ms/cosmosdbpatchdocs"
    )
}

fn no_index(name: &str) -> String {
    format!("the array has no place '{name}'.")
}

fn bad_patch(text: &str) -> Refusal {
    Refusal::replica(400, charge::REFUSED, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(item: &str, operations: &str) -> Result<String, u16> {
        let body = format!("{{\"operations\":{operations}}}");
        let patch =
            Patch::read(&Value::from_json(body.as_bytes()).unwrap()).map_err(|it| it.status())?;
        let item = Value::from_json(item.as_bytes()).unwrap();
        apply(&patch, &item, &[vec!["pk".to_owned()]])
            .map(|it| Value::from(it).to_json())
            .map_err(|it| it.status())
    }

    #[test]
    fn operations_do_what_the_service_does() {
        for (operations, expected) in [
            (r#"[{"op":"add","path":"/c","value":1}]"#, Ok(r#"{"a":1,"b":[1,2],"c":1}"#)),
            (r#"[{"op":"add","path":"/b/1","value":9}]"#, Ok(r#"{"a":1,"b":[1,9,2]}"#)),
            (r#"[{"op":"add","path":"/b/-","value":9}]"#, Ok(r#"{"a":1,"b":[1,2,9]}"#)),
            (r#"[{"op":"add","path":"/b/3","value":9}]"#, Err(400)),
            (r#"[{"op":"add","path":"/x/y","value":9}]"#, Err(400)),
            (r#"[{"op":"set","path":"/b/1","value":null}]"#, Ok(r#"{"a":1,"b":[1,null]}"#)),
            (r#"[{"op":"replace","path":"/a","value":{}}]"#, Ok(r#"{"a":{},"b":[1,2]}"#)),
            (r#"[{"op":"replace","path":"/z","value":{}}]"#, Err(400)),
            (r#"[{"op":"remove","path":"/b/0"}]"#, Ok(r#"{"a":1,"b":[2]}"#)),
            (r#"[{"op":"remove","path":"/z"}]"#, Err(400)),
            (r#"[{"op":"incr","path":"/a","value":2}]"#, Ok(r#"{"a":3,"b":[1,2]}"#)),
            (r#"[{"op":"incr","path":"/n","value":2.5}]"#, Ok(r#"{"a":1,"b":[1,2],"n":2.5}"#)),
            (r#"[{"op":"incr","path":"/b","value":1}]"#, Err(400)),
            (r#"[{"op":"move","from":"/a","path":"/z"}]"#, Ok(r#"{"b":[1,2],"z":1}"#)),
            (r#"[{"op":"move","from":"/b","path":"/b/0"}]"#, Err(400)),
            (r#"[{"op":"set","path":"/id","value":1}]"#, Err(400)),
            (r#"[{"op":"set","path":"/pk","value":1}]"#, Err(400)),
            (r#"[{"op":"remove","path":"/_ts"}]"#, Err(400)),
            (r#"[{"op":"copy","from":"/a","path":"/z"}]"#, Err(400)),
            (r#"[{"op":"add","path":"/c"}]"#, Err(400)),
            ("[]", Err(400)),
        ] {
            let result = patched(r#"{"a":1,"b":[1,2]}"#, operations);
            assert_eq!(result.as_deref(), expected.as_ref().map(|it| *it), "{operations}");
        }
    }
}
