//! What the types promise.

use cosmosdb::*;

fn shared<T: Send + Sync + 'static>() {}
fn sent<T: Send + 'static>() {}

#[test]
fn everything_public_can_be_shared_between_threads() {
    shared::<CosmosClient>();
    shared::<Database>();
    shared::<Container>();
    shared::<Scripts>();
    shared::<StoredProcedure>();
    shared::<Trigger>();
    shared::<UserDefinedFunction>();
    shared::<User>();
    shared::<Permission>();
    shared::<Offer>();
    shared::<ResourceThroughput>();
    shared::<Conflict>();
    shared::<Error>();
    shared::<Response>();
    shared::<PartitionKey>();
    shared::<Diagnostics>();
    shared::<Emulator>();
    sent::<Operation<ops::ReadItem>>();
    sent::<Operation<ops::ExecuteStoredProcedure>>();
    sent::<Query<u8>>();
    sent::<Pages<u8>>();
    sent::<Items<u8>>();
    sent::<Listing<u8>>();
}

#[test]
fn handles_are_small_and_send_nothing() {
    let client = CosmosClient::new("https://nowhere.invalid/", "c2VjcmV0").unwrap();
    let container = client.database("db").container("c");
    assert_eq!((container.database().id(), container.id()), ("db", "c"));
    assert!(client.known_account().is_none());
}
