//! Queries from within scripts: in SQL, and in JavaScript.

use super::*;

/// An account with people of the key `a`, and one of another key.
fn town() -> Sender {
    let sender = account();
    for (key, person) in [
        (
            "a",
            json!({ "id": "1", "pk": "a", "name": "Ann", "age": 30, "tags": ["x", ["y"]], "kids": [{ "name": "Kit" }, { "name": "Kat" }] }),
        ),
        ("a", json!({ "id": "2", "pk": "a", "name": "Bob", "age": 20, "tags": [] })),
        (
            "a",
            json!({ "id": "3", "pk": "a", "name": "Cid", "age": "old", "tags": ["z"], "kids": [] }),
        ),
        ("a", json!({ "id": "4", "pk": "a", "name": "Dot" })),
        ("b", json!({ "id": "5", "pk": "b", "name": "Eve", "age": 40 })),
    ] {
        let key = format!("[\"{key}\"]");
        let made = sender.send("POST", ITEMS, &[(KEY.0, &key)], person.to_string().as_bytes());
        assert_eq!(made.status(), 201);
    }
    sender
}

fn rows(sender: &Sender, call: &str) -> Value {
    let body = format!(
        "function () {{ const say = (err, rows, info) => {{ if (err) throw err; __.response.setBody(rows); }}; {call}; }}"
    );
    run(sender, &body, &json!([]))
}

#[test]
fn queries_are_answered_over_the_partition_key() {
    let sender = town();
    let udf = json!({ "id": "twice", "body": "function (x) { return 2 * x; }" }).to_string();
    assert_eq!(sender.send("POST", "/dbs/d/colls/c/udfs", &[], udf.as_bytes()).status(), 201);
    for (query, expected) in [
        ("'SELECT VALUE c.name FROM c WHERE c.age > 25'", json!(["Ann"])),
        ("'SELECT VALUE COUNT(1) FROM c'", json!([4])),
        (
            "{ query: 'SELECT VALUE c.id FROM c WHERE c.name = @n', parameters: [{ name: '@n', value: 'Bob' }] }",
            json!(["2"]),
        ),
        ("'SELECT VALUE c.id FROM c ORDER BY c.name DESC'", json!(["4", "3", "2", "1"])),
        ("'SELECT VALUE udf.twice(c.age) FROM c WHERE c.id = \"1\"'", json!([60])),
        ("'SELECT VALUE k.name FROM c JOIN k IN c.kids'", json!(["Kit", "Kat"])),
    ] {
        assert_eq!(
            rows(&sender, &format!("__.queryDocuments(__.getSelfLink(), {query}, say)")),
            expected,
            "{query}"
        );
    }
    let all = rows(&sender, "__.readDocuments(__.getSelfLink(), say)");
    assert_eq!(all.as_array().unwrap().len(), 4);
}

#[test]
fn queries_see_what_the_script_wrote() {
    let sender = town();
    let body = "__.createDocument(__.getSelfLink(), { id: '6', pk: 'a' });
        __.deleteDocument(__.getAltLink() + '/docs/1');
        __.queryDocuments(__.getSelfLink(), 'SELECT VALUE c.id FROM c', say)";
    assert_eq!(rows(&sender, body), json!(["2", "3", "4", "6"]));
}

#[test]
fn a_wrong_query_is_an_error_for_the_callback() {
    let sender = town();
    for query in ["'SELEKT 1'", "'SELECT VALUE udf.none(1) FROM c'", "{}", "{ query: 1 }"] {
        let call = format!(
            "__.queryDocuments(__.getSelfLink(), {query}, (err) => __.response.setBody([err.number, typeof err.body]))"
        );
        assert_eq!(rows(&sender, &call), json!([400, "string"]), "{query}");
    }
    let token = "__.readDocuments(__.getSelfLink(), { continuation: 'none' }, (err) => __.response.setBody(err.number))";
    assert_eq!(rows(&sender, token), 400);
}

#[test]
fn pages_go_on_by_their_continuation() {
    let sender = town();
    for ask in [
        "(options, say) => __.readDocuments(__.getSelfLink(), options, say)",
        "(options, say) => __.queryDocuments(__.getSelfLink(), 'SELECT * FROM c ORDER BY c.id', options, say)",
        "(options, say) => __.filter(() => true, options, say).isAccepted",
        "(options, say) => __.chain().sortBy((it) => it.id).value(options, say).isAccepted",
    ] {
        let body = format!(
            "function () {{
                const ask = {ask};
                const pages = [];
                next('');
                function next(continuation) {{
                    const isAccepted = ask({{ pageSize: 3, continuation }}, (err, rows, info) => {{
                        if (err) throw err;
                        pages.push(rows.map((it) => it.id));
                        if (info.continuation) next(info.continuation);
                        else __.response.setBody(pages);
                    }});
                    if (!isAccepted) throw new Error('not accepted');
                }}
            }}"
        );
        assert_eq!(run(&sender, &body, &json!([])), json!([["1", "2", "3"], ["4"]]), "{ask}");
    }
}

#[test]
fn a_page_has_a_hundred_rows_unless_more_are_asked_for() {
    let sender = account();
    let body = "function () { for (let i = 0; i < 130; i++) __.createDocument(__.getSelfLink(), { id: String(i), pk: 'a' }); }";
    run(&sender, body, &json!([]));
    for (call, expected) in [
        ("__.readDocuments(__.getSelfLink(), count)", 100),
        ("__.filter(() => true, count)", 100),
        ("__.readDocuments(__.getSelfLink(), { pageSize: 120 }, count)", 120),
        ("__.readDocuments(__.getSelfLink(), { pageSize: -1 }, count)", 130),
        ("__.filter(() => true, { pageSize: -1 }, count)", 130),
    ] {
        let call = format!("const count = (err, rows) => __.response.setBody(rows.length); {call}");
        assert_eq!(rows(&sender, &call), expected, "{call}");
    }
}

#[test]
fn queries_in_javascript_have_their_steps() {
    let sender = town();
    let name = ".pluck('name').value(say)";
    for (call, expected) in [
        ("__.chain().filter((it) => it.age > 25).pluck('name').value(say)", json!(["Ann"])),
        ("__.map((it) => it.id, say)", json!(["1", "2", "3", "4"])),
        ("__.map((it) => ({ n: it.name }), { pageSize: 1 }, say)", json!([{ "n": "Ann" }])),
        ("__.pluck('age', say)", json!([30, 20, "old"])),
        (
            "__.pluck(__.getSelfLink && getContext().getCollection(), 'name', say)",
            json!(["Ann", "Bob", "Cid", "Dot"]),
        ),
        (&format!("__.chain().sortBy((it) => it.age){name}"), json!(["Dot", "Bob", "Ann", "Cid"])),
        (
            &format!("__.chain().sortByDescending((it) => it.age){name}"),
            json!(["Cid", "Ann", "Bob", "Dot"]),
        ),
        (
            "__.sortBy((it) => it.age, { pageSize: 1 }, (err, rows) => __.response.setBody(rows[0].name))",
            json!("Dot"),
        ),
        (
            "__.sortByDescending((it) => it.age, { pageSize: 1 }, (err, rows) => __.response.setBody(rows[0].name))",
            json!("Cid"),
        ),
        ("__.chain().pluck('tags').flatten().value(say)", json!(["x", "y", "z"])),
        ("__.chain().pluck('tags').flatten(true).value(say)", json!(["x", ["y"], "z"])),
        ("__.chain().map((it) => [it.id]).flatten(false).value(say)", json!(["1", "2", "3", "4"])),
        ("__.chain().unwind((it) => it.kids).pluck('name').value(say)", json!(["Kit", "Kat"])),
        (
            "__.unwind((it) => it.kids, (it, kid) => it.name + kid.name, {}, say)",
            json!(["AnnKit", "AnnKat"]),
        ),
        (
            "__.chain().unwind((it) => it.kids, (it, kid) => [it.name, kid.name]).value(say)",
            json!([["Ann", "Kit"], ["Ann", "Kat"]]),
        ),
        ("__.flatten((err, rows) => __.response.setBody(rows.length))", json!(4)),
    ] {
        assert_eq!(rows(&sender, call), expected, "{call}");
    }
    let young = rows(&sender, "__.filter((it) => it.age < 25, say)");
    assert_eq!(young[0]["name"], "Bob");
    assert_eq!(young.as_array().unwrap().len(), 1);
}

#[test]
fn queries_in_javascript_say_whether_they_were_accepted() {
    let sender = town();
    let body = "const quiet = () => {};
        const all = [__.filter(() => true, quiet), __.chain(), __.chain().filter(() => true), __.chain().value(quiet)];
        __.response.setBody(all.map((it) => it.isAccepted))";
    assert_eq!(rows(&sender, body), json!([true, true, true, true]));
}

#[test]
fn a_query_without_a_callback_adds_its_rows_to_the_body() {
    let sender = town();
    for call in ["__.map((it) => it.id)", "__.chain().pluck('id').value()"] {
        assert_eq!(rows(&sender, call), "[\"1\",\"2\",\"3\",\"4\"]", "{call}");
    }
}

#[test]
fn mistakes_in_a_query_in_javascript_are_thrown() {
    let sender = town();
    for (call, text) in [
        ("__.filter()", "has to be a function"),
        ("__.map(1)", "has to be a function"),
        ("__.sortBy('age')", "has to be a function"),
        ("__.unwind()", "has to be a function"),
        ("__.pluck('')", "name of a property"),
        ("__.pluck(1)", "name of a property"),
        ("__.chain().filter(() => true, {})", "'value' only"),
        ("__.chain().map(() => 1, () => 1)", "'value' only"),
        ("__.chain().flatten(false, {})", "'value' only"),
        ("__.filter(() => true, { continuation: 'x' })", "Invalid continuation"),
        ("__.filter(() => true, 1)", "options"),
    ] {
        let call = format!("try {{ {call}; }} catch (e) {{ __.response.setBody(e.message); }}");
        let told = rows(&sender, &call);
        assert!(told.as_str().unwrap().contains(text), "{call}: {told}");
    }
    let thrown = "__.map((it) => it.kids.length, (err) => __.response.setBody(err.name))";
    assert_eq!(rows(&sender, thrown), "TypeError");
}
