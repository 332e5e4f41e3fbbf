//! What can be seen afterwards of what the client did.

use serde_json::json;

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
        "read item /dbs/db/colls/c/docs/1 250.0ms 3.00 RU | East US 429/3200 0.0ns, waited 250.0ms: throttled \
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
