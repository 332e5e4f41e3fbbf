//! A database: containers, and what is shared between them.

use crate::client::{CosmosClient, read_or_create, unwritable};
use crate::container::Container;
use crate::error::Result;
use crate::feed::Listing;
use crate::link::{Address, IdOf, Link, check_id};
use crate::models::{ContainerProperties, UserProperties};
use crate::operation::{
    CreateContainer, CreateUser, DeleteDatabase, Operation, ReadDatabase, UpsertUser,
};
use crate::pipeline::{Action, ResourceType, Spec};
use crate::query::Query;
use crate::resources::{ResourceThroughput, User, users};
use crate::response::ResourceResponse;

/// A database of an account. A handle: cheap to clone, and it sends nothing by itself.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) client: CosmosClient,
    address: Address,
}

impl Database {
    pub(crate) fn new(client: CosmosClient, address: Address) -> Self {
        Self { client, address }
    }

    /// The id that the handle was made with; of a link, its last part, which may be the resource id.
    pub fn id(&self) -> &str {
        self.address.id()
    }

    /// The container `id`, which need not exist yet. Sends nothing.
    #[doc(alias = "collection")]
    pub fn container(&self, id: impl Into<String>) -> Container {
        Container::new(self.clone(), Address::Id(id.into()))
    }

    /// Reads the properties of the database.
    pub fn read(&self) -> Operation<ReadDatabase> {
        Operation::new(&self.client, self.spec(Action::Read))
    }

    /// Deletes the database with all that is in it.
    pub fn delete(&self) -> Operation<DeleteDatabase> {
        Operation::new(&self.client, self.spec(Action::Delete))
    }

    /// Creates a container.
    ///
    /// ```
    /// use cosmosdb::{ContainerProperties, Throughput};
    ///
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// let shop = client.database("shop");
    /// shop.create_container(ContainerProperties::new("orders", "/city"))
    ///     .throughput(Throughput::autoscale(4000))
    ///     .send()?;
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    #[doc(alias = "create_collection")]
    #[expect(clippy::needless_pass_by_value, reason = "the properties are made for the call")]
    pub fn create_container(&self, properties: ContainerProperties) -> Operation<CreateContainer> {
        Operation::new(&self.client, self.create_spec(&properties))
    }

    /// Reads the container, and creates it where it does not exist. A container that exists stays as it is, whatever
    /// the properties say.
    pub fn create_container_if_not_exists(
        &self,
        properties: &ContainerProperties,
    ) -> Result<ResourceResponse<ContainerProperties>> {
        let container = self.container(properties.id.as_str());
        read_or_create(
            || container.read().send(),
            || Operation::<CreateContainer>::new(&self.client, self.create_spec(properties)).send(),
        )
    }

    /// Lists the containers of the database.
    #[doc(alias = "collections")]
    pub fn containers(&self) -> Listing<ContainerProperties> {
        Listing::new(&self.client, self.feed_spec(Action::List))
    }

    /// Queries the containers of the database: `SELECT * FROM r WHERE r.id = @id`.
    pub fn query_containers(&self, text: impl Into<String>) -> Query<ContainerProperties> {
        match self.feed_spec(Action::Query) {
            Ok(spec) => Query::of_metadata(&self.client, spec, text.into()),
            Err(error) => Query::failed(&self.client, error),
        }
    }

    /// The user `id`, who need not exist yet. Sends nothing.
    pub fn user(&self, id: impl Into<String>) -> User {
        User::new(self.clone(), id.into())
    }

    /// Creates a user. One that exists is an error (409).
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// let shop = client.database("shop");
    /// assert_eq!(shop.create_user("ana").send()?.properties()?.id, "ana");
    /// assert!(shop.create_user("ana").send().unwrap_err().is_conflict());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn create_user(&self, id: impl Into<String>) -> Operation<CreateUser> {
        Operation::new(&self.client, users::create(self, Action::Create, id.into()))
    }

    /// Creates a user (201), or writes the one of that name anew (200).
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// assert_eq!(shop.upsert_user("ana").send()?.status(), 201);
    /// assert_eq!(shop.upsert_user("ana").send()?.status(), 200);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn upsert_user(&self, id: impl Into<String>) -> Operation<UpsertUser> {
        Operation::new(&self.client, users::create(self, Action::Upsert, id.into()))
    }

    /// Lists the users of the database.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_user("ana").send()?;
    /// for user in shop.users() {
    ///     assert_eq!(user?.id, "ana");
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn users(&self) -> Listing<UserProperties> {
        Listing::new(&self.client, users::feed(self, Action::List))
    }

    /// Queries the users of the database: `SELECT * FROM r WHERE r.id = @id`.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_user("ana").send()?;
    /// let found = shop.query_users("SELECT * FROM r WHERE r.id = @id").param("@id", "ana");
    /// assert_eq!(found.into_iter().count(), 1);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn query_users(&self, text: impl Into<String>) -> Query<UserProperties> {
        users::query(self, text.into())
    }

    /// The throughput that the containers of the database share. Sends nothing.
    pub fn throughput(&self) -> ResourceThroughput {
        ResourceThroughput::of_database(self.clone())
    }

    pub(crate) fn link(&self) -> Result<Link> {
        self.address.resolve(&["dbs"], || Ok(Link::account()))
    }

    fn spec(&self, action: Action) -> Result<Spec> {
        Ok(Spec::new(action, ResourceType::Database, self.link()?))
    }

    fn feed_spec(&self, action: Action) -> Result<Spec> {
        Ok(Spec::new(action, ResourceType::Container, self.link()?))
    }

    fn create_spec(&self, properties: &ContainerProperties) -> Result<Spec> {
        check_id(IdOf::Container, &properties.id)?;
        let mut spec = self.feed_spec(Action::Create)?;
        spec.body = serde_json::to_vec(properties).map_err(unwritable)?;
        Ok(spec)
    }
}
