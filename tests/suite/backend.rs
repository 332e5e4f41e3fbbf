//! The back ends, and what a test gets of them.

use std::sync::atomic::{AtomicU32, Ordering};

use cosmosdb::{
    ClientBuilder, Container, ContainerProperties, CosmosClient, Database, Emulator,
    PartitionKeyDefinition,
};

/// Declares each of these functions as a test of every back end.
macro_rules! on_every_backend {
    ($($name:ident),* $(,)?) => {
        mod in_process {
            $(#[test] fn $name() { super::$name(&crate::backend::Account::in_process()); })*
        }
        mod partitioned {
            $(#[test] fn $name() { super::$name(&crate::backend::Account::partitioned()); })*
        }
        mod over_http {
            $(#[test] fn $name() { super::$name(&crate::backend::Account::over_http()); })*
        }
        mod live {
            $(#[test] fn $name() {
                if let Some(account) = crate::backend::Account::live() { super::$name(&account); }
            })*
        }
    };
}

/// An account for one test.
pub(crate) struct Account {
    pub(crate) client: CosmosClient,
    /// Set where the account is an emulator.
    pub(crate) emulator: Option<Emulator>,
    prefix: String,
    live: bool,
    _server: Option<cosmosdb::EmulatorServer>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Account {
    pub(crate) fn in_process() -> Self {
        Self::on(Emulator::new())
    }

    /// An emulator whose containers have seven partitions.
    pub(crate) fn partitioned() -> Self {
        Self::on(Emulator::builder().partitions(7).build().unwrap())
    }

    fn on(emulator: Emulator) -> Self {
        let client = emulator.client();
        Self { client, emulator: Some(emulator), prefix: "test".into(), live: false, _server: None }
    }

    pub(crate) fn over_http() -> Self {
        let emulator = Emulator::builder().partitions(3).build().unwrap();
        let server = emulator.serve("127.0.0.1:0").unwrap();
        let client = CosmosClient::new(server.url(), emulator.key()).unwrap();
        Self {
            client,
            emulator: Some(emulator),
            prefix: "test".into(),
            live: false,
            _server: Some(server),
        }
    }

    pub(crate) fn live() -> Option<Self> {
        let client = live_client()?;
        let prefix = format!("cosmosdb-test-{}", std::process::id());
        Some(Self { client, emulator: None, prefix, live: true, _server: None })
    }

    /// A client of this account to be, which has no credential yet; `None` of a live account.
    pub(crate) fn builder(&self) -> Option<ClientBuilder> {
        let emulator = self.emulator.as_ref()?;
        Some(match &self._server {
            Some(server) => CosmosClient::builder(server.url()),
            None => {
                CosmosClient::builder(emulator.endpoint()).shared_transport(emulator.transport())
            }
        })
    }

    /// A database of this test's own.
    pub(crate) fn database(&self) -> Owned<Database> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", self.prefix);
        self.client.create_database(&*id).send().unwrap();
        Owned {
            handle: self.client.database(&*id),
            database: self.client.database(&*id),
            live: self.live,
        }
    }

    /// A container of this test's own.
    pub(crate) fn container(&self, key: impl Into<PartitionKeyDefinition>) -> Owned<Container> {
        self.container_with(ContainerProperties::new("items", key))
    }

    pub(crate) fn container_with(&self, properties: ContainerProperties) -> Owned<Container> {
        let database = self.database();
        let id = properties.id.clone();
        database.create_container(properties).send().unwrap();
        let handle = database.container(id);
        let live = database.live;
        std::mem::forget(database);
        Owned { database: handle.database().clone(), handle, live }
    }
}

/// A client of the account of `COSMOS_TEST_CONNECTION_STRING`.
pub(crate) fn live_client() -> Option<CosmosClient> {
    Some(live_builder()?.build().unwrap())
}

/// A client of the live account to be.
pub(crate) fn live_builder() -> Option<ClientBuilder> {
    let text = std::env::var("COSMOS_TEST_CONNECTION_STRING").ok()?;
    let mut builder = ClientBuilder::from_connection_string(&text).unwrap();
    if let Ok(file) = std::env::var("COSMOS_ROOT_CERTIFICATE") {
        builder = builder.root_certificate(std::fs::read(file).unwrap());
    }
    Some(builder)
}

/// A handle whose database is deleted when the test ends, where the account is a real one.
pub(crate) struct Owned<T> {
    handle: T,
    database: Database,
    live: bool,
}

impl<T> std::ops::Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handle
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.live {
            let _ = self.database.delete().send();
        }
    }
}
