//! What one operation asks for, before it becomes an HTTP request.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};

use crate::client::options::HedgingOptions;
use crate::link::Link;
use crate::partition_key::PartitionKey;
use crate::routing::range::EpkRange;

/// The kinds of resource, by the word that is signed and that stands in paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ResourceType {
    Account,
    Database,
    Container,
    Item,
    PartitionKeyRange,
    StoredProcedure,
    Trigger,
    UserDefinedFunction,
    Conflict,
    User,
    Permission,
    Offer,
}

impl ResourceType {
    /// The word in paths and signatures.
    pub(crate) fn segment(self) -> &'static str {
        match self {
            Self::Account => "",
            Self::Database => "dbs",
            Self::Container => "colls",
            Self::Item => "docs",
            Self::PartitionKeyRange => "pkranges",
            Self::StoredProcedure => "sprocs",
            Self::Trigger => "triggers",
            Self::UserDefinedFunction => "udfs",
            Self::Conflict => "conflicts",
            Self::User => "users",
            Self::Permission => "permissions",
            Self::Offer => "offers",
        }
    }

    /// The word that people use.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Database => "database",
            Self::Container => "container",
            Self::Item => "item",
            Self::PartitionKeyRange => "partition key ranges",
            Self::StoredProcedure => "stored procedure",
            Self::Trigger => "trigger",
            Self::UserDefinedFunction => "user-defined function",
            Self::Conflict => "conflict",
            Self::User => "user",
            Self::Permission => "permission",
            Self::Offer => "offer",
        }
    }

    /// Whether the resource is metadata: it lives in no partition, and takes no part in sessions.
    pub(crate) fn is_metadata(self) -> bool {
        !matches!(self, Self::Item | Self::Conflict)
    }
}

/// What is to be done with the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Create,
    Upsert,
    Read,
    Replace,
    Patch,
    Delete,
    /// Operations on items of one partition key, all or none.
    Batch,
    /// Operations on items of one partition key range, each for itself.
    Bulk,
    /// All items of a partition key.
    DeleteByKey,
    /// Running a stored procedure in the partition of a key.
    Execute,
    List,
    Query,
    QueryPlan,
    /// Reading what changed; mode and position are headers of the options.
    ChangeFeed,
}

impl Action {
    pub(crate) fn method(self) -> Method {
        match self {
            Self::Create | Self::Upsert | Self::Query | Self::QueryPlan => Method::POST,
            Self::Batch | Self::Bulk | Self::DeleteByKey | Self::Execute => Method::POST,
            Self::Read | Self::List | Self::ChangeFeed => Method::GET,
            Self::Replace => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    /// Whether the link is the parent's, and the request goes to a feed below it.
    pub(crate) fn is_on_feed(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Upsert
                | Self::Batch
                | Self::Bulk
                | Self::List
                | Self::Query
                | Self::QueryPlan
                | Self::ChangeFeed
        )
    }

    /// Whether a write of this kind, carried out twice, leaves what it leaves once, but for the answer.
    pub(crate) fn is_repeatable(self) -> bool {
        matches!(self, Self::Create | Self::Upsert | Self::Replace | Self::Delete)
    }

    /// Whether nothing changes, so that it can be repeated and asked of any region.
    pub(crate) fn is_read_only(self) -> bool {
        matches!(self, Self::Read | Self::List | Self::Query | Self::QueryPlan | Self::ChangeFeed)
    }

    /// Whether the action is about items of one partition key, which must be whole.
    pub(crate) fn is_on_point(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Upsert
                | Self::Read
                | Self::Replace
                | Self::Patch
                | Self::Delete
                | Self::Batch
                | Self::DeleteByKey
                | Self::Execute
        )
    }

    /// Whether it may read items, so that the session's token is to go with it.
    pub(crate) fn may_read(self) -> bool {
        self.is_read_only() || matches!(self, Self::Batch | Self::Bulk | Self::Execute)
    }

    /// Whether one item is written, so that the header `Prefer` says whether it is to come back.
    pub(crate) fn writes_one_item(self) -> bool {
        !self.is_read_only() && !matches!(self, Self::Batch | Self::Bulk | Self::Execute)
    }

    /// The verb that people use.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Upsert => "upsert",
            Self::Read => "read",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Batch => "batch of",
            Self::Bulk => "bulk of",
            Self::DeleteByKey => "delete by key from",
            Self::Execute => "execute",
            Self::List => "list",
            Self::Query => "query",
            Self::QueryPlan => "plan query of",
            Self::ChangeFeed => "read change feed of",
        }
    }
}

/// Which partition an operation is for.
#[derive(Clone, Debug, Default)]
pub(crate) enum Partition {
    /// The resource lives in no partition, or the service is to find it.
    #[default]
    None,
    /// The partition of this key.
    Key(PartitionKey),
    /// The partition of the item in the body, by the container's definition.
    FromItem,
    /// This partition key range, or the part of it within `clip`.
    Range { id: String, clip: Option<EpkRange> },
    /// All partitions, one after the other, by the service.
    All,
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) action: Action,
    pub(crate) resource: ResourceType,
    /// The resource, or the parent of the feed.
    pub(crate) link: Link,
    /// The container, for all that lives in one.
    pub(crate) container: Option<Link>,
    pub(crate) partition: Partition,
    pub(crate) body: Vec<u8>,
    /// Whether the body is an item without an id, which is to get one before it is sent.
    pub(crate) lacks_id: bool,
    /// The headers of the options that were set.
    pub(crate) headers: HeaderMap,
    pub(crate) options: CallOptions,
    /// The region whose own place the operation goes on from. Where several regions write, no other has that place.
    pub(crate) home: Option<Arc<str>>,
}

/// What a caller can set on every call.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallOptions {
    /// Bounds the whole call, with all attempts and waits.
    pub(crate) timeout: Option<Duration>,
    /// Whether writes answer without the item.
    pub(crate) minimal_content: bool,
    /// Whether a throttled attempt is the caller's at once, who waits and tries again in its own way.
    pub(crate) throttling_is_callers: bool,
    /// The regions that are not to be asked, in place of the client's.
    pub(crate) excluded_regions: Option<Arc<[String]>>,
    /// Whether a write of which nobody knows whether it happened may be repeated, in place of the client's setting.
    pub(crate) retry_writes: Option<bool>,
    /// When a read is asked of a second region, in place of the client's setting.
    pub(crate) hedging: Option<Hedging>,
}

/// What a call says of hedging.
#[derive(Clone, Debug)]
pub(crate) enum Hedging {
    Off,
    On(HedgingOptions),
}

impl From<Option<HedgingOptions>> for Hedging {
    fn from(options: Option<HedgingOptions>) -> Self {
        options.map_or(Self::Off, Self::On)
    }
}

impl Spec {
    /// An operation on the resource `link`, or on the feed of `resource` below it.
    pub(crate) fn new(action: Action, resource: ResourceType, link: Link) -> Self {
        Self {
            action,
            resource,
            link,
            container: None,
            partition: Partition::None,
            body: Vec::new(),
            lacks_id: false,
            headers: HeaderMap::new(),
            options: CallOptions::default(),
            home: None,
        }
    }

    /// Whether the operation is about metadata. Running a script is about items, whatever the script itself is.
    pub(crate) fn is_metadata(&self) -> bool {
        self.resource.is_metadata() && self.action != Action::Execute
    }

    /// Whether the write may be repeated although it may have happened. What the client allows covers the kinds that
    /// are repeatable; what the call itself allows covers every kind.
    pub(crate) fn may_repeat(&self, client_allows: bool) -> bool {
        let by_client = client_allows && self.action.is_repeatable();
        self.options.retry_writes.unwrap_or(by_client)
    }

    /// The URL path of the request.
    pub(crate) fn url_path(&self) -> String {
        let below = match self.action {
            Action::DeleteByKey => Some("operations/partitionkeydelete"),
            action => action.is_on_feed().then(|| self.resource.segment()),
        };
        self.link.url_path(below)
    }
}
