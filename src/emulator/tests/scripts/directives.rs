//! Indexing directives of writes that scripts and batches make.

use super::*;

const EXCLUDE: (&str, &str) = ("x-ms-indexing-directive", "Exclude");

/// The ids that a query finds by the index.
fn found(sender: &Sender) -> Value {
    let query = json!({ "query": "SELECT VALUE c.id FROM c WHERE c.pk = 'a'" }).to_string();
    let headers =
        [KEY, ("x-ms-documentdb-isquery", "True"), ("content-type", "application/query+json")];
    json(&sender.send("POST", ITEMS, &headers, query.as_bytes()))["Documents"].clone()
}

fn item(id: &str) -> Vec<u8> {
    json!({ "id": id, "pk": "a" }).to_string().into_bytes()
}

#[test]
fn a_write_with_triggers_heeds_its_directive() {
    let sender = account();
    for (id, sort) in [("before", "Pre"), ("after", "Post")] {
        let trigger = json!({ "id": id, "body": "function () {}", "triggerType": sort, "triggerOperation": "All" });
        let made = sender.send("POST", TRIGGERS, &[], trigger.to_string().as_bytes());
        assert_eq!(made.status(), 201);
    }
    for (id, name, directive, expected) in [
        ("1", "x-ms-documentdb-pre-trigger-include", Some(EXCLUDE), json!([])),
        ("2", "x-ms-documentdb-post-trigger-include", Some(EXCLUDE), json!([])),
        ("3", "x-ms-documentdb-pre-trigger-include", None, json!(["3"])),
    ] {
        let trigger = if name.contains("pre") { "before" } else { "after" };
        let mut headers = vec![KEY, (name, trigger)];
        headers.extend(directive);
        assert_eq!(sender.send("POST", ITEMS, &headers, &item(id)).status(), 201);
        assert_eq!(found(&sender), expected, "{id}");
    }
}

#[test]
fn each_operation_of_a_batch_has_a_directive_of_its_own() {
    let sender = account();
    let create = |id: &str, directive: Option<&str>| {
        let mut operation =
            json!({ "operationType": "Create", "resourceBody": { "id": id, "pk": "a" } });
        if let Some(directive) = directive {
            operation["indexingDirective"] = directive.into();
        }
        operation
    };
    let body =
        json!([create("1", Some("Exclude")), create("2", None), create("3", Some("Default"))]);
    let headers =
        [KEY, ("x-ms-cosmos-is-batch-request", "True"), ("x-ms-cosmos-batch-atomic", "True")];
    let answer = sender.send("POST", ITEMS, &headers, body.to_string().as_bytes());
    assert_eq!(answer.status(), 200);
    assert_eq!(found(&sender), json!(["2", "3"]));
}

#[test]
fn a_procedure_says_what_is_indexed_and_finds_the_rest_by_a_scan() {
    let sender = account();
    let body = "function () {
        const c = getContext().getCollection(), self = c.getSelfLink(), rows = {};
        const left = { indexAction: 'exclude' };
        c.createDocument(self, { id: '1', pk: 'a' }, left);
        c.upsertDocument(self, { id: '2', pk: 'a' }, left);
        c.createDocument(self, { id: '3', pk: 'a' });
        const find = (name, options) => c.queryDocuments(self, 'SELECT VALUE c.id FROM c', options, (err, it) => {
            rows[name] = it;
            getContext().getResponse().setBody(rows);
        });
        find('index', {});
        find('scan', { enableScan: true });
        c.replaceDocument(c.getAltLink() + '/docs/3', { id: '3', pk: 'a' }, left);
        c.readDocuments(self, {}, (err, it) => { rows.list = it.length; getContext().getResponse().setBody(rows); });
        c.replaceDocument(c.getAltLink() + '/docs/1', { id: '1', pk: 'a' }, { indexAction: 'default' });
    }";
    let rows = run(&sender, body, &json!([]));
    assert_eq!(rows, json!({ "index": ["3"], "scan": ["1", "2", "3"], "list": 3 }));
    assert_eq!(found(&sender), json!(["1"]));
}
