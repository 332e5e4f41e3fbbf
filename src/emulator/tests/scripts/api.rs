//! Every function of the server-side API.

use super::*;

/// An account with three items of the key `a`.
fn stocked() -> Sender {
    let sender = account();
    for n in 1..=3 {
        let body = json!({ "id": n.to_string(), "pk": "a", "n": n }).to_string();
        assert_eq!(sender.send("POST", ITEMS, &[KEY], body.as_bytes()).status(), 201);
    }
    sender
}

/// Runs the body of a procedure, in which `say` sets the body of the answer, and `link` makes a link.
fn say(sender: &Sender, body: &str) -> Value {
    let start = "function () { const c = getContext().getCollection(), self = c.getSelfLink(),
        say = (it) => getContext().getResponse().setBody(it), link = (id) => `${c.getAltLink()}/docs/${id}`;";
    run(sender, &format!("{start}\n{body}\n}}"), &json!([]))
}

#[test]
fn links_lead_to_the_container() {
    let sender = stocked();
    assert_eq!(say(&sender, "say(c.getAltLink())"), "dbs/d/colls/c");
    let own = json(&sender.send("GET", "/dbs/d/colls/c", &[], b""));
    assert_eq!(say(&sender, "say(c.getSelfLink())"), own["_self"]);
    // The alias has what the context has.
    let same = "say([__.getSelfLink() === self, __.request === getContext().getRequest(), __.response === getContext().getResponse()])";
    assert_eq!(say(&sender, same), json!([true, true, true]));
}

#[test]
fn documents_are_created() {
    let sender = stocked();
    let made = say(
        &sender,
        "c.createDocument(self, { id: 'x', pk: 'a' }, (err, it, info) => say([err, it, info.statusCode]))",
    );
    assert_eq!(made[0], Value::Null);
    assert_eq!(made[1], json(&read(&sender, "x")));
    assert_eq!(made[2], 201);
    for (body, expected) in [
        // Without options, without a callback, by the other link, from a text.
        ("say(c.createDocument(self, { id: 'y', pk: 'a' }))", json!(true)),
        ("say(c.createDocument(c.getAltLink(), '{\"id\":\"z\",\"pk\":\"a\"}'))", json!(true)),
        (
            "c.createDocument(self, { pk: 'a' }, {}, (err, it) => say([typeof it.id, it.id.length]))",
            json!(["string", 36]),
        ),
        ("c.createDocument(self, '{\"pk\":\"a\"}', {}, (err, it) => say(it.id.length))", json!(36)),
        (
            "c.createDocument(self, { pk: 'a' }, { disableAutomaticIdGeneration: true }, (err) => say(err.number))",
            json!(400),
        ),
        ("c.createDocument(self, { id: '1', pk: 'a' }, (err) => say(err.number))", json!(409)),
        ("c.createDocument(self, { id: 'b', pk: 'b' }, (err) => say(err.number))", json!(400)),
        (
            "c.createDocument(self, [1], { disableAutomaticIdGeneration: true }, (err) => say(err.number))",
            json!(400),
        ),
        (
            "const it = { id: 'w', pk: 'a' }; c.createDocument(self, it, (err, made) => say(made.id)); it.id = 'later';",
            json!("w"),
        ),
    ] {
        assert_eq!(say(&sender, body), expected, "{body}");
    }
    assert_eq!(ids(&sender).len(), 3 + 6);
}

#[test]
fn documents_are_upserted() {
    let sender = stocked();
    let status = |body: &str| say(&sender, body);
    for (body, expected) in [
        (
            "c.upsertDocument(self, { id: '1', pk: 'a', n: 5 }, (err, it, info) => say([it.n, info.statusCode]))",
            json!([5, 200]),
        ),
        (
            "c.upsertDocument(self, { id: 'x', pk: 'a' }, (err, it, info) => say([it.id, info.statusCode]))",
            json!(["x", 201]),
        ),
        (
            "c.upsertDocument(self, { id: '1', pk: 'a' }, { etag: '\"other\"' }, (err) => say(err.number))",
            json!(412),
        ),
        ("c.upsertDocument(self, { pk: 'a' }, (err, it) => say(it.id.length))", json!(36)),
    ] {
        assert_eq!(status(body), expected, "{body}");
    }
}

#[test]
fn documents_are_read_replaced_and_deleted() {
    let sender = stocked();
    for (body, expected) in [
        ("c.readDocument(link('1'), (err, it, info) => say([err, it.n, info.statusCode, info.notModified]))", json!([null, 1, 200, false])),
        ("c.readDocument(link('1'), {}, (err, it) => c.readDocument(it._self, (err, same) => say(same.n)))", json!(1)),
        (
            "c.readDocument(link('1'), (err, it) => c.readDocument(it._self, { ifNoneMatch: it._etag },
                (err, same, info) => say([err, same, info.notModified, info.statusCode].map(String))))",
            json!(["undefined", "undefined", "true", "304"]),
        ),
        ("c.readDocument(link('none'), (err, it) => say([err.number, it]))", json!([404, null])),
        ("c.replaceDocument(link('1'), { id: '1', pk: 'a', n: 9 }, (err, it, info) => say([it.n, info.statusCode]))", json!([9, 200])),
        ("c.replaceDocument(link('1'), '{\"id\":\"1\",\"pk\":\"a\",\"n\":10}', (err, it) => say(it.n))", json!(10)),
        ("c.readDocument(link('1'), (err, it) => { it.n = 11; c.replaceDocument(it._self, it, { etag: it._etag }, (err, it) => say(it.n)); })", json!(11)),
        ("c.replaceDocument(link('1'), { id: '1', pk: 'a' }, { etag: '\"other\"' }, (err) => say(err.number))", json!(412)),
        ("c.replaceDocument(link('none'), { id: 'none', pk: 'a' }, (err) => say(err.number))", json!(404)),
        ("c.deleteDocument(link('2'), { etag: '\"other\"' }, (err) => say(err.number))", json!(412)),
        ("c.deleteDocument(link('2'), (err, info) => say([err, info.statusCode]))", json!([null, 204])),
        ("c.deleteDocument(link('2'), {}, (err) => say(err.number))", json!(404)),
        ("say(c.deleteDocument(link('3')))", json!(true)),
    ] {
        assert_eq!(say(&sender, body), expected, "{body}");
    }
    assert_eq!(ids(&sender), ["1"]);
    assert_eq!(json(&read(&sender, "1"))["n"], 11);
}

#[test]
fn callbacks_are_told_how_full_the_container_is() {
    let sender = stocked();
    let body = "c.readDocument(link('1'), (err, it, info) => say([info.currentCollectionSizeInMB, info.maxCollectionSizeInMB]))";
    let told = say(&sender, body);
    assert!(told[0].as_str().unwrap().contains("documentsCount=3;"), "{told}");
    assert!(told[1].as_str().unwrap().contains("collectionSize=10485760;"), "{told}");
    let quota = "const r = getContext().getResponse(); say([r.getResourceQuotaCurrentUsage(), r.getMaxResourceQuota()])";
    assert_eq!(say(&sender, quota), told);
}

#[test]
fn operations_come_one_after_the_other_when_the_script_has_ended() {
    let sender = stocked();
    let body = "const seen = [];
        const note = (it) => { seen.push(it); say(seen); };
        c.createDocument(self, { id: 'x', pk: 'a' }, () => { note('first'); c.deleteDocument(link('x'), () => note('last')); });
        c.readDocument(link('x'), (err, it) => note(it.id));
        note('end');";
    assert_eq!(say(&sender, body), json!(["end", "first", "x", "last"]));
}

#[test]
fn mistakes_in_a_call_are_thrown_at_once() {
    let sender = stocked();
    for (call, text) in [
        ("c.createDocument()", "at least 2 arguments"),
        ("c.createDocument(self)", "at least 2 arguments"),
        ("c.upsertDocument(self)", "at least 2 arguments"),
        ("c.replaceDocument(link('1'))", "at least 2 arguments"),
        ("c.deleteDocument()", "at least 1 arguments"),
        ("c.readDocument()", "at least 1 arguments"),
        ("c.readDocuments()", "at least 1 arguments"),
        ("c.queryDocuments(self)", "at least 2 arguments"),
        ("c.createDocument(1, {})", "Invalid collection link"),
        ("c.createDocument('dbs/d/colls/other', {})", "does not lead to the collection"),
        ("c.createDocument(self, null)", "has to be an object"),
        ("c.createDocument(self, 1)", "has to be an object"),
        ("c.createDocument(self, 'no json')", "unexpected token"),
        ("c.createDocument(self, {}, 1)", "options"),
        ("c.createDocument(self, {}, {}, 1)", "callback"),
        ("c.readDocument(1)", "Invalid document link"),
        ("c.readDocument('dbs/d/colls/other/docs/1')", "does not lead to a document"),
        ("c.readDocument(self)", "does not lead to a document"),
        ("c.readDocument(link(''))", "does not lead to a document"),
        ("c.readDocument(link('1/attachments/2'))", "does not lead to a document"),
        ("c.queryDocuments(self, 1)", "query"),
        ("c.queryDocuments(self, null)", "query"),
    ] {
        let told = say(
            &sender,
            &format!("try {{ {call}; say('accepted'); }} catch (e) {{ say(e.message); }}"),
        );
        assert!(told.as_str().unwrap().contains(text), "{call}: {told}");
    }
}

#[test]
fn request_and_response_have_properties() {
    let sender = account();
    store(
        &sender,
        "function (name) {
            const request = getContext().getRequest(), response = getContext().getResponse();
            const attempts = {
                header: () => request.getValue('x-ms-documentdb-partitionkey'),
                secret: () => request.getValue('authorization'),
                none: () => request.getValue('none'),
                fixed: () => request.setBody(1),
                fixedValue: () => request.setValue('Body', 1),
                unknown: () => response.setValue('Test', 1),
                readOnly: () => response.setValue('MaxResourceQuota', 1),
                inherited: () => response.setValue('toString', 1),
                value: () => { response.setValue('Body', 'x'); return response.getValue('Body') + response.getBody(); },
                append: () => { response.setBody('x'); response.appendBody('y'); return response.getBody(); },
                large: () => response.setBody('x'.repeat(5e6)),
                operation: () => typeof request.getOperationType,
                body: () => request.getBody(),
                codes: () => [ErrorCodes.NotFound, Object.keys(ErrorCodes).length, Object.isFrozen(ErrorCodes)],
            };
            let outcome;
            try { outcome = attempts[name](); } catch (e) { outcome = [e.name, e.number]; }
            response.setBody(outcome === undefined ? 'undefined' : outcome);
        }",
    );
    for (name, expected) in [
        ("header", json!("[\"a\"]")),
        ("secret", json!("undefined")),
        ("none", json!("undefined")),
        ("fixed", json!(["TypeError", null])),
        ("fixedValue", json!(["TypeError", null])),
        ("unknown", json!(["Error", 400])),
        ("readOnly", json!(["Error", 403])),
        ("inherited", json!(["Error", 400])),
        ("value", json!("xx")),
        ("append", json!("xy")),
        ("large", json!(["Error", 413])),
        ("operation", json!("undefined")),
        ("body", json!(["body"])),
        ("codes", json!([404, 8, true])),
    ] {
        assert_eq!(json(&call(&sender, &json!([name]))), expected, "{name}");
    }
}

#[test]
fn errors_may_have_numbers() {
    let sender = account();
    for (expression, expected) in [
        ("[new Error(404, 'no').number, new Error(404, 'no').message]", json!([404, "no"])),
        (
            "[Error(404, 'no').number, Error('no').number, Error('no').message]",
            json!([404, null, "no"]),
        ),
        ("[new Error(404).message, String(new Error(1, 'no'))]", json!(["404", "Error: no"])),
        (
            "[new Error('a') instanceof Error, new TypeError('a') instanceof Error, new Error('a').constructor === Error]",
            json!([true, true, true]),
        ),
        (
            "(() => { class Own extends Error {}; const e = new Own(7, 'x'); return [e.number, e instanceof Own, e.message]; })()",
            json!([7, true, "x"]),
        ),
    ] {
        let body = format!("function () {{ __.response.setBody({expression}); }}");
        assert_eq!(run(&sender, &body, &json!([])), expected, "{expression}");
    }
}
