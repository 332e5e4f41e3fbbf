//! The account itself.

use http::HeaderName;

use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Origin};
use crate::emulator::sql::value::{Object, Value};

/// What the query engine says of itself, as a live account sends it.
const QUERY_ENGINE: &str = r#"{"allowNewKeywords":true,"maxJoinsPerSqlQuery":10,"maxQueryRequestTimeoutFraction":0.9,"maxSqlQueryInputLength":524288,"maxUdfRefPerSqlQuery":10,"queryMaxInMemorySortDocumentCount":-1000,"spatialMaxGeometryPointCount":256,"sqlAllowNonFiniteNumbers":false,"sqlDisableOptimizationFlags":0,"sqlQueryILDisableOptimizationFlags":0,"clientDisableOptimisticDirectExecution":false,"queryEnableFullText":true,"queryEnableFullTextPreviewFeatures":false,"queryMaxFullTextScoreSearchTerms":30,"queryMaxRrfArgumentCount":100,"enableSpatialIndexing":true,"maxInExpressionItemsCount":2147483647,"maxLogicalAndPerSqlQuery":2147483647,"maxLogicalOrPerSqlQuery":2147483647,"maxSpatialQueryCells":2147483647,"sqlAllowAggregateFunctions":true,"sqlAllowGroupByClause":true,"sqlAllowLike":true,"sqlAllowSubQuery":true,"sqlAllowScalarSubQuery":true,"sqlAllowTop":true}"#;

/// The counts of a kind of storage that the service no longer has.
const LEGACY_COUNTS: [&str; 5] = [
    "x-ms-max-media-storage-usage-mb",
    "x-ms-media-storage-usage-mb",
    "x-ms-databaseaccount-consumed-mb",
    "x-ms-databaseaccount-reserved-mb",
    "x-ms-databaseaccount-provisioned-mb",
];

/// Answers where the account is and what it promises.
pub(crate) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let topology = &call.request.topology;
    let readable = topology.advertised().filter_map(|it| location(call, it.0)).collect();
    let writable = topology.writable().into_iter().filter_map(|it| location(call, it)).collect();
    let replicas =
        || [("minReplicaSetSize", Value::from(3_u64)), ("maxReplicasetSize", Value::from(4_u64))];
    let user_replication =
        std::iter::once(("asyncReplication", Value::from(false))).chain(replicas());
    let consistency =
        Object::from_iter([("defaultConsistencyLevel", topology.consistency.as_str().into())]);
    let read_policy = Object::from_iter([
        ("primaryReadCoefficient", Value::from(1_u64)),
        ("secondaryReadCoefficient", Value::from(1_u64)),
    ]);
    let account = Object::from_iter([
        ("_self", Value::from("")),
        ("id", "emulator".into()),
        ("_rid", "emulator.documents.azure.com".into()),
        ("media", "//media/".into()),
        ("addresses", "//addresses/".into()),
        ("_dbs", "//dbs/".into()),
        ("writableLocations", Value::array(writable)),
        ("readableLocations", Value::array(readable)),
        ("enableMultipleWriteLocations", topology.multi_write.into()),
        ("continuousBackupEnabled", false.into()),
        ("enableNRegionSynchronousCommit", false.into()),
        ("enablePerPartitionFailoverBehavior", topology.partition_failover.into()),
        ("disableCrossRegionalHedging", topology.forbids_hedging.into()),
        ("userReplicationPolicy", user_replication.collect::<Object>().into()),
        ("userConsistencyPolicy", consistency.into()),
        ("systemReplicationPolicy", replicas().into_iter().collect::<Object>().into()),
        ("readPolicy", read_policy.into()),
        ("queryEngineConfiguration", QUERY_ENGINE.into()),
    ]);
    let answer = Answer { status: 200, origin: Origin::BareGateway, ..Answer::default() };
    let answer = LEGACY_COUNTS
        .into_iter()
        .fold(answer, |answer, name| answer.header(HeaderName::from_static(name), 0));
    Ok(answer.body(Value::from(account).to_json()))
}

/// A region, and where it is for this client: a server's port, or a name that leads nowhere else.
fn location(call: &Call<'_>, region: usize) -> Option<Value> {
    let known = call.request.topology.regions.get(region)?;
    let endpoint = match call.request.reach {
        // A region that came later than the server has no port.
        Some(reach) => reach.endpoints(call.request.uri).into_iter().nth(region)?,
        None => known.endpoint.clone(),
    };
    let name = Value::from(known.name.as_str());
    Some(Object::from_iter([("name", name), ("databaseAccountEndpoint", endpoint.into())]).into())
}
