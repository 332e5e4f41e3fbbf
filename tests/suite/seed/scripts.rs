//! Stored procedures, triggers and user-defined functions: as resources, and at work.

use cosmosdb::models::{
    StoredProcedureProperties, TriggerOperation, TriggerProperties, TriggerType,
    UserDefinedFunctionProperties,
};
use cosmosdb::{Container, PartitionKey, Scripts};
use serde_json::{Value, json};

use super::unicode::TEXTS;
use super::wire::{Seed, body, header};

const PATH: &str = "/dbs/db/colls/items";

fn store(scripts: &Scripts, id: &str, body: &str) {
    scripts.upsert_stored_procedure(StoredProcedureProperties::new(id, body)).send().unwrap();
}

fn ids<M>(found: Vec<cosmosdb::Result<M>>, id: impl Fn(M) -> String) -> Vec<String> {
    found.into_iter().map(|it| id(it.unwrap())).collect()
}

/// Takes each kind of script through all its calls; they differ in names only.
macro_rules! life {
    ($name:ident, $segment:literal, $make:expr, $create:ident, $upsert:ident, $handle:ident, $list:ident, $query:ident) => {
        #[test]
        fn $name() {
            let seed = Seed::new();
            let scripts = seed.container("/pk").scripts();
            let feed = format!("{PATH}/{}", $segment);
            let make = $make;
            let created = scripts.$create(make("s", "function () { return 1; }")).send().unwrap();
            let sent = seed.wire.take().remove(0);
            assert_eq!((created.status().as_u16(), sent.uri().path()), (201, feed.as_str()));
            assert_eq!(body(&sent)["body"], "function () { return 1; }");
            let read = scripts.$handle("s").read().send().unwrap();
            assert_eq!(seed.wire.calls(), [format!("GET {feed}/s")]);
            let mut stored = read.properties().unwrap();
            assert!(stored.system.rid.is_some() && stored.system.etag.is_some());
            stored.body = "function () { return 2; }".to_owned();
            let replaced = scripts.$handle("s").replace(&stored).send().unwrap();
            assert_eq!(replaced.properties().unwrap().body, stored.body);
            assert_eq!(seed.wire.calls(), [format!("PUT {feed}/s")]);
            scripts.$upsert(make("t", "function () {}")).send().unwrap();
            assert_eq!(seed.wire.calls(), [format!("POST {feed}")]);
            assert_eq!(ids(scripts.$list().into_iter().collect(), |it| it.id), ["s", "t"]);
            assert_eq!(seed.wire.calls(), [format!("GET {feed}")]);
            let query = scripts.$query("SELECT * FROM r WHERE r.id = @id").param("@id", "t");
            assert_eq!(ids(query.into_iter().collect(), |it| it.id), ["t"]);
            assert_eq!(seed.wire.calls(), [format!("POST {feed}")]);
            assert_eq!(scripts.$handle("s").delete().send().unwrap().status(), 204);
            assert_eq!(seed.wire.calls(), [format!("DELETE {feed}/s")]);
            assert!(scripts.$handle("s").read().send().unwrap_err().is_not_found());
        }
    };
}

life! {
    s01_seed_b_stored_procedures, "sprocs", |id: &str, body: &str| StoredProcedureProperties::new(id, body),
    create_stored_procedure, upsert_stored_procedure, stored_procedure, stored_procedures,
    query_stored_procedures
}

life! {
    s01_seed_b_triggers, "triggers",
    |id: &str, body: &str| TriggerProperties::new(id, body, TriggerType::Post, TriggerOperation::Delete),
    create_trigger, upsert_trigger, trigger, triggers, query_triggers
}

life! {
    s01_seed_b_user_defined_functions, "udfs", |id: &str, body: &str| UserDefinedFunctionProperties::new(id, body),
    create_user_defined_function, upsert_user_defined_function, user_defined_function,
    user_defined_functions, query_user_defined_functions
}

#[test]
fn seed_b_a_stored_procedure_is_executed_with_its_parameters() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let scripts = items.scripts();
    let body_text = "function (id, parts) {
        const c = getContext().getCollection(), total = parts.reduce((a, b) => a + b, 0);
        c.createDocument(c.getSelfLink(), { id, pk: 'a', total }, (error, made) => {
            if (error) throw error;
            getContext().getResponse().setBody({ made: made.id, total: made.total });
        });
    }";
    store(&scripts, "add", body_text);
    seed.wire.take();
    let answer = scripts.stored_procedure("add").execute("a", ("sum", [1, 2, 4])).send().unwrap();
    let sent = seed.wire.take().remove(0);
    assert_eq!(
        (sent.method().as_str(), sent.uri().path()),
        ("POST", "/dbs/db/colls/items/sprocs/add")
    );
    assert_eq!(body(&sent), json!(["sum", [1, 2, 4]]));
    assert_eq!(answer.item::<Value>().unwrap(), json!({ "made": "sum", "total": 7 }));
    let stored: Value = items.read_item("sum", "a").send().unwrap().item().unwrap();
    assert_eq!(stored["total"], 7);
    // All or nothing: what a script wrote before it failed is not there.
    store(
        &scripts,
        "fail",
        "function () { const c = getContext().getCollection();
            c.createDocument(c.getSelfLink(), { id: 'half', pk: 'a' }, () => { throw new Error('no'); }); }",
    );
    let error = scripts.stored_procedure("fail").execute("a", ()).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
    assert!(items.read_item("half", "a").send().unwrap_err().is_not_found());
}

#[test]
fn s10a_an_execution_has_a_partition_key_of_each_type_and_stays_within_it() {
    let seed = Seed::partitioned(3);
    let items = seed.container("/pk");
    let scripts = items.scripts();
    let text = "function () { const c = getContext().getCollection();
        c.queryDocuments(c.getSelfLink(), 'SELECT VALUE c.id FROM c', (error, ids) => {
            if (error) throw error;
            getContext().getResponse().setBody(ids);
        }); }";
    store(&scripts, "ids", text);
    let keys: [(Value, PartitionKey, &str); 6] = [
        (json!("v"), "v".into(), r#"["v"]"#),
        (json!("€"), "€".into(), r#"["\u20ac"]"#),
        (json!(null), PartitionKey::NULL, "[null]"),
        (json!(true), true.into(), "[true]"),
        (json!(42), 42.into(), "[42]"),
        (json!({}), PartitionKey::UNDEFINED, "[{}]"),
    ];
    for (n, (value, ..)) in keys.iter().enumerate() {
        items.create_item(&json!({ "id": n.to_string(), "pk": value })).send().unwrap();
    }
    for (n, (value, key, expected)) in keys.into_iter().enumerate() {
        seed.wire.take();
        let answer = scripts.stored_procedure("ids").execute(key, ()).send().unwrap();
        let sent = seed.wire.take().remove(0);
        let sent = header(&sent, "x-ms-documentdb-partitionkey");
        let same = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert!(sent.is_ascii());
        assert_eq!(same(sent), same(expected), "{value}");
        assert_eq!(answer.item::<Value>().unwrap(), json!([n.to_string()]), "{value}");
    }
}

#[test]
fn s22e_what_a_procedure_logs_is_decoded_and_there_only_when_asked_for() {
    let seed = Seed::new();
    let scripts = seed.container("/pk").scripts();
    store(&scripts, "log", "function (text) { console.log('a b'); console.log(text); }");
    let (asked, told) =
        ("x-ms-documentdb-script-enable-logging", "x-ms-documentdb-script-log-results");
    let text = "100% é\n日本 🚀 \u{2028}+/?";
    let execute = || scripts.stored_procedure("log").execute("a", (text,));
    seed.wire.take();
    let answer = execute().script_logging(true).send().unwrap();
    assert_eq!(header(&seed.wire.take()[0], asked), "True");
    let raw = answer.headers()[told].to_str().unwrap();
    assert!(raw.starts_with("a%20b") && raw.is_ascii(), "{raw}");
    assert_eq!(answer.script_log().unwrap().trim_end(), format!("a b{text}").trim_end());

    for (call, sent) in [(execute(), ""), (execute().script_logging(false), "False")] {
        let answer = call.send().unwrap();
        assert_eq!(header(&seed.wire.take()[0], asked), sent);
        assert!(!answer.headers().contains_key(told));
        assert_eq!(answer.script_log(), None);
    }
}

#[test]
fn s26_any_text_is_the_body_of_a_procedure_its_parameter_and_its_answer() {
    let seed = Seed::new();
    let scripts = seed.container("/pk").scripts();
    for text in TEXTS {
        // In a string literal of JavaScript, all but control characters stand for themselves.
        let literal = serde_json::to_string(text).unwrap();
        let body_text = format!(
            "function (given) {{ getContext().getResponse().setBody([{literal}, given, given === {literal}]); }}"
        );
        store(&scripts, "echo", &body_text);
        let handle = scripts.stored_procedure("echo");
        assert_eq!(handle.read().send().unwrap().properties().unwrap().body, body_text);
        let answer: Value = handle.execute(text, (text,)).send().unwrap().item().unwrap();
        assert_eq!(answer, json!([text, text, true]));
    }
}

fn define(items: &Container, id: &str, sort: TriggerType, operation: TriggerOperation, body: &str) {
    let trigger = TriggerProperties::new(id, body, sort, operation);
    items.scripts().create_trigger(trigger).send().unwrap();
}

#[test]
fn seed_b_triggers_run_before_and_after_writes() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let stamp = "function () { const r = getContext().getRequest(), it = r.getBody();
        it.stamped = r.getOperationType(); r.setBody(it); }";
    define(&items, "stamp", TriggerType::Pre, TriggerOperation::All, stamp);
    let count = "function () { const c = getContext().getCollection();
        const id = 'after-' + getContext().getResponse().getBody().id;
        if (!c.createDocument(c.getSelfLink(), { id, pk: 'a' })) throw new Error('busy'); }";
    define(&items, "count", TriggerType::Post, TriggerOperation::Create, count);
    seed.wire.take();
    let item = json!({ "id": "1", "pk": "a" });
    items.create_item(&item).pre_triggers(["stamp"]).post_triggers(["count"]).send().unwrap();
    let sent = seed.wire.only();
    assert_eq!(header(&sent, "x-ms-documentdb-pre-trigger-include"), "stamp");
    assert_eq!(header(&sent, "x-ms-documentdb-post-trigger-include"), "count");
    let stored: Value = items.read_item("1", "a").send().unwrap().item().unwrap();
    assert_eq!(stored["stamped"], "Create");
    items.read_item("after-1", "a").send().unwrap();

    items.replace_item("1", &item).pre_triggers(["stamp"]).send().unwrap();
    let stored: Value = items.read_item("1", "a").send().unwrap().item().unwrap();
    assert_eq!(stored["stamped"], "Replace");
    // No trigger runs that nobody names, or that is for another operation.
    items.upsert_item(&item).send().unwrap();
    let stored: Value = items.read_item("1", "a").send().unwrap().item().unwrap();
    assert_eq!(stored.get("stamped"), None);
    let error = items.delete_item("1", "a").post_triggers(["count"]).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
    seed.wire.take();
    let several = items.upsert_item(&item).pre_triggers(["stamp", "other"]).send();
    assert_eq!(several.unwrap_err().status().unwrap(), 400);
    assert_eq!(header(&seed.wire.only(), "x-ms-documentdb-pre-trigger-include"), "stamp,other");
}

#[test]
fn seed_b_a_trigger_that_fails_takes_the_write_with_it() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let refuse = "function () { throw new Error('not this one'); }";
    define(&items, "before", TriggerType::Pre, TriggerOperation::All, refuse);
    define(&items, "after", TriggerType::Post, TriggerOperation::All, refuse);
    let item = json!({ "id": "1", "pk": "a" });
    for error in [
        items.create_item(&item).pre_triggers(["before"]).send().unwrap_err(),
        items.create_item(&item).post_triggers(["after"]).send().unwrap_err(),
    ] {
        assert_eq!(error.status().unwrap(), 400, "{error}");
        assert!(error.to_string().contains("not this one"), "{error}");
        assert!(items.read_item("1", "a").send().unwrap_err().is_not_found());
    }
}

#[test]
fn seed_b_queries_call_user_defined_functions_in_every_partition() {
    let seed = Seed::partitioned(3);
    let items = seed.container("/pk");
    for n in 0..9 {
        items.create_item(&json!({ "id": n.to_string(), "pk": n, "n": n })).send().unwrap();
    }
    let function = UserDefinedFunctionProperties::new("square", "function (x) { return x * x; }");
    items.scripts().create_user_defined_function(function).send().unwrap();
    let text =
        "SELECT VALUE udf.square(c.n) FROM c WHERE udf.square(c.n) > @least ORDER BY c.n DESC";
    let found: Vec<i64> =
        items.query_items(text).param("@least", 30).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(found, [64, 49, 36]);
    let error = items.query_items::<Value>("SELECT VALUE udf.other(c.n) FROM c").into_iter().next();
    assert_eq!(error.unwrap().unwrap_err().status().unwrap(), 400);
}
