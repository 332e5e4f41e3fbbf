//! What a request asks for, by the words that fault rules and the request log use.

use http::Method;

use super::request::Request;
use crate::wire::header;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a request asks for.
        ///
        /// Its text form, `read_item`, is that of the emulator's controls.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EmulatorOperation {
            $($(#[$doc])* $name,)*
        }

        impl EmulatorOperation {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in snake case: `read_item`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

operations! {
    /// The account's document, `GET /`.
    ReadAccount = "read_account",
    /// One database.
    ReadDatabase = "read_database",
    /// A new database.
    CreateDatabase = "create_database",
    /// One container.
    ReadContainer = "read_container",
    /// A new container.
    CreateContainer = "create_container",
    /// A container's changed definition.
    ReplaceContainer = "replace_container",
    /// The partition key ranges of a container.
    ReadPartitionKeyRanges = "read_pkranges",
    /// A new item.
    CreateItem = "create_item",
    /// An item, new or not.
    UpsertItem = "upsert_item",
    /// One item.
    ReadItem = "read_item",
    /// An item in the place of another.
    ReplaceItem = "replace_item",
    /// Changes to an item.
    PatchItem = "patch_item",
    /// The end of an item.
    DeleteItem = "delete_item",
    /// All items, without a query.
    ListItems = "list_items",
    /// A page of a query over items.
    QueryItems = "query",
    /// The plan of a query.
    QueryPlan = "query_plan",
    /// What changed since a position.
    ChangeFeed = "change_feed",
    /// A batch, transactional or not.
    Batch = "batch",
    /// The end of all items of a partition key.
    DeletePartitionKey = "delete_partition_key",
    /// A stored procedure's run.
    ExecuteScript = "execute_script",
    /// Conflicts: read, query and delete.
    Conflicts = "conflicts",
    /// Everything else: users, permissions, offers, scripts, lists.
    Other = "other",
}

impl EmulatorOperation {
    /// The operation with this name; `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == name)
    }

    pub(crate) fn of(request: &Request<'_>) -> Self {
        let method = request.method;
        let is_post = *method == Method::POST;
        let is_create = is_post && !request.is_query();
        let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        match *segments.as_slice() {
            [] => Self::ReadAccount,
            ["dbs"] if is_create => Self::CreateDatabase,
            ["dbs", _] if *method == Method::GET => Self::ReadDatabase,
            ["dbs", _, "colls"] if is_create => Self::CreateContainer,
            ["dbs", _, "colls", _] if *method == Method::GET => Self::ReadContainer,
            ["dbs", _, "colls", _] if *method == Method::PUT => Self::ReplaceContainer,
            ["dbs", _, "colls", _, "pkranges"] => Self::ReadPartitionKeyRanges,
            ["dbs", _, "colls", _, "docs"] if is_post => Self::of_post(request),
            ["dbs", _, "colls", _, "docs"] if request.header(&header::A_IM).is_some() => {
                Self::ChangeFeed
            }
            ["dbs", _, "colls", _, "docs"] => Self::ListItems,
            ["dbs", _, "colls", _, "docs", _] => match *method {
                Method::PUT => Self::ReplaceItem,
                Method::PATCH => Self::PatchItem,
                Method::DELETE => Self::DeleteItem,
                _ => Self::ReadItem,
            },
            ["dbs", _, "colls", _, "operations", "partitionkeydelete"] => Self::DeletePartitionKey,
            ["dbs", _, "colls", _, "sprocs", _] if is_post => Self::ExecuteScript,
            ["dbs", _, "colls", _, "conflicts", ..] => Self::Conflicts,
            _ => Self::Other,
        }
    }

    fn of_post(request: &Request<'_>) -> Self {
        if request.is_set(&header::IS_QUERY_PLAN_REQUEST) {
            Self::QueryPlan
        } else if request.is_query() {
            Self::QueryItems
        } else if request.is_set(&header::IS_BATCH_REQUEST) {
            Self::Batch
        } else if request.is_set(&header::IS_UPSERT) {
            Self::UpsertItem
        } else {
            Self::CreateItem
        }
    }
}
