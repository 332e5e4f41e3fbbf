//! The scripts of a container: stored procedures, triggers and user-defined functions.

mod stored_procedure;
mod trigger;
mod user_defined_function;

use super::{create, feed, query};
use crate::client::CosmosClient;
use crate::container::Container;
use crate::error::Result;
use crate::feed::Listing;
use crate::link::Link;
use crate::models::{StoredProcedureProperties, TriggerProperties, UserDefinedFunctionProperties};
use crate::operation::{
    CreateStoredProcedure, CreateTrigger, CreateUserDefinedFunction, Kind, Operation,
    UpsertStoredProcedure, UpsertTrigger, UpsertUserDefinedFunction,
};
use crate::pipeline::{Action, ResourceType, Spec};
use crate::query::Query;

pub use stored_procedure::StoredProcedure;
pub use trigger::Trigger;
pub use user_defined_function::UserDefinedFunction;

/// The scripts of a container. A handle: cheap to clone, and it sends nothing by itself.
///
/// ```
/// use cosmosdb::models::UserDefinedFunctionProperties;
/// # use cosmosdb::{ContainerProperties, Emulator};
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// let scripts = client.database("shop").container("orders").scripts();
/// let tax = UserDefinedFunctionProperties::new("tax", "function (price) { return price * 0.2; }");
/// scripts.create_user_defined_function(tax).send()?;
/// assert_eq!(scripts.user_defined_functions().into_iter().count(), 1);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scripts {
    container: Container,
}

#[expect(clippy::needless_pass_by_value, reason = "the properties are made for the call")]
impl Scripts {
    pub(crate) fn new(container: Container) -> Self {
        Self { container }
    }

    /// The container of the scripts.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The stored procedure `id`, which need not exist yet. Sends nothing.
    pub fn stored_procedure(&self, id: impl Into<String>) -> StoredProcedure {
        StoredProcedure::new(self.clone(), id.into())
    }

    /// Creates a stored procedure. One that exists is an error (409).
    ///
    /// ```
    /// use cosmosdb::models::StoredProcedureProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// let greet = StoredProcedureProperties::new("greet", "function () {}");
    /// assert_eq!(scripts.create_stored_procedure(greet.clone()).send()?.status(), 201);
    /// assert!(scripts.create_stored_procedure(greet).send().unwrap_err().is_conflict());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn create_stored_procedure(
        &self,
        properties: StoredProcedureProperties,
    ) -> Operation<CreateStoredProcedure> {
        self.operation(create(Action::Create, self.link(), &properties))
    }

    /// Creates a stored procedure (201), or replaces the one of that name (200).
    ///
    /// ```
    /// use cosmosdb::models::StoredProcedureProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// let greet = StoredProcedureProperties::new("greet", "function () {}");
    /// assert_eq!(scripts.upsert_stored_procedure(greet.clone()).send()?.status(), 201);
    /// assert_eq!(scripts.upsert_stored_procedure(greet).send()?.status(), 200);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn upsert_stored_procedure(
        &self,
        properties: StoredProcedureProperties,
    ) -> Operation<UpsertStoredProcedure> {
        self.operation(create(Action::Upsert, self.link(), &properties))
    }

    /// Lists the stored procedures of the container.
    ///
    /// ```
    /// use cosmosdb::models::StoredProcedureProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_stored_procedure(StoredProcedureProperties::new("greet", "function () {}")).send()?;
    /// for script in scripts.stored_procedures() {
    ///     assert_eq!(script?.id, "greet");
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn stored_procedures(&self) -> Listing<StoredProcedureProperties> {
        Listing::new(self.client(), feed(Action::List, ResourceType::StoredProcedure, self.link()))
    }

    /// Queries the stored procedures of the container: `SELECT * FROM r WHERE r.id = @id`.
    ///
    /// ```
    /// use cosmosdb::models::StoredProcedureProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_stored_procedure(StoredProcedureProperties::new("greet", "function () {}")).send()?;
    /// let query = scripts.query_stored_procedures("SELECT * FROM r WHERE r.id = @id").param("@id", "greet");
    /// assert_eq!(query.into_iter().count(), 1);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn query_stored_procedures(
        &self,
        text: impl Into<String>,
    ) -> Query<StoredProcedureProperties> {
        self.query(ResourceType::StoredProcedure, text.into())
    }

    /// The trigger `id`, which need not exist yet. Sends nothing.
    pub fn trigger(&self, id: impl Into<String>) -> Trigger {
        Trigger::new(self.clone(), id.into())
    }

    /// Creates a trigger. One that exists is an error (409).
    ///
    /// ```
    /// use cosmosdb::models::{TriggerOperation, TriggerProperties, TriggerType};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// let stamp = TriggerProperties::new("stamp", "function () {}", TriggerType::Pre, TriggerOperation::All);
    /// assert_eq!(scripts.create_trigger(stamp.clone()).send()?.status(), 201);
    /// assert!(scripts.create_trigger(stamp).send().unwrap_err().is_conflict());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn create_trigger(&self, properties: TriggerProperties) -> Operation<CreateTrigger> {
        self.operation(create(Action::Create, self.link(), &properties))
    }

    /// Creates a trigger (201), or replaces the one of that name (200).
    ///
    /// ```
    /// use cosmosdb::models::{TriggerOperation, TriggerProperties, TriggerType};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// let stamp = TriggerProperties::new("stamp", "function () {}", TriggerType::Pre, TriggerOperation::All);
    /// assert_eq!(scripts.upsert_trigger(stamp.clone()).send()?.status(), 201);
    /// assert_eq!(scripts.upsert_trigger(stamp).send()?.status(), 200);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn upsert_trigger(&self, properties: TriggerProperties) -> Operation<UpsertTrigger> {
        self.operation(create(Action::Upsert, self.link(), &properties))
    }

    /// Lists the triggers of the container.
    ///
    /// ```
    /// use cosmosdb::models::{TriggerOperation, TriggerProperties, TriggerType};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_trigger(TriggerProperties::new("stamp", "function () {}", TriggerType::Pre, TriggerOperation::All)).send()?;
    /// for script in scripts.triggers() {
    ///     assert_eq!(script?.id, "stamp");
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn triggers(&self) -> Listing<TriggerProperties> {
        Listing::new(self.client(), feed(Action::List, ResourceType::Trigger, self.link()))
    }

    /// Queries the triggers of the container: `SELECT * FROM r WHERE r.id = @id`.
    ///
    /// ```
    /// use cosmosdb::models::{TriggerOperation, TriggerProperties, TriggerType};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_trigger(TriggerProperties::new("stamp", "function () {}", TriggerType::Pre, TriggerOperation::All)).send()?;
    /// let query = scripts.query_triggers("SELECT * FROM r WHERE r.id = @id").param("@id", "stamp");
    /// assert_eq!(query.into_iter().count(), 1);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn query_triggers(&self, text: impl Into<String>) -> Query<TriggerProperties> {
        self.query(ResourceType::Trigger, text.into())
    }

    /// The user-defined function `id`, which need not exist yet. Sends nothing.
    pub fn user_defined_function(&self, id: impl Into<String>) -> UserDefinedFunction {
        UserDefinedFunction::new(self.clone(), id.into())
    }

    /// Creates a user-defined function. One that exists is an error (409).
    ///
    /// ```
    /// use cosmosdb::models::UserDefinedFunctionProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// let tax = UserDefinedFunctionProperties::new("tax", "function (x) { return x; }");
    /// assert_eq!(scripts.create_user_defined_function(tax.clone()).send()?.status(), 201);
    /// assert!(scripts.create_user_defined_function(tax).send().unwrap_err().is_conflict());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn create_user_defined_function(
        &self,
        properties: UserDefinedFunctionProperties,
    ) -> Operation<CreateUserDefinedFunction> {
        self.operation(create(Action::Create, self.link(), &properties))
    }

    /// Creates a user-defined function (201), or replaces the one of that name (200).
    ///
    /// ```
    /// use cosmosdb::models::UserDefinedFunctionProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// let tax = UserDefinedFunctionProperties::new("tax", "function (x) { return x; }");
    /// assert_eq!(scripts.upsert_user_defined_function(tax.clone()).send()?.status(), 201);
    /// assert_eq!(scripts.upsert_user_defined_function(tax).send()?.status(), 200);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn upsert_user_defined_function(
        &self,
        properties: UserDefinedFunctionProperties,
    ) -> Operation<UpsertUserDefinedFunction> {
        self.operation(create(Action::Upsert, self.link(), &properties))
    }

    /// Lists the user-defined functions of the container.
    ///
    /// ```
    /// use cosmosdb::models::UserDefinedFunctionProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_user_defined_function(UserDefinedFunctionProperties::new("tax", "function (x) { return x; }")).send()?;
    /// for script in scripts.user_defined_functions() {
    ///     assert_eq!(script?.id, "tax");
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn user_defined_functions(&self) -> Listing<UserDefinedFunctionProperties> {
        Listing::new(
            self.client(),
            feed(Action::List, ResourceType::UserDefinedFunction, self.link()),
        )
    }

    /// Queries the user-defined functions of the container: `SELECT * FROM r WHERE r.id = @id`.
    ///
    /// ```
    /// use cosmosdb::models::UserDefinedFunctionProperties;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_user_defined_function(UserDefinedFunctionProperties::new("tax", "function (x) { return x; }")).send()?;
    /// let query = scripts.query_user_defined_functions("SELECT * FROM r WHERE r.id = @id").param("@id", "tax");
    /// assert_eq!(query.into_iter().count(), 1);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn query_user_defined_functions(
        &self,
        text: impl Into<String>,
    ) -> Query<UserDefinedFunctionProperties> {
        self.query(ResourceType::UserDefinedFunction, text.into())
    }

    fn link(&self) -> Result<Link> {
        self.container.link()
    }

    fn client(&self) -> &CosmosClient {
        &self.container.database.client
    }

    fn operation<K: Kind>(&self, spec: Result<Spec>) -> Operation<K> {
        Operation::new(self.client(), spec)
    }

    fn query<T>(&self, kind: ResourceType, text: String) -> Query<T> {
        query(self.client(), feed(Action::Query, kind, self.link()), text)
    }
}
