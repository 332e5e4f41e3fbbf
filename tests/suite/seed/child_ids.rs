//! Ids and upserts of what stands below databases and containers beside items.

use cosmosdb::models::{
    PermissionMode, PermissionProperties, StoredProcedureProperties, TriggerOperation,
    TriggerProperties, TriggerType, UserDefinedFunctionProperties, UserProperties,
};
use cosmosdb::{Database, ErrorKind, Result, Scripts};

use super::ids::{ILLEGAL, LEGAL};
use super::wire::{Seed, header};

const BODY: &str = "function () {}";

fn procedure(id: &str) -> StoredProcedureProperties {
    StoredProcedureProperties::new(id, BODY)
}

fn trigger(id: &str) -> TriggerProperties {
    TriggerProperties::new(id, BODY, TriggerType::Pre, TriggerOperation::All)
}

fn function(id: &str) -> UserDefinedFunctionProperties {
    UserDefinedFunctionProperties::new(id, BODY)
}

fn permission(id: &str) -> PermissionProperties {
    PermissionProperties::new(id, PermissionMode::All, "dbs/db/colls/items")
}

type Calls = Vec<(&'static str, Result<http::StatusCode>)>;

macro_rules! calls {
    ($($call:expr),* $(,)?) => {
        vec![$((stringify!($call), $call.send().map(|it| it.status()))),*]
    };
}

/// Each call of users and permissions that names one by this id.
fn calls_of_users(db: &Database, id: &str) -> Calls {
    let (ana, other) = (db.user("ana"), db.user(id));
    calls![
        db.create_user(id),
        db.upsert_user(id),
        ana.replace(&UserProperties::new(id)),
        other.read(),
        other.delete(),
        ana.create_permission(permission(id)),
        ana.upsert_permission(permission(id)),
        ana.permission("p").replace(&permission(id)),
        ana.permission(id).read(),
        ana.permission(id).delete(),
        other.permission("p").read(),
        other.create_permission(permission("p")),
    ]
}

/// Each call of scripts that names one by this id.
fn calls_of_scripts(scripts: &Scripts, id: &str) -> Calls {
    calls![
        scripts.create_stored_procedure(procedure(id)),
        scripts.upsert_stored_procedure(procedure(id)),
        scripts.stored_procedure("s").replace(&procedure(id)),
        scripts.stored_procedure(id).read(),
        scripts.stored_procedure(id).execute("a", ()),
        scripts.stored_procedure(id).delete(),
        scripts.create_trigger(trigger(id)),
        scripts.upsert_trigger(trigger(id)),
        scripts.trigger("t").replace(&trigger(id)),
        scripts.trigger(id).read(),
        scripts.trigger(id).delete(),
        scripts.create_user_defined_function(function(id)),
        scripts.upsert_user_defined_function(function(id)),
        scripts.user_defined_function("f").replace(&function(id)),
        scripts.user_defined_function(id).read(),
        scripts.user_defined_function(id).delete(),
    ]
}

#[test]
fn s05_ids_of_users_permissions_and_scripts_are_validated_before_any_request() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    for id in ILLEGAL {
        let mut calls = calls_of_users(items.database(), id);
        calls.extend(calls_of_scripts(&items.scripts(), id));
        for (call, outcome) in calls {
            let error = outcome.err().unwrap_or_else(|| panic!("{call} {id:?} was let through"));
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{call} {id:?}: {error}");
        }
        for error in [
            items.conflict(id, "a").read().send().unwrap_err(),
            items.conflict(id, "a").delete().send().unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{id:?}: {error}");
        }
    }
    assert!(seed.wire.take().is_empty(), "nothing was sent");
}

#[test]
fn s05_legal_ids_of_users_permissions_and_scripts_round_trip() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let (db, scripts) = (items.database(), items.scripts());
    for id in LEGAL {
        let all = |outcome: Result<http::StatusCode>, call: &str| {
            let status = outcome.unwrap_or_else(|it| panic!("{call} {id:?}: {it}"));
            assert!(status.is_success(), "{call} {id:?}: {status}");
        };
        let user = db.user(id);
        for (call, outcome) in calls![
            db.create_user(id),
            user.create_permission(permission(id)),
            user.permission(id).replace(&permission(id)),
            user.permission(id).read(),
            user.permission(id).delete(),
            user.replace(&UserProperties::new(id)),
            user.delete(),
            scripts.create_stored_procedure(procedure(id)),
            scripts.stored_procedure(id).replace(&procedure(id)),
            scripts.stored_procedure(id).execute("a", ()),
            scripts.stored_procedure(id).delete(),
            scripts.create_trigger(trigger(id)),
            scripts.trigger(id).replace(&trigger(id)),
            scripts.trigger(id).delete(),
            scripts.create_user_defined_function(function(id)),
            scripts.user_defined_function(id).replace(&function(id)),
            scripts.user_defined_function(id).delete(),
        ] {
            all(outcome, call);
        }
    }
}

#[test]
fn s07_upserts_of_users_permissions_and_scripts_create_with_201_and_replace_with_200() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let (db, scripts) = (items.database(), items.scripts());
    for expected in [201, 200] {
        for (call, outcome) in calls![
            db.upsert_user("ana"),
            db.user("ana").upsert_permission(permission("p")),
            scripts.upsert_stored_procedure(procedure("s")),
            scripts.upsert_trigger(trigger("t")),
            scripts.upsert_user_defined_function(function("f")),
        ] {
            assert_eq!(outcome.unwrap(), expected, "{call}");
        }
    }
    let is_upsert = |it: &http::Request<Vec<u8>>| header(it, "x-ms-documentdb-is-upsert") == "True";
    let sent = seed.wire.take();
    assert_eq!(sent.len(), 10);
    assert!(sent.iter().all(|it| it.method() == "POST" && is_upsert(it)), "{sent:?}");
    for (call, outcome) in calls![
        db.create_user("bea"),
        db.user("bea").create_permission(permission("p")),
        scripts.create_stored_procedure(procedure("s2")),
        scripts.create_trigger(trigger("t2")),
        scripts.create_user_defined_function(function("f2")),
    ] {
        assert_eq!(outcome.unwrap(), 201, "{call}");
    }
    let sent = seed.wire.take();
    assert_eq!(sent.len(), 5);
    assert!(!sent.iter().any(is_upsert), "{sent:?}");
}
