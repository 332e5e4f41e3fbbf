//! The Python client of the release line 1 to 3 and ours, on one account: each reads what the other wrote.

use std::time::Duration;

use cosmosdb::models::{
    PermissionMode, PermissionProperties, StoredProcedureProperties, TriggerOperation,
    TriggerProperties, TriggerType, UserDefinedFunctionProperties,
};
use cosmosdb::{ContainerProperties, CosmosClient, Throughput};
use serde_json::{Value, json};

const CITIES: [&str; 4] = ["Roma", "Nice", "Paris", "Zürich"];

fn order(number: usize) -> Value {
    json!({ "id": format!("order-{number:02}"), "city": CITIES[number % 4], "total": number as f64 * 2.5 })
}

/// Runs where `COSMOS_TEST_SEED` is `write`: leaves the database that `tests/interop/python_seed.py … read` reads.
#[test]
fn seed_is_written_for_the_first_python_client() {
    if std::env::var("COSMOS_TEST_SEED").as_deref() != Ok("write") {
        return;
    }
    let client: CosmosClient = crate::backend::live_client().unwrap();
    client.create_database("seed-ours").send().unwrap();
    let database = client.database("seed-ours");
    let properties =
        ContainerProperties::new("orders", "/city").with_default_ttl(Duration::from_secs(3600));
    database.create_container(properties).throughput(Throughput::manual(1000)).send().unwrap();
    let orders = database.container("orders");
    for number in 0..24 {
        orders.create_item(&order(number)).send().unwrap();
    }

    let scripts = orders.scripts();
    let echo = "function (text) { getContext().getResponse().setBody(text); }";
    scripts.create_stored_procedure(StoredProcedureProperties::new("echo", echo)).send().unwrap();
    let stamp =
        TriggerProperties::new("stamp", "function () {}", TriggerType::Pre, TriggerOperation::All);
    scripts.create_trigger(stamp).send().unwrap();
    let double = UserDefinedFunctionProperties::new("double", "function (x) { return 2 * x; }");
    scripts.create_user_defined_function(double).send().unwrap();

    database.create_user("reader").send().unwrap();
    let permission =
        PermissionProperties::new("orders", PermissionMode::Read, orders.link_by_names());
    database.user("reader").create_permission(permission).send().unwrap();
}

/// Runs where `COSMOS_TEST_SEED` is `read`, after `tests/interop/python_seed.py … write`.
#[test]
fn seed_written_by_the_first_python_client_is_read() {
    if std::env::var("COSMOS_TEST_SEED").as_deref() != Ok("read") {
        return;
    }
    let client: CosmosClient = crate::backend::live_client().unwrap();
    let database = client.database("seed-python");
    let orders = database.container("orders");
    let totals = "SELECT VALUE c.total FROM c WHERE STARTSWITH(c.id, 'order-') ORDER BY c.id";
    let totals: Vec<f64> = orders.query_items(totals).into_iter().map(Result::unwrap).collect();
    assert_eq!(totals, (0..24).map(|it| f64::from(it) * 2.5).collect::<Vec<_>>());
    let made: Value = orders.read_item("by-procedure", "Roma").send().unwrap().item().unwrap();
    assert_eq!(made["sum"], 42);
    let stamped: Value = orders.read_item("stamped", "Nice").send().unwrap().item().unwrap();
    assert_eq!(stamped["stamped"], true);

    let scripts = orders.scripts();
    let add = scripts.stored_procedure("add");
    orders.delete_item("by-procedure", "Roma").send().unwrap();
    let answer = add.execute("Roma", (1, 2)).script_logging(true).send().unwrap();
    assert_eq!(answer.item::<i64>().unwrap(), 3);
    assert!(answer.script_log().unwrap().contains("adding a b"));
    let trigger = scripts.trigger("stamp").read().send().unwrap().properties().unwrap();
    assert_eq!(trigger.trigger_type, TriggerType::Pre);

    let permission = database.user("reader").permission("nice").read().send().unwrap();
    let permission = permission.properties().unwrap();
    assert_eq!(permission.resource_partition_key, Some(vec![json!("Nice")]));
    let confined = crate::backend::live_builder().unwrap();
    let confined = confined.resource_tokens([&permission]).build().unwrap();
    let confined = confined.container_at(&permission.resource);
    let self_of = |id: &str, city: &str| -> String {
        let item: Value = orders.read_item(id, city).send().unwrap().item().unwrap();
        item["_self"].as_str().unwrap().to_owned()
    };
    let allowed = confined.read_item(&self_of("order-01", "Nice"), "Nice").send().unwrap();
    assert_eq!(allowed.status(), 200);
    let refused = confined.read_item(&self_of("order-00", "Roma"), "Roma").send().unwrap_err();
    assert_eq!(refused.kind(), cosmosdb::ErrorKind::Credential);

    let throughput = orders.throughput().read().unwrap().unwrap().properties().unwrap();
    assert_eq!(throughput.throughput(), Some(Throughput::manual(600)));
    assert_eq!(orders.conflicts().into_iter().count(), 0);
}
