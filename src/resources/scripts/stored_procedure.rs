//! A stored procedure.

use serde::Serialize;

use super::super::{child, on, replace};
use super::Scripts;
use crate::client::unwritable;
use crate::error::{Error, Result};
use crate::link::Link;
use crate::models::StoredProcedureProperties;
use crate::operation::{
    DeleteStoredProcedure, ExecuteStoredProcedure, Kind, Operation, ReadStoredProcedure,
    ReplaceStoredProcedure,
};
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, Partition, ResourceType, Spec};

/// A stored procedure of a container. A handle: cheap to clone, and it sends nothing by itself.
#[derive(Clone, Debug)]
pub struct StoredProcedure {
    scripts: Scripts,
    id: String,
}

impl StoredProcedure {
    pub(super) fn new(scripts: Scripts, id: String) -> Self {
        Self { scripts, id }
    }

    /// The id that the handle was made with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads the stored procedure.
    ///
    /// ```
    /// use cosmosdb::models::StoredProcedureProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_stored_procedure(StoredProcedureProperties::new("greet", "function () {}")).send()?;
    /// let greet = scripts.stored_procedure("greet").read().send()?.properties()?;
    /// assert!(greet.body.starts_with("function"));
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn read(&self) -> Operation<ReadStoredProcedure> {
        self.operation(on(Action::Read, ResourceType::StoredProcedure, self.link()))
    }

    /// Replaces the stored procedure.
    ///
    /// ```
    /// use cosmosdb::models::StoredProcedureProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_stored_procedure(StoredProcedureProperties::new("greet", "function () {}")).send()?;
    /// let greet = scripts.stored_procedure("greet");
    /// let read = greet.read().send()?;
    /// let mut properties = read.properties()?;
    /// properties.body = "function (name) { /* … */ }".into();
    /// // Only if nobody changed it since:
    /// greet.replace(&properties).if_match(read.etag().unwrap()).send()?;
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn replace(
        &self,
        properties: &StoredProcedureProperties,
    ) -> Operation<ReplaceStoredProcedure> {
        self.operation(replace(self.link(), properties))
    }

    /// Deletes the stored procedure.
    ///
    /// ```
    /// use cosmosdb::models::StoredProcedureProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_stored_procedure(StoredProcedureProperties::new("greet", "function () {}")).send()?;
    /// scripts.stored_procedure("greet").delete().send()?;
    /// assert!(scripts.stored_procedure("greet").read().send().unwrap_err().is_not_found());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn delete(&self) -> Operation<DeleteStoredProcedure> {
        self.operation(on(Action::Delete, ResourceType::StoredProcedure, self.link()))
    }

    /// Runs the stored procedure in the partition of `key`, with the parameters: an array or a tuple, `()` for none.
    ///
    /// All that the script writes is written, or nothing. The answer is what it gave to `setBody`:
    /// [`Response::item`](crate::Response::item).
    ///
    /// The client never runs a script again of its own accord where nobody knows whether it ran.
    ///
    /// ```
    /// use cosmosdb::models::StoredProcedureProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// let greet = "function (name, times) {
    ///     console.log('greeting ' + name);
    ///     getContext().getResponse().setBody(('hello ' + name + '! ').repeat(times).trim());
    /// }";
    /// scripts.create_stored_procedure(StoredProcedureProperties::new("greet", greet)).send()?;
    /// let answer = scripts.stored_procedure("greet").execute("Lyon", ("ana", 2)).script_logging(true).send()?;
    /// assert_eq!(answer.item::<String>()?, "hello ana! hello ana!");
    /// assert_eq!(answer.script_log().as_deref(), Some("greeting ana"));
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The script threw (400), took too long (408), or one of its writes was refused; nothing is written then.
    pub fn execute(
        &self,
        key: impl Into<PartitionKey>,
        parameters: impl Serialize,
    ) -> Operation<ExecuteStoredProcedure> {
        self.operation(self.execution(key.into(), &parameters))
    }

    fn link(&self) -> Result<Link> {
        child(ResourceType::StoredProcedure, self.scripts.link(), &self.id)
    }

    fn operation<K: Kind>(&self, spec: Result<Spec>) -> Operation<K> {
        self.scripts.operation(spec)
    }

    fn execution(&self, key: PartitionKey, parameters: &impl Serialize) -> Result<Spec> {
        key.check()?;
        let mut spec = on(Action::Execute, ResourceType::StoredProcedure, self.link())?;
        spec.container = Some(self.scripts.link()?);
        spec.partition = Partition::Key(key);
        spec.body = argument_list(parameters)?;
        Ok(spec)
    }
}

/// The body of an execution: a JSON array.
fn argument_list(parameters: &impl Serialize) -> Result<Vec<u8>> {
    let body = serde_json::to_vec(parameters).map_err(unwritable)?;
    match body.first() {
        Some(b'[') => Ok(body),
        _ if body == b"null" => Ok(b"[]".to_vec()),
        _ => Err(Error::invalid_input(
            "the parameters of a stored procedure are an array or a tuple: `(\"a\", 1)`, `[1, 2]`, `()`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_a_list() {
        let text = |body: Result<Vec<u8>>| String::from_utf8(body.unwrap()).unwrap();
        assert_eq!(text(argument_list(&())), "[]");
        assert_eq!(text(argument_list(&("a", 1, None::<u8>))), r#"["a",1,null]"#);
        assert_eq!(text(argument_list(&[1, 2])), "[1,2]");
        assert_eq!(text(argument_list(&serde_json::json!([{}]))), "[{}]");
        for wrong in [serde_json::json!("a"), serde_json::json!({"a": 1}), serde_json::json!(7)] {
            assert!(argument_list(&wrong).is_err(), "{wrong}");
        }
    }
}
