//! The words of the wire: header names, sub-statuses and fixed values of the REST protocol.
//!
//! Client and emulator share this file and nothing that interprets it, so that they cannot be wrong together.

/// The REST version that the client asks for: the newest that public SDKs send.
pub(crate) const API_VERSION: &str = "2020-07-15";

/// What the client can bear, as a bit mask: 1 says that merged partitions are understood.
pub(crate) const SDK_CAPABILITIES: &str = "1";

/// Largest body that the service accepts, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// Names of request and response headers, in lower case as `http` keeps them.
#[cfg_attr(
    not(feature = "scripts"),
    allow(dead_code, reason = "some are the emulator's, which answers with them")
)]
pub(crate) mod header {
    macro_rules! names {
        ($($(#[$meta:meta])* $name:ident = $text:literal;)*) => {
            $($(#[$meta])* pub(crate) const $name: http::HeaderName = http::HeaderName::from_static($text);)*
        };
    }

    names! {
        VERSION = "x-ms-version";
        DATE = "x-ms-date";
        ACTIVITY_ID = "x-ms-activity-id";
        SDK_CAPABILITIES = "x-ms-cosmos-sdk-supportedcapabilities";
        CONSISTENCY_LEVEL = "x-ms-consistency-level";
        READ_CONSISTENCY_STRATEGY = "x-ms-cosmos-read-consistency-strategy";
        SESSION_TOKEN = "x-ms-session-token";
        ALLOW_TENTATIVE_WRITES = "x-ms-cosmos-allow-tentative-writes";
        INTENDED_COLLECTION_RID = "x-ms-cosmos-intended-collection-rid";
        HUB_REGION_ONLY = "x-ms-cosmos-hub-region-processing-only";
        NO_RETRY_449 = "x-ms-noretry-449";

        PARTITION_KEY = "x-ms-documentdb-partitionkey";
        PARTITION_KEY_RANGE_ID = "x-ms-documentdb-partitionkeyrangeid";
        START_EPK = "x-ms-start-epk";
        END_EPK = "x-ms-end-epk";
        READ_KEY_TYPE = "x-ms-read-key-type";

        IS_QUERY = "x-ms-documentdb-isquery";
        ENABLE_CROSS_PARTITION = "x-ms-documentdb-query-enablecrosspartition";
        PARALLELIZE_CROSS_PARTITION = "x-ms-documentdb-query-parallelizecrosspartitionquery";
        ENABLE_SCAN = "x-ms-documentdb-query-enable-scan";
        MAX_ITEM_COUNT = "x-ms-max-item-count";
        CONTINUATION = "x-ms-continuation";
        IS_QUERY_PLAN_REQUEST = "x-ms-cosmos-is-query-plan-request";
        SUPPORTED_QUERY_FEATURES = "x-ms-cosmos-supported-query-features";
        QUERY_VERSION = "x-ms-cosmos-query-version";
        POPULATE_QUERY_METRICS = "x-ms-documentdb-populatequerymetrics";
        QUERY_METRICS = "x-ms-documentdb-query-metrics";
        POPULATE_INDEX_METRICS = "x-ms-cosmos-populateindexmetrics";
        POPULATE_INDEX_METRICS_V2 = "x-ms-cosmos-populateindexmetrics-v2";
        INDEX_UTILIZATION = "x-ms-cosmos-index-utilization";
        QUERY_EXECUTION_INFO = "x-ms-cosmos-query-execution-info";

        IS_UPSERT = "x-ms-documentdb-is-upsert";
        INDEXING_DIRECTIVE = "x-ms-indexing-directive";
        PRE_TRIGGER_INCLUDE = "x-ms-documentdb-pre-trigger-include";
        POST_TRIGGER_INCLUDE = "x-ms-documentdb-post-trigger-include";
        SCRIPT_ENABLE_LOGGING = "x-ms-documentdb-script-enable-logging";
        SCRIPT_LOG_RESULTS = "x-ms-documentdb-script-log-results";
        PRIORITY_LEVEL = "x-ms-cosmos-priority-level";
        THROUGHPUT_BUCKET = "x-ms-cosmos-throughput-bucket";
        DEDICATED_GATEWAY_MAX_AGE = "x-ms-dedicatedgateway-max-age";
        DEDICATED_GATEWAY_BYPASS_CACHE = "x-ms-dedicatedgateway-bypass-cache";

        IS_BATCH_REQUEST = "x-ms-cosmos-is-batch-request";
        BATCH_ATOMIC = "x-ms-cosmos-batch-atomic";
        BATCH_ORDERED = "x-ms-cosmos-batch-ordered";
        BATCH_CONTINUE_ON_ERROR = "x-ms-cosmos-batch-continue-on-error";

        EXPIRY_SECONDS = "x-ms-documentdb-expiry-seconds";
        A_IM = "a-im";
        CHANGE_FEED_WIRE_FORMAT = "x-ms-cosmos-changefeed-wire-format-version";
        PREFER = "prefer";

        OFFER_THROUGHPUT = "x-ms-offer-throughput";
        OFFER_TYPE = "x-ms-offer-type";
        RU_PER_MINUTE_ENABLED = "x-ms-offer-is-ru-per-minute-throughput-enabled";
        DISABLE_RU_PER_MINUTE = "x-ms-documentdb-disable-ru-per-minute-usage";
        RU_PER_MINUTE_USED = "x-ms-documentdb-is-ru-per-minute-used";
        OFFER_AUTOPILOT = "x-ms-cosmos-offer-autopilot-settings";
        MIGRATE_TO_AUTOPILOT = "x-ms-cosmos-migrate-offer-to-autopilot";
        MIGRATE_TO_MANUAL = "x-ms-cosmos-migrate-offer-to-manual-throughput";
        OFFER_REPLACE_PENDING = "x-ms-offer-replace-pending";
        MIN_THROUGHPUT = "x-ms-cosmos-min-throughput";
        POPULATE_QUOTA_INFO = "x-ms-documentdb-populatequotainfo";
        POPULATE_PARTITION_STATISTICS = "x-ms-documentdb-populatepartitionstatistics";

        REQUEST_CHARGE = "x-ms-request-charge";
        SUB_STATUS = "x-ms-substatus";
        RETRY_AFTER_MS = "x-ms-retry-after-ms";
        ITEM_COUNT = "x-ms-item-count";
        LSN = "lsn";
        ITEM_LSN = "x-ms-item-lsn";
        LLSN = "x-ms-cosmos-llsn";
        GLOBAL_COMMITTED_LSN = "x-ms-global-committed-lsn";
        RESOURCE_QUOTA = "x-ms-resource-quota";
        RESOURCE_USAGE = "x-ms-resource-usage";
        ALT_CONTENT_PATH = "x-ms-alt-content-path";
        CONTENT_PATH = "x-ms-content-path";
        INDEX_TRANSFORMATION_PROGRESS = "x-ms-documentdb-collection-index-transformation-progress";
        LAZY_INDEXING_PROGRESS = "x-ms-documentdb-collection-lazy-indexing-progress";
        GATEWAY_VERSION = "x-ms-gatewayversion";
        SERVICE_VERSION = "x-ms-serviceversion";
        SCHEMA_VERSION = "x-ms-schemaversion";
        NUMBER_OF_READ_REGIONS = "x-ms-number-of-read-regions";
        REQUEST_DURATION_MS = "x-ms-request-duration-ms";
        LAST_STATE_CHANGE_UTC = "x-ms-last-state-change-utc";
        XP_ROLE = "x-ms-xp-role";
        TRANSPORT_REQUEST_ID = "x-ms-transport-request-id";
        INTERNAL_PARTITION_ID = "x-ms-cosmos-internal-partition-id";
        PHYSICAL_PARTITION_ID = "x-ms-cosmos-physical-partition-id";
        /// Set by the client on every response and error: how often it was throttled.
        THROTTLE_RETRY_COUNT = "x-ms-throttle-retry-count";
        /// Set by the client on every response and error: how long it waited because of throttling.
        THROTTLE_RETRY_WAIT_MS = "x-ms-throttle-retry-wait-time-ms";
    }
}

/// Values of `x-ms-substatus`. A sub-status means something only together with its status.
#[cfg_attr(not(feature = "scripts"), allow(dead_code, reason = "the emulator's alone"))]
pub(crate) mod sub_status {
    /// 403: the region does not take writes (any more).
    pub(crate) const WRITE_FORBIDDEN: u32 = 3;
    /// 400: the key in the header differs from the item's or from the container's definition.
    pub(crate) const PARTITION_KEY_MISMATCH: u32 = 1001;
    /// 400: the body of a script is no function.
    pub(crate) const SCRIPT_COMPILE_ERROR: u32 = 65535;
    /// 404: the replica has not caught up with the session token.
    pub(crate) const READ_SESSION_NOT_AVAILABLE: u32 = 1002;
    /// 410: the addressed partition key range was split or merged away.
    pub(crate) const PARTITION_KEY_RANGE_GONE: u32 = 1002;
    /// 404: the database or container above the resource does not exist.
    pub(crate) const OWNER_RESOURCE_NOT_FOUND: u32 = 1003;
    /// 400: the gateway cannot serve this query itself; it needs a plan.
    pub(crate) const CROSS_PARTITION_NOT_SERVABLE: u32 = 1004;
    /// 410: the container was recreated under the same name.
    pub(crate) const NAME_CACHE_STALE: u32 = 1000;
    /// 410: a split or merge is about to be completed.
    pub(crate) const COMPLETING_SPLIT: u32 = 1007;
    /// 410: the partition is being moved. 403: the account is not in this region.
    pub(crate) const COMPLETING_MIGRATION: u32 = 1008;
    /// 400: the container rid of the request is not the container's.
    pub(crate) const INCORRECT_CONTAINER_RID: u32 = 1024;
    /// 412: the condition of a patch does not hold.
    pub(crate) const PATCH_CONDITION_NOT_MET: u32 = 1110;
    /// 413: the answer of a batch was full before this operation's turn came.
    pub(crate) const BATCH_RESPONSE_TOO_LARGE: u32 = 3402;
    /// 403: the account is not in this region (any more).
    pub(crate) const ACCOUNT_NOT_IN_REGION: u32 = 1008;
    /// 404: the container is being created.
    pub(crate) const BEING_CREATED: u32 = 1013;
    /// 404: the store does not answer yet.
    pub(crate) const STORE_NOT_READY: u32 = 1023;
    /// 429: the region is short of resources; others may not be.
    pub(crate) const SYSTEM_RESOURCE_UNAVAILABLE: u32 = 3092;
    /// 429: throughput may be scaled down only every few hours, so waiting is the caller's business.
    pub(crate) const SCALE_DOWN_REFUSED: u32 = 3204;
    /// 429: the request units of this second are used up.
    pub(crate) const THROUGHPUT_EXCEEDED: u32 = 3200;
}
