//! Users of a database.

use super::{child, on, replace};
use crate::client::CosmosClient;
use crate::database::Database;
use crate::error::Result;
use crate::feed::Listing;
use crate::link::Link;
use crate::models::{PermissionProperties, UserProperties};
use crate::operation::{
    CreatePermission, DeleteUser, Kind, Operation, ReadUser, ReplaceUser, UpsertPermission,
};
use crate::pipeline::{Action, ResourceType, Spec};
use crate::query::Query;
use crate::resources::Permission;

/// A user of a database: a name under which permissions are kept. A handle: cheap to clone, and it sends nothing by
/// itself.
///
/// Users are a means of handing out little: a program with the account's key makes them and their permissions, and
/// gives the resource tokens of the permissions to programs that are to have no key.
///
/// ```
/// use cosmosdb::models::{PermissionMode, PermissionProperties};
/// # use cosmosdb::{ContainerProperties, Emulator};
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// let shop = client.database("shop");
/// shop.create_user("ana").send()?;
/// let orders = shop.container("orders").link_by_names();
/// let reading = PermissionProperties::new("reads-orders", PermissionMode::Read, orders);
/// shop.user("ana").create_permission(reading).send()?;
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct User {
    database: Database,
    id: String,
}

impl User {
    pub(crate) fn new(database: Database, id: String) -> Self {
        Self { database, id }
    }

    /// The id that the handle was made with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The database of the user.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Reads the user.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_user("ana").send()?;
    /// assert_eq!(shop.user("ana").read().send()?.properties()?.id, "ana");
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn read(&self) -> Operation<ReadUser> {
        self.operation(on(Action::Read, ResourceType::User, self.link()))
    }

    /// Replaces the user: gives them another name. Their permissions stay.
    ///
    /// ```
    /// use cosmosdb::models::UserProperties;
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_user("ana").send()?;
    /// shop.user("ana").replace(&UserProperties::new("anna")).send()?;
    /// assert!(shop.user("anna").read().send().is_ok());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn replace(&self, properties: &UserProperties) -> Operation<ReplaceUser> {
        self.operation(replace(self.link(), properties))
    }

    /// Deletes the user with all permissions.
    ///
    /// The service lets tokens that were given out be until they expire; the emulator refuses them at once.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_user("ana").send()?;
    /// shop.user("ana").delete().send()?;
    /// assert!(shop.user("ana").read().send().unwrap_err().is_not_found());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn delete(&self) -> Operation<DeleteUser> {
        self.operation(on(Action::Delete, ResourceType::User, self.link()))
    }

    /// The permission `id`, which need not exist yet. Sends nothing.
    pub fn permission(&self, id: impl Into<String>) -> Permission {
        Permission::new(self.clone(), id.into())
    }

    /// Creates a permission. One that exists, or that is about the same resource, is an error (409).
    ///
    /// The answer has its resource token: [`PermissionProperties::token`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use cosmosdb::models::{PermissionMode, PermissionProperties};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # shop.create_user("ana").send()?;
    /// let lyon = PermissionProperties::new("lyon", PermissionMode::All, "dbs/shop/colls/orders")
    ///     .with_partition_key("Lyon")?;
    /// shop.user("ana").create_permission(lyon).token_expiry(Duration::from_secs(600)).send()?;
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "the properties are made for the call")]
    pub fn create_permission(
        &self,
        properties: PermissionProperties,
    ) -> Operation<CreatePermission> {
        self.operation(super::create(Action::Create, self.link(), &properties))
    }

    /// Creates a permission (201), or replaces the one of that name (200). The answer has a new resource token.
    ///
    /// ```
    /// use cosmosdb::models::{PermissionMode, PermissionProperties};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # shop.create_user("ana").send()?;
    /// let reading = PermissionProperties::new("orders", PermissionMode::Read, "dbs/shop/colls/orders");
    /// assert_eq!(shop.user("ana").upsert_permission(reading).send()?.status(), 201);
    /// let writing = PermissionProperties::new("orders", PermissionMode::All, "dbs/shop/colls/orders");
    /// assert_eq!(shop.user("ana").upsert_permission(writing).send()?.status(), 200);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "the properties are made for the call")]
    pub fn upsert_permission(
        &self,
        properties: PermissionProperties,
    ) -> Operation<UpsertPermission> {
        self.operation(super::create(Action::Upsert, self.link(), &properties))
    }

    /// Lists the permissions of the user, each with a new resource token that is valid for an hour.
    ///
    /// ```
    /// use cosmosdb::models::{PermissionMode, PermissionProperties};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # shop.create_user("ana").send()?;
    /// # let all = PermissionProperties::new("all", PermissionMode::All, "dbs/shop/colls/orders");
    /// # shop.user("ana").create_permission(all).send()?;
    /// for permission in shop.user("ana").permissions() {
    ///     println!("{}", permission?.resource);
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn permissions(&self) -> Listing<PermissionProperties> {
        Listing::new(self.client(), self.feed(Action::List))
    }

    /// Queries the permissions of the user: `SELECT * FROM r WHERE r.permissionMode = 'Read'`.
    ///
    /// ```
    /// use cosmosdb::models::{PermissionMode, PermissionProperties};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # shop.create_user("ana").send()?;
    /// # let reading = PermissionProperties::new("orders", PermissionMode::Read, "dbs/shop/colls/orders");
    /// # shop.user("ana").create_permission(reading).send()?;
    /// let text = "SELECT * FROM r WHERE r.permissionMode = @mode";
    /// for permission in shop.user("ana").query_permissions(text).param("@mode", "Read") {
    ///     assert_eq!(permission?.id, "orders");
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn query_permissions(&self, text: impl Into<String>) -> Query<PermissionProperties> {
        super::query(self.client(), self.feed(Action::Query), text.into())
    }

    pub(super) fn link(&self) -> Result<Link> {
        child(ResourceType::User, self.database.link(), &self.id)
    }

    pub(super) fn operation<K: Kind>(&self, spec: Result<Spec>) -> Operation<K> {
        Operation::new(self.client(), spec)
    }

    fn feed(&self, action: Action) -> Result<Spec> {
        super::feed(action, ResourceType::Permission, self.link())
    }

    fn client(&self) -> &CosmosClient {
        &self.database.client
    }
}

/// A create or upsert of a user.
pub(crate) fn create(database: &Database, action: Action, id: String) -> Result<Spec> {
    super::create(action, database.link(), &UserProperties::new(id))
}

/// A list of the users of a database.
pub(crate) fn feed(database: &Database, action: Action) -> Result<Spec> {
    super::feed(action, ResourceType::User, database.link())
}

/// A query over them.
pub(crate) fn query(database: &Database, text: String) -> Query<UserProperties> {
    super::query(&database.client, feed(database, Action::Query), text)
}
