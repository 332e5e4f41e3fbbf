//! Conflicts between regions that a procedure settles.

use super::*;

const EAST: &str = "East US";
const WEST: &str = "West US";
const CONFLICTS: &str = "/dbs/d/colls/c/conflicts";

/// The higher rank wins, a delete wins over everything.
const RESOLVER: &str = "function resolver(incoming, existing, isTombstone, others) {
    const collection = getContext().getCollection();
    const fail = (err) => { if (err) throw err; };
    if (!incoming) {
        if (existing) collection.deleteDocument(existing._self, {}, fail);
    } else if (!isTombstone) {
        if (existing && existing.rank > incoming.rank) return;
        if (others.some((it) => it.rank > incoming.rank)) return;
        others.forEach((it) => collection.deleteDocument(it._self, {}, fail));
        if (existing) collection.replaceDocument(existing._self, incoming, fail);
        else collection.createDocument(collection.getSelfLink(), incoming, fail);
    }
}";

/// Two regions that are cut off from each other, with an item that both know; conflicts are settled by a procedure.
fn apart(resolver: &str) -> (Sender, Sender) {
    let builder = Emulator::builder().regions([EAST, WEST]).multi_write(true);
    let policy = r#""conflictResolutionPolicy":{"mode":"Custom","conflictResolutionProcedure":"dbs/d/colls/c/sprocs/p"}"#;
    let definition = SIMPLE.replace("\"id\":\"c\"", &format!("\"id\":\"c\",{policy}"));
    let account = container(builder.build().unwrap(), &[], &definition);
    store(&account, resolver);
    let (east, west) = (account.at(EAST), account.at(WEST));
    write(&east, "1", 1);
    account.emulator.pause_replication(WEST).unwrap();
    (east, west)
}

fn write(sender: &Sender, id: &str, rank: i64) {
    let body = json!({ "id": id, "pk": "a", "rank": rank }).to_string();
    let headers = [KEY, ("x-ms-documentdb-is-upsert", "True")];
    assert!(sender.send("POST", ITEMS, &headers, body.as_bytes()).status().is_success());
}

fn delete(sender: &Sender, id: &str) {
    assert_eq!(sender.send("DELETE", &format!("{ITEMS}/{id}"), &[KEY], b"").status(), 204);
}

fn rank(sender: &Sender, id: &str) -> Value {
    json(&read(sender, id))["rank"].clone()
}

/// Brings the regions together; answers what both have of the item, and how many conflicts are left.
fn together(east: &Sender, west: &Sender, id: &str) -> (Value, Value, Value) {
    east.emulator.resume_replication(WEST).unwrap();
    let left = json(&east.send("GET", CONFLICTS, &[KEY], b""))["_count"].clone();
    (rank(east, id), rank(west, id), left)
}

#[test]
fn the_procedure_decides() {
    for (of_east, of_west, expected) in [(2, 3, 3), (3, 2, 3)] {
        let (east, west) = apart(RESOLVER);
        write(&east, "1", of_east);
        write(&west, "1", of_west);
        let expected = json!(expected);
        assert_eq!(together(&east, &west, "1"), (expected.clone(), expected, json!(0)));
        write(&east, "1", 9);
        assert_eq!(rank(&west, "1"), 9, "and so on from then on");
    }
}

#[test]
fn items_that_both_regions_made_are_in_each_others_way() {
    for (of_east, of_west, expected) in [(2, 3, 3), (3, 2, 3)] {
        let (east, west) = apart(RESOLVER);
        write(&east, "2", of_east);
        write(&west, "2", of_west);
        let expected = json!(expected);
        assert_eq!(together(&east, &west, "2"), (expected.clone(), expected, json!(0)));
        assert_eq!(ids(&east), ["1", "2"]);
    }
}

#[test]
fn a_procedure_is_told_of_deletes() {
    let (east, west) = apart(RESOLVER);
    delete(&west, "1");
    write(&east, "1", 5);
    assert_eq!(together(&east, &west, "1"), (Value::Null, Value::Null, json!(0)));

    let (east, west) = apart(RESOLVER);
    write(&west, "1", 5);
    delete(&east, "1");
    assert_eq!(together(&east, &west, "1"), (Value::Null, Value::Null, json!(0)));
}

#[test]
fn what_the_procedure_cannot_settle_stays_in_the_feed() {
    for resolver in [
        "function () { throw new Error('no'); }",
        "function () { __.deleteDocument(__.getAltLink() + '/docs/none'); }",
    ] {
        let (east, west) = apart(resolver);
        write(&east, "1", 2);
        write(&west, "1", 3);
        assert_eq!(together(&east, &west, "1"), (json!(2), json!(2), json!(1)));
    }
    let (east, west) = apart(RESOLVER);
    assert_eq!(east.send("DELETE", "/dbs/d/colls/c/sprocs/p", &[], b"").status(), 204);
    write(&east, "1", 2);
    write(&west, "1", 3);
    assert_eq!(
        together(&east, &west, "1"),
        (json!(2), json!(2), json!(1)),
        "there is no procedure"
    );
}
