//! Stored procedures, triggers and user-defined functions: JavaScript that runs where the items are.

mod common;

use cosmosdb::ContainerProperties;
use cosmosdb::models::{
    StoredProcedureProperties, TriggerOperation, TriggerProperties, TriggerType,
    UserDefinedFunctionProperties,
};
use serde_json::{Value, json};

/// Moves an amount between two accounts of one partition, or does nothing.
const TRANSFER: &str = r#"
function transfer(from, to, amount) {
    const container = getContext().getCollection();
    const response = getContext().getResponse();
    console.log(`moving ${amount} from ${from} to ${to}`);
    change(from, -amount, () => change(to, amount, () => response.setBody({ moved: amount })));

    function change(id, by, next) {
        const query = { query: "SELECT * FROM c WHERE c.id = @id", parameters: [{ name: "@id", value: id }] };
        const accepted = container.queryDocuments(container.getSelfLink(), query, (error, [account]) => {
            if (error) throw error;
            if (!account) throw new Error(`there is no account ${id}`);
            account.balance += by;
            if (account.balance < 0) throw new Error(`${id} has not enough`);
            container.replaceDocument(account._self, account, error => { if (error) throw error; next(); });
        });
        if (!accepted) throw new Error("the time is up");
    }
}"#;

/// Notes when an item was first written.
const STAMP: &str = r#"
function stamp() {
    const request = getContext().getRequest();
    const item = request.getBody();
    item.opened = item.opened || "today";
    request.setBody(item);
}"#;

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("bank")?;
    let bank = client.database("bank");
    bank.create_container_if_not_exists(&ContainerProperties::new("accounts", "/branch"))?;
    let accounts = bank.container("accounts");
    let scripts = accounts.scripts();

    scripts.upsert_stored_procedure(StoredProcedureProperties::new("transfer", TRANSFER)).send()?;
    let stamp = TriggerProperties::new("stamp", STAMP, TriggerType::Pre, TriggerOperation::All);
    scripts.upsert_trigger(stamp).send()?;
    let cents = "function (amount) { return Math.round(amount * 100); }";
    scripts
        .upsert_user_defined_function(UserDefinedFunctionProperties::new("cents", cents))
        .send()?;

    // Triggers run where a call names them.
    for (id, balance) in [("ana", 100.0), ("bo", 5.5)] {
        let account = json!({ "id": id, "branch": "Lyon", "balance": balance });
        accounts.upsert_item(&account).pre_triggers(["stamp"]).send()?;
    }
    let ana: Value = accounts.read_item("ana", "Lyon").send()?.item()?;
    println!("ana's account was opened {}", ana["opened"]);

    let transfer = scripts.stored_procedure("transfer");
    let done = transfer.execute("Lyon", ("ana", "bo", 40)).script_logging(true).send()?;
    println!("{}; it logged: {}", done.item::<Value>()?, done.script_log().unwrap_or_default());

    // A script that throws leaves nothing behind.
    match transfer.execute("Lyon", ("bo", "ana", 1000)).send() {
        Err(error) => println!("refused: {}", error.to_string().lines().next().unwrap_or_default()),
        Ok(_) => println!("bo had enough"),
    }

    let query = "SELECT c.id, udf.cents(c.balance) AS cents FROM c ORDER BY c.id";
    for row in accounts.query_items::<Value>(query).partition_key("Lyon") {
        println!("{}", row?);
    }
    Ok(())
}
