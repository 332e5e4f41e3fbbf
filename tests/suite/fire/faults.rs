//! A: answers that do not come, and what may be repeated.

use std::time::Duration;

use cosmosdb::transport::TransportErrorKind;
use cosmosdb::{Container, ErrorKind, RetryOptions};
use serde_json::{Value, json};

use super::account::{Account, EAST, WEST};
use super::fault::{Effect, Fault};

const LOST: Effect = Effect::Drop { after: true };
const CUT: Effect = Effect::Drop { after: false };

fn item(n: i64) -> Value {
    json!({ "id": "1", "pk": "1", "n": n })
}

fn repeating(account: &Account) -> Container {
    account.container(|it| {
        it.multiple_write_locations(true).retry(RetryOptions::new().retry_writes(true))
    })
}

#[test]
fn a01_a_read_whose_connection_is_cut_is_repeated_at_once() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    account.fault(Fault::on("read_item", CUT).times(1));
    account.preferring([EAST]).read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["East US Broken", "East US 200"]);
    assert!(account.elapsed().is_zero());
}

#[test]
fn a02_a_create_whose_answer_is_lost_is_in_doubt() {
    let account = Account::new([EAST]);
    account.fault(Fault::on("create_item", LOST).times(1));
    let error = account.preferring([EAST]).create_item(&item(1)).send().unwrap_err();
    assert!(error.may_have_been_applied(), "{error}");
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!((account.versions("1"), account.entries("create_item").len()), (1, 1));
}

#[test]
fn a02_a_create_that_is_repeated_does_not_meet_its_own_item_unawares() {
    let account = Account::new([EAST]);
    account.fault(Fault::on("create_item", LOST).times(1));
    let error = repeating(&account).create_item(&item(1)).send().unwrap_err();
    assert!(error.is_conflict() && error.may_have_been_applied(), "{error}");
    assert!(error.to_string().contains("may have been carried out"), "{error}");
    assert_eq!(account.versions("1"), 1);
}

#[test]
fn a03_a_write_that_may_have_happened_is_not_repeated_unasked() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.preferring([EAST]);
    account.fault(Fault::on("replace_item", LOST).times(1));
    account.fault(Fault::on("upsert_item", LOST).times(1));
    account.fault(Fault::on("delete_item", LOST).times(1));
    assert!(items.replace_item("1", &item(2)).send().unwrap_err().may_have_been_applied());
    assert!(items.upsert_item(&item(3)).send().unwrap_err().may_have_been_applied());
    assert!(items.delete_item("1", "1").send().unwrap_err().may_have_been_applied());
    assert_eq!(account.versions("1"), 4);
}

#[test]
fn a04_a_replace_by_etag_is_not_told_of_its_own_change_as_of_anothers() {
    for repeats in [false, true] {
        let account = Account::new([EAST]);
        let items = if repeats { repeating(&account) } else { account.preferring([EAST]) };
        let etag = items.create_item(&item(1)).send().unwrap().etag().unwrap();
        account.fault(Fault::on("replace_item", LOST).times(1));
        let error = items.replace_item("1", &item(2)).if_match(etag).send().unwrap_err();
        assert!(error.may_have_been_applied(), "{error}");
        assert_eq!(error.is_precondition_failed(), repeats);
        assert_eq!(account.versions("1"), 2);
    }
}

#[test]
fn writes_that_the_caller_lets_be_repeated_are() {
    let account = Account::new([EAST]);
    account.fault(Fault::on("upsert_item", CUT).times(1));
    let items = account.preferring([EAST]);
    items.upsert_item(&item(1)).retry_writes(true).send().unwrap();
    assert_eq!(account.log("upsert_item"), ["East US Broken", "East US 200"]);

    account.fault(Fault::status("upsert_item", 500, 0).times(1));
    let error = repeating(&account).upsert_item(&item(1)).retry_writes(false).send().unwrap_err();
    assert!(error.may_have_been_applied());
}

#[test]
fn a_delete_that_finds_its_own_work_done_says_so() {
    let account = Account::new([EAST]);
    account.seed("1", 1);
    account.fault(Fault::on("delete_item", LOST).times(1));
    let error = repeating(&account).delete_item("1", "1").send().unwrap_err();
    assert!(error.is_not_found() && error.may_have_been_applied(), "{error}");
}

#[test]
fn a08_no_answer_ends_with_the_deadline() {
    let account = Account::new([EAST]);
    account.fault(Fault::on("read_item", Effect::Hang));
    let items = account.preferring([EAST]);
    let timeout = Duration::from_millis(1500);
    let error = items.read_item("1", "1").timeout(timeout).send().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(account.elapsed(), timeout);
}

#[test]
fn a09_the_deadline_covers_the_waits() {
    let account = Account::new([EAST]);
    account.fault(Fault::throttle("read_item", "400"));
    let items = account.preferring([EAST]);
    let error = items.read_item("1", "1").timeout(Duration::from_millis(1200)).send().unwrap_err();
    assert!(error.is_throttled(), "{error}");
    assert_eq!(account.elapsed(), Duration::from_millis(800));
}

#[test]
fn a11_a_region_that_hangs_leaves_time_for_another() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    account.fault(Fault::on("read_item", Effect::Hang).at(EAST));
    let items = account.preferring([EAST]);
    items.read_item("1", "1").timeout(Duration::from_secs(6)).send().unwrap();
    assert_eq!(account.log("read_item"), ["East US Timeout", "West US 200"]);
    assert_eq!(account.elapsed(), Duration::from_secs(4));
}

#[test]
fn a12_a_408_is_asked_of_the_next_region_by_reads_only() {
    let account = Account::multi_write([EAST, WEST]);
    account.seed("2", 1);
    let items = account.preferring([EAST]);
    account.fault(Fault::status("read_item", 408, 0).at(EAST));
    items.read_item("2", "2").send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 408", "West US 200"]);
    account.fault(Fault::status("create_item", 408, 0).after());
    let error = items.create_item(&item(1)).send().unwrap_err();
    assert!(error.may_have_been_applied() && !error.is_conflict(), "{error}");
    assert_eq!((account.versions("1"), account.entries("create_item").len()), (1, 1));
}

#[test]
fn a13_an_unavailable_region_is_left_by_reads() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    account.fault(Fault::status("read_item", 503, 0).at(EAST));
    account.preferring([EAST]).read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 503", "West US 200"]);
    assert!(account.elapsed().is_zero());
}

#[test]
fn a14_a_service_that_fails_everywhere_is_asked_a_few_times() {
    let account = Account::new([EAST, WEST]);
    account.fault(Fault::status("read_item", 500, 0));
    let error = account.preferring([EAST]).read_item("1", "1").send().unwrap_err();
    assert_eq!(error.status().unwrap(), 500);
    assert_eq!(account.entries("read_item").len(), 4);
}

#[test]
fn a15_an_answer_of_a_proxy_is_a_clear_error() {
    let account = Account::new([EAST]);
    account.seed("1", 1);
    let items = account.preferring([EAST]);
    account.fault(Fault::on("read_item", Effect::Html(502)).times(4));
    assert_eq!(items.read_item("1", "1").send().unwrap_err().status().unwrap(), 502);
    account.fault(Fault::on("read_item", Effect::Html(200)).times(1));
    let error = items.read_item("1", "1").send().unwrap().item::<Value>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Json);
    items.read_item("1", "1").send().unwrap().item::<Value>().unwrap();
}

#[test]
fn a_region_whose_certificate_is_not_trusted_is_left_for_another() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    account.fault(Fault::on("read_item", Effect::Refuse(TransportErrorKind::Tls)).at(EAST));
    account.preferring([EAST]).read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["East US Tls", "West US 200"]);
}
