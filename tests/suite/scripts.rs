//! Stored procedures, triggers and user-defined functions, as resources.

use cosmosdb::clock::VirtualClock;
use cosmosdb::models::{
    StoredProcedureProperties, TriggerOperation, TriggerProperties, TriggerType,
    UserDefinedFunctionProperties,
};
use cosmosdb::transport::{Mock, Response, TransportError, TransportErrorKind};
use cosmosdb::{Container, CosmosClient, ErrorKind, RetryOptions, Scripts};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    a_stored_procedure_goes_through_its_life,
    a_trigger_goes_through_its_life,
    a_user_defined_function_goes_through_its_life,
    an_upsert_creates_and_then_replaces,
    scripts_are_listed_in_pages_and_queried,
    a_replace_heeds_the_version,
    a_name_that_is_taken_is_a_conflict,
    scripts_of_different_kinds_share_names,
    odd_ids_round_trip,
    scripts_keep_text_of_any_alphabet,
    ids_are_checked_before_anything_is_sent,
}

const ANSWERS: &str = "function (x) { getContext().getResponse().setBody(x); }";

fn procedure(id: &str) -> StoredProcedureProperties {
    StoredProcedureProperties::new(id, ANSWERS)
}

fn trigger(id: &str) -> TriggerProperties {
    TriggerProperties::new(id, "function () {}", TriggerType::Pre, TriggerOperation::All)
}

fn function(id: &str) -> UserDefinedFunctionProperties {
    UserDefinedFunctionProperties::new(id, "function (x) { return x; }")
}

fn a_stored_procedure_goes_through_its_life(account: &Account) {
    let scripts = account.container("/pk").scripts();
    let created = scripts.create_stored_procedure(procedure("p")).send().unwrap();
    assert_eq!(created.status(), 201);
    let handle = scripts.stored_procedure("p");
    let read = handle.read().send().unwrap();
    assert_eq!(read.etag(), created.etag());
    let mut properties = read.properties().unwrap();
    assert_eq!(properties.body, ANSWERS);
    assert!(properties.system.rid.is_some() && properties.system.self_link.is_some());
    properties.body = "function () { return 1; }".into();
    let replaced = handle.replace(&properties).send().unwrap();
    assert_eq!(replaced.status(), 200);
    assert_eq!(replaced.properties().unwrap().body, properties.body);
    assert_ne!(replaced.etag(), read.etag());
    assert_eq!(handle.delete().send().unwrap().status(), 204);
    assert!(handle.read().send().unwrap_err().is_not_found());
    assert!(handle.replace(&properties).send().unwrap_err().is_not_found());
    assert!(handle.delete().send().unwrap_err().is_not_found());
}

fn a_trigger_goes_through_its_life(account: &Account) {
    let scripts = account.container("/pk").scripts();
    scripts.create_trigger(trigger("t")).send().unwrap();
    let mut properties = scripts.trigger("t").read().send().unwrap().properties().unwrap();
    assert_eq!(properties.trigger_type, TriggerType::Pre);
    assert_eq!(properties.trigger_operation, TriggerOperation::All);
    properties.trigger_type = TriggerType::Post;
    properties.trigger_operation = TriggerOperation::Delete;
    let replaced = scripts.trigger("t").replace(&properties).send().unwrap();
    let replaced = replaced.properties().unwrap();
    assert_eq!(replaced.trigger_type, TriggerType::Post);
    assert_eq!(replaced.trigger_operation, TriggerOperation::Delete);
    assert_eq!(scripts.trigger("t").delete().send().unwrap().status(), 204);
    assert_eq!(scripts.triggers().into_iter().count(), 0);
}

fn a_user_defined_function_goes_through_its_life(account: &Account) {
    let scripts = account.container("/pk").scripts();
    scripts.create_user_defined_function(function("f")).send().unwrap();
    let handle = scripts.user_defined_function("f");
    let mut properties = handle.read().send().unwrap().properties().unwrap();
    properties.body = "function (x) { return 2 * x; }".into();
    handle.replace(&properties).send().unwrap();
    assert_eq!(handle.read().send().unwrap().properties().unwrap().body, properties.body);
    assert_eq!(handle.delete().send().unwrap().status(), 204);
    assert_eq!(scripts.user_defined_functions().into_iter().count(), 0);
}

fn an_upsert_creates_and_then_replaces(account: &Account) {
    let scripts = account.container("/pk").scripts();
    for status in [201, 200] {
        let answer = scripts.upsert_stored_procedure(procedure("p")).send().unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(scripts.upsert_trigger(trigger("t")).send().unwrap().status(), status);
        let answer = scripts.upsert_user_defined_function(function("f")).send().unwrap();
        assert_eq!(answer.status(), status);
    }
    let other = StoredProcedureProperties::new("p", "function () { return 2; }");
    scripts.upsert_stored_procedure(other.clone()).send().unwrap();
    let stored = scripts.stored_procedure("p").read().send().unwrap().properties().unwrap();
    assert_eq!(stored.body, other.body);
}

fn scripts_are_listed_in_pages_and_queried(account: &Account) {
    let scripts = account.container("/pk").scripts();
    for id in ["a", "b", "c"] {
        scripts.create_stored_procedure(procedure(id)).send().unwrap();
        scripts.create_trigger(trigger(id)).send().unwrap();
        scripts.create_user_defined_function(function(id)).send().unwrap();
    }
    let pages: Vec<_> =
        scripts.stored_procedures().max_item_count(2).pages().map(Result::unwrap).collect();
    assert_eq!(pages.len(), 2);
    let first = pages[0].continuation().unwrap();
    let rest: Vec<String> = scripts
        .stored_procedures()
        .continue_from(first)
        .into_iter()
        .map(|it| it.unwrap().id)
        .collect();
    assert_eq!(rest, ["c"]);
    assert_eq!(scripts.triggers().into_iter().count(), 3);
    assert_eq!(scripts.user_defined_functions().into_iter().count(), 3);

    let text = "SELECT * FROM r WHERE r.id >= @id";
    let ids = |found: Vec<String>| assert_eq!(found, ["b", "c"]);
    let query = scripts.query_stored_procedures(text).param("@id", "b");
    ids(query.into_iter().map(|it| it.unwrap().id).collect());
    let query = scripts.query_triggers(text).param("@id", "b");
    ids(query.into_iter().map(|it| it.unwrap().id).collect());
    let query = scripts.query_user_defined_functions(text).param("@id", "b");
    ids(query.into_iter().map(|it| it.unwrap().id).collect());
}

fn a_replace_heeds_the_version(account: &Account) {
    let scripts = account.container("/pk").scripts();
    let old = scripts.create_trigger(trigger("t")).send().unwrap().etag().unwrap();
    scripts.trigger("t").replace(&trigger("t")).if_match(&old).send().unwrap();
    let late = [
        scripts.trigger("t").replace(&trigger("t")).if_match(&old).send().unwrap_err(),
        scripts.upsert_trigger(trigger("t")).if_match(&old).send().unwrap_err(),
        scripts.trigger("t").delete().if_match(&old).send().unwrap_err(),
    ];
    for error in late {
        assert!(error.is_precondition_failed(), "{error}");
    }
}

fn a_name_that_is_taken_is_a_conflict(account: &Account) {
    let scripts = account.container("/pk").scripts();
    for id in ["a", "b"] {
        scripts.create_user_defined_function(function(id)).send().unwrap();
    }
    let error = scripts.create_user_defined_function(function("a")).send().unwrap_err();
    assert!(error.is_conflict(), "{error}");
    let error = scripts.user_defined_function("b").replace(&function("a")).send().unwrap_err();
    assert!(error.is_conflict(), "{error}");
}

fn scripts_of_different_kinds_share_names(account: &Account) {
    let scripts = account.container("/pk").scripts();
    scripts.create_stored_procedure(procedure("same")).send().unwrap();
    scripts.create_trigger(trigger("same")).send().unwrap();
    scripts.create_user_defined_function(function("same")).send().unwrap();
    scripts.trigger("same").delete().send().unwrap();
    assert!(scripts.stored_procedure("same").read().send().is_ok());
    assert!(scripts.user_defined_function("same").read().send().is_ok());
}

fn odd_ids_round_trip(account: &Account) {
    let scripts = account.container("/pk").scripts();
    for id in ["a b", " leading", "100%", "a+b", "日本語", "'quoted'", "semi;colon"] {
        scripts.create_stored_procedure(procedure(id)).send().unwrap();
        let handle = scripts.stored_procedure(id);
        assert_eq!(handle.read().send().unwrap().properties().unwrap().id, id);
        handle.delete().send().unwrap();
    }
}

fn scripts_keep_text_of_any_alphabet(account: &Account) {
    let scripts = account.container("/pk").scripts();
    let body = "function () { return 'é日🚀 \u{2028}\u{2029}\u{85}'; }";
    scripts.create_stored_procedure(StoredProcedureProperties::new("p", body)).send().unwrap();
    let stored = scripts.stored_procedure("p").read().send().unwrap().properties().unwrap();
    assert_eq!(stored.body, body);
}

fn ids_are_checked_before_anything_is_sent(account: &Account) {
    let scripts = account.container("/pk").scripts();
    let sent = || account.emulator.as_ref().map(|it| it.requests().len());
    let before = sent();
    for id in ["", "a/b", "a\\b", "a?b", "a#b", "a ", &"x".repeat(256)] {
        for error in refusals(&scripts, id) {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{id:?}: {error}");
        }
    }
    assert_eq!(sent(), before);
}

fn refusals(scripts: &Scripts, id: &str) -> Vec<cosmosdb::Error> {
    vec![
        scripts.create_stored_procedure(procedure(id)).send().unwrap_err(),
        scripts.upsert_stored_procedure(procedure(id)).send().unwrap_err(),
        scripts.stored_procedure("p").replace(&procedure(id)).send().unwrap_err(),
        scripts.stored_procedure(id).read().send().unwrap_err(),
        scripts.stored_procedure(id).execute(1, ()).send().unwrap_err(),
        scripts.create_trigger(trigger(id)).send().unwrap_err(),
        scripts.trigger(id).delete().send().unwrap_err(),
        scripts.upsert_user_defined_function(function(id)).send().unwrap_err(),
        scripts.user_defined_function(id).replace(&function("f")).send().unwrap_err(),
    ]
}

/// A container whose service says what the mock is told to.
fn mocked(mock: &Mock) -> Container {
    mocked_with(mock, RetryOptions::new())
}

fn mocked_with(mock: &Mock, options: RetryOptions) -> Container {
    let builder = CosmosClient::builder("http://localhost/").key("c2VjcmV0").retry(options);
    let client = builder.transport(mock.clone()).clock(VirtualClock::new()).build().unwrap();
    client.database("d").container("c")
}

#[test]
fn an_execution_sends_its_parameters_and_decodes_the_log() {
    let mock = Mock::new();
    let mut answer = Response::new(br#"{"sum":3}"#.to_vec());
    let log = "a%20b%0A100%25%20%C3%A9".parse().unwrap();
    answer.headers_mut().insert("x-ms-documentdb-script-log-results", log);
    mock.respond_with(answer);
    let procedure = mocked(&mock).scripts().stored_procedure("add up");
    let answer = procedure.execute("Lyon", (1, "two")).script_logging(true).send().unwrap();
    assert_eq!(answer.item::<Value>().unwrap(), json!({ "sum": 3 }));
    assert_eq!(answer.script_log().as_deref(), Some("a b\n100% é"));

    let sent = &mock.requests()[0];
    assert_eq!(
        (sent.method().as_str(), sent.uri().path()),
        ("POST", "/dbs/d/colls/c/sprocs/add%20up")
    );
    assert_eq!(sent.body(), br#"[1,"two"]"#);
    assert_eq!(sent.headers()["x-ms-documentdb-partitionkey"], r#"["Lyon"]"#);
    assert_eq!(sent.headers()["x-ms-documentdb-script-enable-logging"], "True");
    assert_eq!(sent.headers()["content-type"], "application/json");
    assert!(!sent.headers().contains_key("x-ms-documentdb-isquery"));
}

#[test]
fn an_execution_without_a_log_has_none() {
    let mock = Mock::new();
    mock.respond(200, "1");
    let answer = mocked(&mock).scripts().stored_procedure("p").execute(1, ()).send().unwrap();
    assert_eq!(answer.script_log(), None);
    let sent = &mock.requests()[0];
    assert_eq!(sent.body(), b"[]");
    assert!(!sent.headers().contains_key("x-ms-documentdb-script-enable-logging"));
}

#[test]
fn an_execution_of_unknown_outcome_is_not_repeated() {
    let outcomes: [fn(&Mock); 4] = [
        |it| {
            it.fail(TransportError::maybe_sent(TransportErrorKind::Broken, "gone"));
        },
        |it| {
            it.fail(TransportError::maybe_sent(TransportErrorKind::Timeout, "late"));
        },
        |it| {
            it.respond(408, "{}");
        },
        |it| {
            it.respond(500, "{}");
        },
    ];
    for outcome in outcomes {
        for retry_writes in [false, true] {
            let mock = Mock::new();
            outcome(&mock);
            let options = RetryOptions::new().retry_writes(retry_writes);
            let procedure = mocked_with(&mock, options).scripts().stored_procedure("p");
            let error = procedure.execute(1, ()).send().unwrap_err();
            assert!(error.may_have_been_applied(), "{error}");
            assert_eq!(mock.requests().len(), 1, "retry_writes {retry_writes}: {error}");
        }
    }
}

#[test]
fn an_execution_that_never_arrived_or_was_throttled_is_repeated() {
    let mock = Mock::new();
    mock.fail(TransportError::not_sent(TransportErrorKind::Connect, "no route"));
    mock.respond(429, "{}").respond(200, "1");
    let procedure = mocked(&mock).scripts().stored_procedure("p");
    assert_eq!(procedure.execute(1, ()).send().unwrap().item::<u8>().unwrap(), 1);
    assert_eq!(mock.requests().len(), 3);
}
