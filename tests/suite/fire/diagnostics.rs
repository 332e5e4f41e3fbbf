//! What can be seen afterwards of what the client did.

use cosmosdb::{ContainerProperties, Diagnostics};
use serde_json::{Value, json};

use super::account::{Account, EAST, WEST};
use super::fault::Fault;

#[test]
fn every_attempt_is_there_with_its_region_outcome_wait_and_reason() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    account.fault(Fault::throttle("read_item", "250").times(1));
    account.fault(Fault::status("read_item", 503, 1007).at(EAST));
    let response = account.preferring([EAST]).read_item("1", "1").send().unwrap();
    let diagnostics = response.diagnostics();
    assert_eq!(diagnostics.regions(), [EAST, WEST]);
    assert_eq!(
        diagnostics.to_string(),
        "read item /dbs/db/colls/c/docs/1 250.0ms 3.00 RU \
         | metadata (read account / 0.0ns 1.00 RU | acct.documents.test 200 0.0ns) | East US 429/3200 0.0ns, waited 250.0ms: throttled \
         | East US 503/1007 0.0ns, waited 0.0ns: the service is unavailable | West US 200 0.0ns"
    );
    let json = diagnostics.to_json();
    assert_eq!(json["attempts"][1]["subStatus"], 1007);
    assert_eq!(json["attempts"][2]["region"], WEST);
    assert_eq!(json["elapsedMs"], 250.0);
}

#[test]
fn an_error_carries_them_too_and_no_secret() {
    let account = Account::new([EAST, WEST]);
    account.fault(Fault::status("upsert_item", 403, 3));
    let items = account.preferring([EAST]);
    let error = items.upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap_err();
    let diagnostics = error.diagnostics().unwrap();
    assert_eq!(diagnostics.attempts().len(), 6);
    assert_eq!(diagnostics.attempts()[1].waited.as_secs(), 1);
    assert_eq!(diagnostics.attempts()[0].retried_because, Some("the region takes no writes"));
    let shown = format!("{error} {error:?} {diagnostics} {}", diagnostics.to_json());
    assert!(!shown.contains("sig%3D") && !shown.contains("c2VjcmV0"), "{shown}");
}

#[test]
fn what_was_read_of_account_and_container_is_there_once_and_marked_as_metadata() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    account.fault(Fault::throttle("read_container", "100").times(1));
    let created = items.create_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    let diagnostics = created.diagnostics();
    let read: Vec<_> = diagnostics.metadata().map(Diagnostics::operation).collect();
    assert_eq!(read, ["read container /dbs/db/colls/c"]);
    assert_eq!(diagnostics.attempts().len(), 1);
    assert_eq!(
        diagnostics.to_string(),
        "create item /dbs/db/colls/c/docs 100.0ms 1.00 RU \
         | metadata (read container /dbs/db/colls/c 100.0ms 2.00 RU \
         | metadata (read account / 0.0ns 1.00 RU | acct.documents.test 200 0.0ns) \
         | East US 429/3200 0.0ns, waited 100.0ms: throttled | East US 200 0.0ns) | East US 201 0.0ns"
    );
    let json = diagnostics.to_json();
    let container = &json["metadata"][0];
    assert_eq!(container["operation"], "read container /dbs/db/colls/c");
    assert_eq!(container["afterAttempts"], 0);
    assert_eq!(container["attempts"][0]["status"], 429);
    assert_eq!(container["metadata"][0]["operation"], "read account /");

    let again = items.create_item(&json!({ "id": "2", "pk": "2" })).send().unwrap();
    assert_eq!(again.diagnostics().metadata().len(), 0);
    assert_eq!(again.diagnostics().to_json()["metadata"], json!([]));
}

#[test]
fn an_error_of_a_read_on_behalf_of_an_operation_shows_its_attempts() {
    let account = Account::new([EAST]);
    account.fault(Fault::status("read_container", 404, 1003));
    let items = account.preferring([EAST]);
    let error = items.create_item(&json!({ "id": "1", "pk": "1" })).send().unwrap_err();
    let diagnostics = error.diagnostics().unwrap();
    assert_eq!(diagnostics.operation(), "create item /dbs/db/colls/c/docs");
    assert!(diagnostics.attempts().is_empty());
    let container = diagnostics.metadata().next().unwrap();
    assert_eq!(container.attempts()[0].status, Some(404));
    assert_eq!(container.attempts()[0].sub_status, 1003);
    assert!(diagnostics.to_string().contains("East US 404/1003"), "{diagnostics}");
}

#[test]
fn what_is_read_again_between_attempts_stands_between_them() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    items.create_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    account.fault(Fault::status("create_item", 410, 1000).times(1));
    let created = items.create_item(&json!({ "id": "2", "pk": "2" })).send().unwrap();
    let line = created.diagnostics().to_string();
    let places: Vec<_> = ["410/1000", "metadata (read container", " 201 "]
        .into_iter()
        .map(|it| line.find(it))
        .collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{line}");
    assert_eq!(created.diagnostics().to_json()["metadata"][0]["afterAttempts"], 1);
}

#[test]
fn pages_tell_what_was_read_before_them() {
    let account = cosmosdb::Emulator::new();
    account.client().create_database("db").send().unwrap();
    let database = account.client().database("db");
    database.create_container(ContainerProperties::new("c", "/pk")).send().unwrap();
    let writer = database.container("c");
    writer.create_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    let metadata = |diagnostics: &[Diagnostics]| -> Vec<String> {
        let of = |it: &Diagnostics| it.metadata().map(Diagnostics::operation).collect::<Vec<_>>();
        diagnostics.iter().flat_map(of).collect()
    };
    let fresh = || account.client().database("db").container("c");
    let container = "read container /dbs/db/colls/c";

    let mut pages = fresh().query_items::<Value>("SELECT VALUE COUNT(1) FROM c").pages();
    let read = metadata(pages.next().unwrap().unwrap().diagnostics());
    assert_eq!(read[0], container);
    assert!(read.iter().any(|it| it.starts_with("list partition key ranges")), "{read:?}");

    let mut pages = fresh().change_feed::<Value>().from_beginning().pages();
    let read = metadata(pages.next().unwrap().unwrap().diagnostics());
    assert_eq!(read[0], container);

    let read_many = fresh().read_many([("1", "1")]);
    let read = metadata(read_many.send::<Value>().unwrap().diagnostics());
    assert_eq!(read[0], container);
}
