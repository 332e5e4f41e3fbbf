//! A call under construction: what is asked, and the options for it.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use http::HeaderValue;

use crate::client::CosmosClient;
use crate::container::{check_item, no_id};
use crate::error::{Error, Result};
use crate::models::{
    AccountProperties, ConflictProperties, ContainerProperties, DatabaseProperties, Etag,
    IndexingDirective, OfferProperties, PerformanceLevel, PermissionProperties,
    StoredProcedureProperties, Throughput, TriggerProperties, UserDefinedFunctionProperties,
    UserProperties,
};
use crate::new_id;
use crate::options::{Configure, header_value, options};
use crate::partition_key::PartitionKey;
use crate::pipeline::{Partition, Spec};
use crate::response::{ResourceResponse, Response};
use crate::wire::header;

/// One call to be: options are set on it, and [`send`](Self::send) makes it.
///
/// What can be set depends on the kind `K` of the call: an option that the service would ignore does not compile.
/// An option with an invalid value is remembered, and `send` returns the error before anything is sent.
#[must_use = "an operation does nothing until `send` is called"]
pub struct Operation<K> {
    client: CosmosClient,
    spec: Result<Spec>,
    kind: PhantomData<fn() -> K>,
}

/// A kind of call; it fixes what the call answers. Implemented by this crate only.
pub trait Kind: sealed::Kind {
    /// What the call answers.
    type Response: From<Response>;
}

/// Calls that write, and so take `if_match` and `content_response`.
pub trait Writes: Kind {}

/// Calls that write the JSON of an item, and so take an indexing directive.
pub trait WritesItem: Writes {}

/// Calls about an item, or about all items of a partition key.
pub trait OnItem: Kind {}

/// Calls that read, and so take a consistency level.
pub trait Reads: Kind {}

/// Calls that read one resource, and so take `if_none_match`.
pub trait ReadsOne: Reads {}

/// Calls that change what exists, and so take `if_match`.
pub trait Replaces: Writes {}

/// Calls that store an item which may be new, and so can give it an id.
pub trait MakesItem: WritesItem {}

/// Calls that may run triggers.
pub trait Triggers: OnItem {}

/// Calls that create something with throughput of its own.
pub trait Provisions: Kind {}

/// Calls that answer with a container, and so can tell how full and how far indexed it is.
pub trait OnContainer: Kind {}

/// Calls that answer with a permission, and so with a new resource token.
pub trait IssuesToken: Kind {}

mod sealed {
    /// Keeps the kinds to this crate.
    pub trait Kind {}
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident -> $response:ty: $($marker:ident),*;)*) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub enum $name {}
        impl sealed::Kind for $name {}
        impl Kind for $name {
            type Response = $response;
        }
        $(impl $marker for $name {})*
    )*};
}

kinds! {
    /// [`CosmosClient::account`]
    ReadAccount -> ResourceResponse<AccountProperties>: ;
    /// [`CosmosClient::create_database`]
    CreateDatabase -> ResourceResponse<DatabaseProperties>: Provisions;
    /// [`Database::read`](crate::Database::read)
    ReadDatabase -> ResourceResponse<DatabaseProperties>: ;
    /// [`Database::delete`](crate::Database::delete)
    DeleteDatabase -> Response: Writes, Replaces;
    /// [`Database::create_container`](crate::Database::create_container)
    CreateContainer -> ResourceResponse<ContainerProperties>: Provisions;
    /// [`Container::read`](crate::Container::read)
    ReadContainer -> ResourceResponse<ContainerProperties>: OnContainer;
    /// [`Container::replace`](crate::Container::replace)
    ReplaceContainer -> ResourceResponse<ContainerProperties>: Writes, Replaces, OnContainer;
    /// [`Container::delete`](crate::Container::delete)
    DeleteContainer -> Response: Writes, Replaces;
    /// [`Container::create_item`](crate::Container::create_item)
    CreateItem -> Response: OnItem, Writes, WritesItem, MakesItem, Triggers;
    /// [`Container::upsert_item`](crate::Container::upsert_item)
    UpsertItem -> Response: OnItem, Writes, WritesItem, MakesItem, Replaces, Triggers;
    /// [`Container::replace_item`](crate::Container::replace_item)
    ReplaceItem -> Response: OnItem, Writes, WritesItem, Replaces, Triggers;
    /// [`Container::read_item`](crate::Container::read_item)
    ReadItem -> Response: OnItem, Reads, ReadsOne;
    /// [`Container::delete_item`](crate::Container::delete_item)
    DeleteItem -> Response: OnItem, Writes, Replaces, Triggers;
    /// [`Container::patch_item`](crate::Container::patch_item)
    PatchItem -> Response: OnItem, Writes, Replaces, Triggers;
    /// [`Container::delete_all_items`](crate::Container::delete_all_items)
    DeleteAllItems -> Response: OnItem;
    /// [`Scripts::create_stored_procedure`](crate::Scripts::create_stored_procedure)
    CreateStoredProcedure -> ResourceResponse<StoredProcedureProperties>: ;
    /// [`Scripts::upsert_stored_procedure`](crate::Scripts::upsert_stored_procedure)
    UpsertStoredProcedure -> ResourceResponse<StoredProcedureProperties>: Writes, Replaces;
    /// [`StoredProcedure::read`](crate::StoredProcedure::read)
    ReadStoredProcedure -> ResourceResponse<StoredProcedureProperties>: ;
    /// [`StoredProcedure::replace`](crate::StoredProcedure::replace)
    ReplaceStoredProcedure -> ResourceResponse<StoredProcedureProperties>: Writes, Replaces;
    /// [`StoredProcedure::delete`](crate::StoredProcedure::delete)
    DeleteStoredProcedure -> Response: Writes, Replaces;
    /// [`StoredProcedure::execute`](crate::StoredProcedure::execute)
    ExecuteStoredProcedure -> Response: OnItem;
    /// [`Scripts::create_trigger`](crate::Scripts::create_trigger)
    CreateTrigger -> ResourceResponse<TriggerProperties>: ;
    /// [`Scripts::upsert_trigger`](crate::Scripts::upsert_trigger)
    UpsertTrigger -> ResourceResponse<TriggerProperties>: Writes, Replaces;
    /// [`Trigger::read`](crate::Trigger::read)
    ReadTrigger -> ResourceResponse<TriggerProperties>: ;
    /// [`Trigger::replace`](crate::Trigger::replace)
    ReplaceTrigger -> ResourceResponse<TriggerProperties>: Writes, Replaces;
    /// [`Trigger::delete`](crate::Trigger::delete)
    DeleteTrigger -> Response: Writes, Replaces;
    /// [`Scripts::create_user_defined_function`](crate::Scripts::create_user_defined_function)
    CreateUserDefinedFunction -> ResourceResponse<UserDefinedFunctionProperties>: ;
    /// [`Scripts::upsert_user_defined_function`](crate::Scripts::upsert_user_defined_function)
    UpsertUserDefinedFunction -> ResourceResponse<UserDefinedFunctionProperties>: Writes, Replaces;
    /// [`UserDefinedFunction::read`](crate::UserDefinedFunction::read)
    ReadUserDefinedFunction -> ResourceResponse<UserDefinedFunctionProperties>: ;
    /// [`UserDefinedFunction::replace`](crate::UserDefinedFunction::replace)
    ReplaceUserDefinedFunction -> ResourceResponse<UserDefinedFunctionProperties>: Writes, Replaces;
    /// [`UserDefinedFunction::delete`](crate::UserDefinedFunction::delete)
    DeleteUserDefinedFunction -> Response: Writes, Replaces;
    /// [`Conflict::read`](crate::Conflict::read)
    ReadConflict -> ResourceResponse<ConflictProperties>: OnItem;
    /// [`Conflict::delete`](crate::Conflict::delete)
    DeleteConflict -> Response: OnItem, Writes, Replaces;
    /// [`Database::create_user`](crate::Database::create_user)
    CreateUser -> ResourceResponse<UserProperties>: ;
    /// [`Database::upsert_user`](crate::Database::upsert_user)
    UpsertUser -> ResourceResponse<UserProperties>: Writes, Replaces;
    /// [`User::read`](crate::User::read)
    ReadUser -> ResourceResponse<UserProperties>: ;
    /// [`User::replace`](crate::User::replace)
    ReplaceUser -> ResourceResponse<UserProperties>: Writes, Replaces;
    /// [`User::delete`](crate::User::delete)
    DeleteUser -> Response: Writes, Replaces;
    /// [`User::create_permission`](crate::User::create_permission)
    CreatePermission -> ResourceResponse<PermissionProperties>: IssuesToken;
    /// [`User::upsert_permission`](crate::User::upsert_permission)
    UpsertPermission -> ResourceResponse<PermissionProperties>: Writes, Replaces, IssuesToken;
    /// [`Permission::read`](crate::Permission::read)
    ReadPermission -> ResourceResponse<PermissionProperties>: IssuesToken;
    /// [`Permission::replace`](crate::Permission::replace)
    ReplacePermission -> ResourceResponse<PermissionProperties>: Writes, Replaces, IssuesToken;
    /// [`Permission::delete`](crate::Permission::delete)
    DeletePermission -> Response: Writes, Replaces;
    /// [`Offer::read`](crate::Offer::read)
    ReadOffer -> ResourceResponse<OfferProperties>: ;
    /// [`Offer::replace`](crate::Offer::replace)
    ReplaceOffer -> ResourceResponse<OfferProperties>: Writes, Replaces;
}

impl<K> Configure for Operation<K> {
    type Setup = Spec;

    fn setup(&mut self) -> &mut Result<Spec> {
        &mut self.spec
    }
}

impl<K: Kind> Operation<K> {
    pub(crate) fn new(client: &CosmosClient, spec: Result<Spec>) -> Self {
        Self { client: client.clone(), spec, kind: PhantomData }
    }

    /// Makes the call and waits for its answer.
    ///
    /// # Errors
    /// What was asked is invalid, the service refused it, it could not be reached, or the time was up: see
    /// [`Error::kind`](crate::Error::kind).
    pub fn send(self) -> Result<K::Response> {
        let spec = self.spec?;
        if spec.lacks_id {
            return Err(no_id());
        }
        Ok(self.client.shared.run(spec)?.into())
    }

    options! { timeout, header, set }
}

impl<K: Writes> Operation<K> {
    options! { content_response }
}

impl<K: OnItem + Writes> Operation<K> {
    options! { retry_writes }
}

impl<K: Replaces> Operation<K> {
    /// Writes only if the resource still has this version; otherwise the call fails with 412.
    pub fn if_match(self, etag: impl Into<Etag>) -> Self {
        let etag = etag.into();
        self.with_header(http::header::IF_MATCH, etag.as_str())
    }
}

impl<K: ReadsOne> Operation<K> {
    /// Reads only if the resource no longer has this version; otherwise the answer is empty, with status 304.
    pub fn if_none_match(self, etag: impl Into<Etag>) -> Self {
        let etag = etag.into();
        self.with_header(http::header::IF_NONE_MATCH, etag.as_str())
    }
}

impl<K: WritesItem> Operation<K> {
    /// Whether the item is indexed. Default: as the container's indexing policy says.
    pub fn indexing_directive(self, directive: IndexingDirective) -> Self {
        self.with_header(header::INDEXING_DIRECTIVE, directive.as_str())
    }
}

impl<K: MakesItem> Operation<K> {
    /// Gives the item a random GUID for its `id` where it has none. Default: such an item is an error.
    ///
    /// The answer holds the item with its id; what the call was given stays as it is.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let orders = client.database("shop").container("orders");
    /// let order = serde_json::json!({ "city": "Lyon" });
    /// let stored: serde_json::Value = orders.create_item(&order).generate_id().send()?.item()?;
    /// assert_eq!(stored["id"].as_str().unwrap().len(), 36);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn generate_id(self) -> Self {
        self.with(|spec| {
            if spec.lacks_id {
                spec.body = new_id::add(&spec.body)?;
                check_item(&spec.body, None)?;
                spec.lacks_id = false;
            }
            Ok(())
        })
    }
}

impl<K: Triggers> Operation<K> {
    /// Runs these triggers before the write. The service takes one.
    pub fn pre_triggers<I: AsRef<str>>(self, ids: impl IntoIterator<Item = I>) -> Self {
        self.with_header(header::PRE_TRIGGER_INCLUDE, &comma_list(ids))
    }

    /// Runs these triggers after the write. The service takes one.
    pub fn post_triggers<I: AsRef<str>>(self, ids: impl IntoIterator<Item = I>) -> Self {
        self.with_header(header::POST_TRIGGER_INCLUDE, &comma_list(ids))
    }
}

impl<K: OnItem> Operation<K> {
    options! { excluded_regions, session_token, priority, throughput_bucket }

    /// The partition key of the item. Default on create, upsert and replace: it is taken from the item, by the
    /// container's definition, for which the container is read once.
    pub fn partition_key(self, key: impl Into<PartitionKey>) -> Self {
        let key = key.into();
        self.with(|spec| {
            key.check()?;
            spec.partition = Partition::Key(key);
            Ok(())
        })
    }
}

impl<K: Reads> Operation<K> {
    options! { consistency, read_consistency_strategy, max_cache_staleness, bypass_cache, hedging }
}

impl<K: Provisions> Operation<K> {
    /// Gives the database or container request units of its own. Default: a database has none, and a container
    /// draws on its database's, or gets the service's minimum.
    pub fn throughput(self, throughput: Throughput) -> Self {
        self.with(|spec| {
            let (name, value) = throughput.header();
            let value = header_value(&name, &value)?;
            spec.headers.insert(name, value);
            Ok(())
        })
    }
}

impl<K: OnContainer> Operation<K> {
    /// Asks how full the container is ([`Response::quota`], [`Response::usage`]), and how much of a changed indexing
    /// policy is applied ([`Response::index_transformation_progress`]). Default: no.
    pub fn populate_quota_info(self, on: bool) -> Self {
        self.with_header(header::POPULATE_QUOTA_INFO, if on { "True" } else { "False" })
    }
}

impl Operation<ReadContainer> {
    /// Asks how full each partition is: [`ContainerProperties::statistics`]. Default: no.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let orders = client.database("shop").container("orders");
    /// # orders.create_item(&serde_json::json!({ "id": "1", "city": "Lyon" })).send()?;
    /// let read = orders.read().populate_partition_key_range_statistics(true).send()?.properties()?;
    /// assert_eq!(read.statistics[0].document_count, 1);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn populate_partition_key_range_statistics(self, on: bool) -> Self {
        self.with_header(header::POPULATE_PARTITION_STATISTICS, if on { "True" } else { "False" })
    }
}

impl Operation<CreateContainer> {
    /// Gives the container one of the fixed amounts of the past. The service keeps them for old accounts; for others
    /// say it with [`throughput`](Self::throughput).
    pub fn performance_level(self, level: &PerformanceLevel) -> Self {
        self.with_header(header::OFFER_TYPE, level.as_str())
    }

    /// Lets the container use more request units in a second, within a budget for each minute. An offer of the past,
    /// which the service may ignore.
    pub fn ru_per_minute(self, on: bool) -> Self {
        self.with_header(header::RU_PER_MINUTE_ENABLED, if on { "True" } else { "False" })
    }
}

impl<K: OnItem> Operation<K> {
    /// Keeps the call from drawing on the budget for each minute, where the container has one. See
    /// [`ru_per_minute`](Operation::ru_per_minute).
    pub fn disable_ru_per_minute_usage(self, on: bool) -> Self {
        self.with_header(header::DISABLE_RU_PER_MINUTE, if on { "True" } else { "False" })
    }
}

impl Operation<ExecuteStoredProcedure> {
    /// Asks for what the script writes with `console.log`: [`Response::script_log`]. Default: no.
    pub fn script_logging(self, on: bool) -> Self {
        self.with_header(header::SCRIPT_ENABLE_LOGGING, if on { "True" } else { "False" })
    }
}

impl<K: IssuesToken> Operation<K> {
    /// How long the resource token in the answer is valid: 10 seconds to 24 hours, in whole seconds. Default: one hour.
    pub fn token_expiry(self, time: Duration) -> Self {
        self.with(|spec| {
            let seconds = time.as_secs();
            if !(10..=86_400).contains(&seconds) {
                return Err(Error::invalid_input(format!(
                    "a resource token is valid for 10 seconds to 24 hours, not for {time:?}"
                )));
            }
            spec.headers.insert(header::EXPIRY_SECONDS, HeaderValue::from(seconds));
            Ok(())
        })
    }
}

impl<K> fmt::Debug for Operation<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Operation");
        match &self.spec {
            Ok(spec) => out.field("action", &spec.action).field("link", &spec.link.as_str()),
            Err(error) => out.field("error", error),
        };
        out.finish_non_exhaustive()
    }
}

fn comma_list<I: AsRef<str>>(ids: impl IntoIterator<Item = I>) -> String {
    ids.into_iter().map(|it| it.as_ref().to_owned()).collect::<Vec<_>>().join(",")
}
