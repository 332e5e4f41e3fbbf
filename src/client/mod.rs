//! The client: the root of everything.

mod builder;
#[cfg(feature = "ureq")]
mod connection;
pub(crate) mod options;
mod shared;

use std::sync::Arc;

use crate::container::Container;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::feed::Listing;
use crate::link::{Address, IdOf, Link, check_id};
use crate::models::{AccountProperties, DatabaseProperties, OfferProperties};
use crate::operation::{CreateDatabase, Operation, ReadAccount};
use crate::pipeline::{Action, ResourceType, Spec};
use crate::query::Query;
use crate::resources::{Offer, throughput};
use crate::response::ResourceResponse;

pub use builder::ClientBuilder;
pub use options::{CircuitBreakerOptions, HedgingOptions, RetryOptions};
pub(crate) use shared::{ActivityIds, Shared};

/// A client of one Cosmos DB account.
///
/// It is a handle: making one sends nothing, cloning it is cheap, and all clones share connections, caches and
/// session tokens. Use one client for the whole program, from as many threads as you like.
///
/// ```
/// use cosmosdb::{CosmosClient, Emulator};
///
/// // A real account: its endpoint and one of its keys.
/// let client = CosmosClient::new("https://account.documents.azure.com:443/", "c2VjcmV0")?;
///
/// // No account at all: the same client on an account in memory.
/// let client = Emulator::new().client();
/// client.create_database("shop").send()?;
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[doc(alias = "DocumentClient")]
#[derive(Clone, Debug)]
pub struct CosmosClient {
    pub(crate) shared: Arc<Shared>,
}

impl CosmosClient {
    /// A client of the account at `endpoint`, with one of its keys in Base64. Sends nothing.
    ///
    /// # Errors
    /// The endpoint is not an `https` URL (plain `http` is taken for this machine only), or the key is not Base64.
    #[cfg(feature = "ureq")]
    pub fn new(endpoint: &str, key: &str) -> Result<Self> {
        Self::builder(endpoint).key(key).build()
    }

    /// Starts a client with settings of its own.
    pub fn builder(endpoint: &str) -> ClientBuilder {
        ClientBuilder::new(endpoint)
    }

    /// A client from a connection string, as the portal shows it:
    /// `AccountEndpoint=https://…;AccountKey=…;`, and `DisableServerCertificateValidation=True;` for emulators.
    ///
    /// # Errors
    /// A part is missing or malformed; the message says which.
    #[cfg(feature = "ureq")]
    pub fn from_connection_string(text: &str) -> Result<Self> {
        ClientBuilder::from_connection_string(text)?.build()
    }

    /// A client from the environment: `COSMOS_CONNECTION_STRING`, or `COSMOS_ENDPOINT` and `COSMOS_KEY`; and
    /// `COSMOS_ROOT_CERTIFICATE`, a PEM file with a further root certificate, for emulators.
    ///
    /// # Errors
    /// None of them is set, or what is set is malformed.
    #[cfg(feature = "ureq")]
    pub fn from_env() -> Result<Self> {
        ClientBuilder::from_env()?.build()
    }

    /// Reads the account now, rather than with the first operation that needs it: for programs that want to fail
    /// early where the endpoint or the key is wrong.
    pub fn connect(&self) -> Result<()> {
        self.shared.read_account(self.shared.options.operation_timeout).map(drop)
    }

    /// Reads the account: its regions, its default consistency and what else it says of itself.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// let account = client.account().send()?.properties()?;
    /// assert_eq!(account.consistency_level(), cosmosdb::ConsistencyLevel::Session);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn account(&self) -> Operation<ReadAccount> {
        Operation::new(self, Ok(Spec::new(Action::Read, ResourceType::Account, Link::account())))
    }

    /// The database `id`, which need not exist yet. Sends nothing.
    pub fn database(&self, id: impl Into<String>) -> Database {
        Database::new(self.clone(), Address::Id(id.into()))
    }

    /// The database at a link: its `_self`, such as `dbs/d9RzAA==/`, or `dbs/shop`. Sends nothing; a malformed link is
    /// the error of the first call.
    ///
    /// A link is taken for one of resource ids where it can be one. A database whose name is eight characters of
    /// Base64, such as `abcdef==`, is reached by [`database`](Self::database).
    pub fn database_at(&self, link: impl Into<String>) -> Database {
        Database::new(self.clone(), Address::Link(link.into()))
    }

    /// The container at a link: its `_self`, such as `dbs/d9RzAA==/colls/d9RzAJRFKgw=/`, or `dbs/shop/colls/orders`.
    /// Sends nothing; a malformed link is the error of the first call.
    ///
    /// A link of resource ids leads to this one container, and not to another that gets its name later. In a container
    /// that is addressed so, items are too: by `_self` or `_rid`, since the service takes no mixture with names.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let orders = client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// let link = orders.properties()?.system.self_link.unwrap();
    /// let orders = client.container_at(link);
    /// let order = serde_json::json!({ "id": "42", "city": "Lyon" });
    /// let created: serde_json::Value = orders.create_item(&order).send()?.item()?;
    /// let order_link = created["_self"].as_str().unwrap();
    /// assert_eq!(orders.read_item(order_link, "Lyon").send()?.status(), 200);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn container_at(&self, link: impl Into<String>) -> Container {
        let link = link.into();
        let trimmed = link.trim_matches('/');
        let end = trimmed.match_indices('/').nth(1).map_or(trimmed.len(), |it| it.0);
        let database = self.database_at(trimmed.get(..end).unwrap_or_default());
        Container::new(database, Address::Link(link))
    }

    /// Creates a database. A database that exists is an error (409).
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// let created = client.create_database("shop").send()?;
    /// assert_eq!(created.properties()?.id, "shop");
    /// assert!(client.create_database("shop").send().unwrap_err().is_conflict());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn create_database(&self, id: impl Into<String>) -> Operation<CreateDatabase> {
        let id = id.into();
        let spec = check_id(IdOf::Database, &id).and_then(|()| {
            let mut spec = Spec::new(Action::Create, ResourceType::Database, Link::account());
            spec.body = serde_json::to_vec(&DatabaseProperties::new(id)).map_err(unwritable)?;
            Ok(spec)
        });
        Operation::new(self, spec)
    }

    /// Reads the database, and creates it where it does not exist.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// assert_eq!(client.create_database_if_not_exists("shop")?.status(), 201);
    /// assert_eq!(client.create_database_if_not_exists("shop")?.status(), 200);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn create_database_if_not_exists(
        &self,
        id: impl Into<String>,
    ) -> Result<ResourceResponse<DatabaseProperties>> {
        let id = id.into();
        let database = self.database(id.clone());
        read_or_create(|| database.read().send(), || self.create_database(id.clone()).send())
    }

    /// Lists the databases of the account.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// client.create_database("shop").send()?;
    /// let ids: Vec<String> =
    ///     client.databases().into_iter().map(|it| Ok(it?.id)).collect::<cosmosdb::Result<_>>()?;
    /// assert_eq!(ids, ["shop"]);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn databases(&self) -> Listing<DatabaseProperties> {
        Listing::new(self, Ok(Spec::new(Action::List, ResourceType::Database, Link::account())))
    }

    /// Queries the databases of the account: `SELECT * FROM r WHERE r.id = @id`.
    pub fn query_databases(&self, text: impl Into<String>) -> Query<DatabaseProperties> {
        Query::of_metadata(
            self,
            Spec::new(Action::Query, ResourceType::Database, Link::account()),
            text.into(),
        )
    }

    /// Lists the offers of the account: what throughput its databases and containers have.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").throughput(cosmosdb::Throughput::manual(400)).send()?;
    /// for offer in client.offers() {
    ///     let offer = offer?;
    ///     println!("{} has {:?}", offer.resource, offer.throughput());
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn offers(&self) -> Listing<OfferProperties> {
        Listing::new(self, Ok(throughput::feed(Action::List)))
    }

    /// Queries the offers of the account: `SELECT * FROM r WHERE r.offerResourceId = @rid`.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// # let created = client.create_database("shop").throughput(cosmosdb::Throughput::manual(400)).send()?;
    /// # let rid = created.properties()?.system.rid;
    /// let query = client.query_offers("SELECT * FROM r WHERE r.offerResourceId = @rid").param("@rid", rid);
    /// assert_eq!(query.into_iter().count(), 1);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn query_offers(&self, text: impl Into<String>) -> Query<OfferProperties> {
        Query::of_metadata(self, throughput::feed(Action::Query), text.into())
    }

    /// The offer of this id, which may also be given as the `_self` of the offer: `offers/Hu+t/`. Sends nothing.
    pub fn offer(&self, id: &str) -> Offer {
        Offer::new(self.clone(), id)
    }

    /// The account as it was last read, without asking again. `None` before the first read.
    pub fn known_account(&self) -> Option<Arc<AccountProperties>> {
        self.shared.regions.account()
    }
}

/// Reads; where there is nothing, creates; where somebody else was faster, reads again.
pub(crate) fn read_or_create<T>(
    read: impl Fn() -> Result<T>,
    create: impl Fn() -> Result<T>,
) -> Result<T> {
    match read() {
        Err(error) if error.is_not_found() => match create() {
            Err(error) if error.is_conflict() => read(),
            created => created,
        },
        outcome => outcome,
    }
}

/// The error of a value that cannot be written as JSON.
pub(crate) fn unwritable(error: serde_json::Error) -> Error {
    Error::json("the value cannot be written as JSON").with_source(error)
}
