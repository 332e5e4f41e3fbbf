//! Changes to parts of an item.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::client::unwritable;
use crate::container::Container;
use crate::error::{Error, Result};
use crate::operation::{Operation, PatchItem};
use crate::partition_key::PartitionKey;
use crate::pipeline::Action;

/// Most operations of a patch.
const MAX_OPERATIONS: usize = 10;

/// Properties that belong to the service, and `id`, which never changes.
const FIXED: [&str; 6] = ["id", "_rid", "_self", "_etag", "_ts", "_attachments"];

/// Changes to parts of an item, carried out in order, all or none.
///
/// Paths are JSON pointers: `/total`, `/lines/0/price`; within a name, `~1` stands for `/` and `~0` for `~`. The parent
/// of what a path names must exist. A patch has 1 to 10 operations. It cannot change the id, the system properties
/// (`_etag`, `_ts`, …) or the properties of the partition key.
///
/// What is wrong with a patch is remembered, and returned when it is sent.
///
/// ```
/// use cosmosdb::Patch;
/// # use cosmosdb::{ContainerProperties, Emulator};
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// # let orders = client.database("shop").container("orders");
/// # orders.create_item(&serde_json::json!({ "id": "42", "city": "Lyon", "visits": 1, "draft": true, "tags": [] })).send()?;
///
/// let patch = Patch::new()
///     .set("/total", 12.5)
///     .incr("/visits", 1)
///     .remove("/draft")
///     .add("/tags/-", "urgent")
///     .condition("FROM c WHERE c.draft = true");
/// let order: serde_json::Value = orders.patch_item("42", "Lyon", &patch).send()?.item()?;
/// assert_eq!(order["visits"], 2);
/// assert_eq!(order["tags"], serde_json::json!(["urgent"]));
///
/// let again = orders.patch_item("42", "Lyon", &patch).send();
/// assert!(again.unwrap_err().is_precondition_failed());
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a patch changes nothing until it is sent"]
pub struct Patch {
    operations: Vec<Change>,
    condition: Option<String>,
    /// The first thing that is wrong with it.
    fault: Option<String>,
}

/// One operation of a patch, as it is sent.
#[derive(Clone, Debug, Serialize)]
struct Change {
    op: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
}

impl Patch {
    /// A patch without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a property, or replaces it where it exists. In an array, inserts before the element of that index; `-`
    /// appends.
    pub fn add(self, path: &str, value: impl Serialize) -> Self {
        self.with_value("add", path, value)
    }

    /// Sets a property, whether it exists or not. In an array, overwrites the element of that index.
    pub fn set(self, path: &str, value: impl Serialize) -> Self {
        self.with_value("set", path, value)
    }

    /// Replaces a property or an element, which must exist.
    pub fn replace(self, path: &str, value: impl Serialize) -> Self {
        self.with_value("replace", path, value)
    }

    /// Removes a property or an element, which must exist; the elements after it move up.
    pub fn remove(self, path: &str) -> Self {
        self.with("remove", None, path, None)
    }

    /// Adds to a number; a negative one subtracts. A property that does not exist is created with the value.
    ///
    /// Sums of whole numbers are whole numbers.
    #[doc(alias = "increment")]
    pub fn incr(self, path: &str, by: impl Serialize) -> Self {
        let is_number = matches!(serde_json::to_value(&by), Ok(serde_json::Value::Number(_)));
        let patch = self.with_value("incr", path, by);
        if is_number {
            patch
        } else {
            patch.faulty(|| format!("the value to add to {path:?} is not a number"))
        }
    }

    /// Takes the value from one place, which must exist, and puts it at another as [`add`](Self::add) does.
    pub fn move_to(self, from: &str, path: &str) -> Self {
        let is_inside = path.strip_prefix(from).is_some_and(|it| it.starts_with('/'));
        let patch = self.with("move", Some(from), path, None);
        if is_inside {
            patch.faulty(|| format!("{from:?} cannot be moved to {path:?}, which is inside it"))
        } else {
            patch
        }
    }

    /// Carries out the patch only if the item fulfils the condition, `FROM c WHERE …`; otherwise it fails with 412.
    pub fn condition(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    fn with_value(self, op: &'static str, path: &str, value: impl Serialize) -> Self {
        match serde_json::value::to_raw_value(&value) {
            Ok(value) => self.with(op, None, path, Some(value)),
            Err(error) => {
                self.faulty(|| format!("the value for {path:?} cannot be written as JSON: {error}"))
            }
        }
    }

    fn with(
        mut self,
        op: &'static str,
        from: Option<&str>,
        path: &str,
        value: Option<Box<RawValue>>,
    ) -> Self {
        self.operations.push(Change {
            op,
            from: from.map(str::to_owned),
            path: path.to_owned(),
            value,
        });
        let fault = from.into_iter().chain([path]).find_map(fault_of_path);
        match fault {
            Some(fault) => self.faulty(|| fault),
            None => self,
        }
    }

    fn faulty(mut self, fault: impl FnOnce() -> String) -> Self {
        self.fault.get_or_insert_with(fault);
        self
    }

    /// The body of the request, after all checks.
    pub(super) fn to_json(&self) -> Result<Box<RawValue>> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            condition: Option<&'a str>,
            operations: &'a [Change],
        }
        if let Some(fault) = &self.fault {
            return Err(Error::invalid_input(format!("the patch is invalid: {fault}")));
        }
        let count = self.operations.len();
        if !(1..=MAX_OPERATIONS).contains(&count) {
            return Err(Error::invalid_input(format!(
                "the patch has {count} operations; the service takes 1 to {MAX_OPERATIONS}"
            )));
        }
        let body =
            Body { condition: self.condition.as_deref(), operations: self.operations.as_slice() };
        serde_json::value::to_raw_value(&body).map_err(unwritable)
    }
}

/// So that calls take a patch, or borrow one that is sent several times.
impl From<&Self> for Patch {
    fn from(patch: &Self) -> Self {
        patch.clone()
    }
}

/// What is wrong with a path of a patch.
fn fault_of_path(path: &str) -> Option<String> {
    let Some(names) = path.strip_prefix('/') else {
        return Some(format!("the path {path:?} does not start with `/`"));
    };
    if FIXED.contains(&names) {
        return Some(format!("the property {path:?} cannot be changed"));
    }
    let escapes_are_whole =
        path.split('~').skip(1).all(|after| after.starts_with('0') || after.starts_with('1'));
    (!escapes_are_whole)
        .then(|| format!("in the path {path:?}, `~` is followed by neither 0 nor 1"))
}

impl Container {
    /// Changes parts of the item `id` of the partition `key`, without reading it first.
    ///
    /// An item that does not exist is an error (404), and so is a condition of the patch that does not hold (412). It
    /// costs about as much as a replacement. A patch of which nobody knows whether it arrived is never sent again, since
    /// it might then be carried out twice: see [`Error::may_have_been_applied`].
    ///
    /// See [`Patch`] for the operations and an example.
    #[doc(alias = "partial_update")]
    pub fn patch_item(
        &self,
        id: &str,
        key: impl Into<PartitionKey>,
        patch: impl Into<Patch>,
    ) -> Operation<PatchItem> {
        let spec = self.item_spec(Action::Patch, id, key.into()).and_then(|mut spec| {
            spec.body = patch.into().to_json()?.get().as_bytes().to_vec();
            Ok(spec)
        });
        self.operation(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_written_as_the_service_wants_it() {
        let patch = Patch::new()
            .add("/a~1b", [1])
            .set("/n", None::<u8>)
            .replace("/lines/0/price", 1.5)
            .remove("/x")
            .incr("/n", -2)
            .move_to("/a", "/b")
            .condition("FROM c WHERE c.n > 0");
        assert_eq!(
            patch.to_json().unwrap().get(),
            concat!(
                r#"{"condition":"FROM c WHERE c.n > 0","operations":["#,
                r#"{"op":"add","path":"/a~1b","value":[1]},{"op":"set","path":"/n","value":null},"#,
                r#"{"op":"replace","path":"/lines/0/price","value":1.5},{"op":"remove","path":"/x"},"#,
                r#"{"op":"incr","path":"/n","value":-2},{"op":"move","from":"/a","path":"/b"}]}"#
            )
        );
    }

    #[test]
    fn what_the_service_would_refuse_is_refused_before_it_is_sent() {
        let eleven = (0..11).fold(Patch::new(), |patch, n| patch.set(&format!("/p{n}"), n));
        for (patch, expected) in [
            (Patch::new(), "has 0 operations"),
            (eleven, "has 11 operations"),
            (Patch::new().set("total", 1), "does not start with `/`"),
            (Patch::new().set("", 1), "does not start with `/`"),
            (Patch::new().set("/id", "7"), "cannot be changed"),
            (Patch::new().remove("/_etag"), "cannot be changed"),
            (Patch::new().move_to("/id", "/key"), "cannot be changed"),
            (Patch::new().move_to("/a", "/a/b"), "inside it"),
            (Patch::new().incr("/n", "1"), "not a number"),
            (Patch::new().incr("/n", f64::NAN), "not a number"),
            (Patch::new().set("/a~2", 1), "neither 0 nor 1"),
            (
                Patch::new().set("/m", std::collections::HashMap::from([(vec![1], 2)])),
                "cannot be written",
            ),
        ] {
            let error = patch.to_json().unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(Patch::new().move_to("/a", "/a").set("/ttl", 5).to_json().is_ok());
        assert!(Patch::new().set("/lines/0/id", 1).move_to("/a", "/ab").to_json().is_ok());
    }
}
