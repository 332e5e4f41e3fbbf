//! A user-defined function.

use super::super::{child, on, replace};
use super::Scripts;
use crate::error::Result;
use crate::link::Link;
use crate::models::UserDefinedFunctionProperties;
use crate::operation::{
    DeleteUserDefinedFunction, Kind, Operation, ReadUserDefinedFunction, ReplaceUserDefinedFunction,
};
use crate::pipeline::{Action, ResourceType, Spec};

/// A user-defined function of a container. A handle: cheap to clone, and it sends nothing by itself.
#[derive(Clone, Debug)]
pub struct UserDefinedFunction {
    scripts: Scripts,
    id: String,
}

impl UserDefinedFunction {
    pub(super) fn new(scripts: Scripts, id: String) -> Self {
        Self { scripts, id }
    }

    /// The id that the handle was made with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads the user-defined function.
    ///
    /// ```
    /// use cosmosdb::models::UserDefinedFunctionProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_user_defined_function(UserDefinedFunctionProperties::new("tax", "function (x) { return x; }")).send()?;
    /// let tax = scripts.user_defined_function("tax").read().send()?.properties()?;
    /// assert!(tax.body.starts_with("function"));
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn read(&self) -> Operation<ReadUserDefinedFunction> {
        self.operation(on(Action::Read, ResourceType::UserDefinedFunction, self.link()))
    }

    /// Replaces the user-defined function.
    ///
    /// ```
    /// use cosmosdb::models::UserDefinedFunctionProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_user_defined_function(UserDefinedFunctionProperties::new("tax", "function (x) { return x; }")).send()?;
    /// let tax = scripts.user_defined_function("tax");
    /// let read = tax.read().send()?;
    /// let mut properties = read.properties()?;
    /// properties.body = "function (x) { return x * 0.2; }".into();
    /// // Only if nobody changed it since:
    /// tax.replace(&properties).if_match(read.etag().unwrap()).send()?;
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn replace(
        &self,
        properties: &UserDefinedFunctionProperties,
    ) -> Operation<ReplaceUserDefinedFunction> {
        self.operation(replace(self.link(), properties))
    }

    /// Deletes the user-defined function.
    ///
    /// ```
    /// use cosmosdb::models::UserDefinedFunctionProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_user_defined_function(UserDefinedFunctionProperties::new("tax", "function (x) { return x; }")).send()?;
    /// scripts.user_defined_function("tax").delete().send()?;
    /// assert!(scripts.user_defined_function("tax").read().send().unwrap_err().is_not_found());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn delete(&self) -> Operation<DeleteUserDefinedFunction> {
        self.operation(on(Action::Delete, ResourceType::UserDefinedFunction, self.link()))
    }

    fn link(&self) -> Result<Link> {
        child(ResourceType::UserDefinedFunction, self.scripts.link(), &self.id)
    }

    fn operation<K: Kind>(&self, spec: Result<Spec>) -> Operation<K> {
        self.scripts.operation(spec)
    }
}
