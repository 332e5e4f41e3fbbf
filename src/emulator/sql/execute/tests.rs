//! Clauses in company, pages, and places that outlive writes and splits.

use std::time::SystemTime;

use super::*;
use crate::emulator::sql::environment::{DistanceFunction, VectorEmbedding};
use crate::emulator::sql::parser::parse;

fn documents(items: &[&str]) -> Vec<Document> {
    let values = items.iter().map(|item| Value::from_json(item.as_bytes()).unwrap());
    (1..).zip(values).map(|(rid, value)| Document::new(rid, value)).collect()
}

fn page(query: &str, documents: &[Document], request: &PageRequest) -> Result<Page, SqlError> {
    let query = parse(query).unwrap();
    let environment = Environment::bare(SystemTime::UNIX_EPOCH);
    execute(&query, &mut documents.iter().cloned(), request, &environment)
}

fn json(rows: &[Value]) -> String {
    Value::array(rows.to_vec()).to_json()
}

fn rows(query: &str, documents: &[Document]) -> String {
    match page(query, documents, &PageRequest::everything()) {
        Ok(page) => json(&page.rows),
        Err(error) => format!("{error:?}"),
    }
}

/// The pages of a query; `change` may do something to the documents between them.
fn pages(
    query: &str,
    mut documents: Vec<Document>,
    size: usize,
    change: impl Fn(&mut Vec<Document>),
) -> Vec<String> {
    let mut pages = Vec::new();
    let mut resume = None;
    loop {
        let request = PageRequest { max_items: size, resume, ..PageRequest::everything() };
        let first_rid = request.resume.as_ref().map_or(0, Resume::first_rid);
        let rest: Vec<_> = documents.iter().filter(|it| it.rid >= first_rid).cloned().collect();
        let page = page(query, &rest, &request).unwrap();
        pages.push(json(&page.rows));
        let Some(next) = page.resume else { return pages };
        resume = Resume::from_token(&next.to_token());
        assert_eq!(resume, Some(next));
        change(&mut documents);
    }
}

fn five() -> Vec<Document> {
    documents(&[
        r#"{"id":"a","n":3,"t":["x","y"]}"#,
        r#"{"id":"b","n":1,"t":["y"]}"#,
        r#"{"id":"c","n":3,"t":[]}"#,
        r#"{"id":"d"}"#,
        r#"{"id":"e","n":2,"t":["x","z"]}"#,
    ])
}

#[test]
fn clauses_work_together() {
    let five = five();
    for (query, expected) in [
        ("SELECT 1, 'x' AS b", r#"[{"$1":1,"b":"x"}]"#),
        ("SELECT c.n FROM c WHERE c.n > 2", r#"[{"n":3},{"n":3}]"#),
        ("SELECT VALUE c.n FROM c", "[3,1,3,2]"),
        ("SELECT VALUE c.n FROM c WHERE NOT (c.n = 3)", "[1,2]"),
        ("SELECT VALUE [c.id, c.nope, c.n] FROM c WHERE c.id = 'd'", r#"[["d"]]"#),
        ("SELECT VALUE c.id FROM c ORDER BY c.n", r#"["d","b","e","a","c"]"#),
        ("SELECT VALUE c.id FROM c ORDER BY c.n DESC, c.id DESC", r#"["c","a","e","b","d"]"#),
        ("SELECT TOP 2 VALUE c.id FROM c ORDER BY c.n OFFSET 1 LIMIT 9", r#"["b","e"]"#),
        ("SELECT DISTINCT VALUE c.n FROM c ORDER BY c.n DESC", "[3,2,1]"),
        ("SELECT DISTINCT c.n FROM c OFFSET 1 LIMIT 2", r#"[{"n":1},{}]"#),
        (
            "SELECT c.id, t FROM c JOIN t IN c.t WHERE t != 'y'",
            r#"[{"id":"a","t":"x"},{"id":"e","t":"x"},{"id":"e","t":"z"}]"#,
        ),
        ("SELECT VALUE t FROM t IN c.t", r#"["x","y","y","x","z"]"#),
        ("SELECT * FROM c.t[0] x", r#"["x","y","x"]"#),
        (
            "SELECT VALUE c.id FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.t WHERE t = 'x')",
            r#"["a","e"]"#,
        ),
        (
            "SELECT VALUE ARRAY(SELECT VALUE t || c.id FROM t IN c.t) FROM c WHERE c.n = 3",
            r#"[["xa","ya"],[]]"#,
        ),
        ("SELECT VALUE (SELECT VALUE COUNT(1) FROM t IN c.t) FROM c", "[2,1,0,0,2]"),
        (
            "SELECT VALUE ALL(SELECT VALUE t < 'y' FROM t IN c.t) FROM c",
            "[false,false,true,true,false]",
        ),
        ("SELECT VALUE FIRST(SELECT VALUE t FROM t IN c.t) FROM c", r#"["x","y","x"]"#),
        ("SELECT VALUE LAST(SELECT VALUE t FROM t IN c.t ORDER BY t) FROM c", r#"["y","y","z"]"#),
        ("SELECT VALUE COUNT(1) FROM c JOIN (SELECT VALUE t FROM t IN c.t WHERE t = 'y')", "[2]"),
        (
            "SELECT VALUE s FROM c JOIN s IN (SELECT VALUE t FROM t IN c.t WHERE t = 'y')",
            r#"["y","y"]"#,
        ),
        (
            "SELECT c.id, s FROM c JOIN s IN (SELECT VALUE [1, 2]) WHERE c.n = s",
            r#"[{"id":"b","s":1},{"id":"e","s":2}]"#,
        ),
        (
            "SELECT VALUE s FROM c JOIN s IN (SELECT VALUE ARRAY(SELECT VALUE t FROM t IN c.t WHERE t > 'x'))",
            r#"["y","y","z"]"#,
        ),
        (
            "SELECT VALUE s.v FROM c JOIN s IN ObjectToArray(c) WHERE s.k = 'id' AND c.n = 3",
            r#"["a","c"]"#,
        ),
        ("SELECT VALUE s FROM s IN (SELECT VALUE c.t FROM c WHERE c.n < 3)", r#"["y","x","z"]"#),
        (
            "SELECT COUNT(1) AS c, SUM(c.n) AS s, AVG(c.n) AS a, MIN(c.n) AS i, MAX(c.id) AS x FROM c",
            r#"[{"c":5,"s":9,"a":2.25,"i":1,"x":"e"}]"#,
        ),
        ("SELECT VALUE COUNT(c.n) FROM c WHERE c.id = 'z'", "[0]"),
        ("SELECT VALUE MAX(c.n) FROM c WHERE c.id = 'z'", "[]"),
        (
            "SELECT c.n, COUNT(1) AS k FROM c GROUP BY c.n",
            r#"[{"k":1},{"n":1,"k":1},{"n":2,"k":1},{"n":3,"k":2}]"#,
        ),
        (
            "SELECT c.n FROM c GROUP BY c.n ORDER BY c.n DESC OFFSET 0 LIMIT 2",
            r#"[{"n":3},{"n":2}]"#,
        ),
        ("SELECT VALUE COUNT(1) FROM (SELECT DISTINCT c.n FROM c)", "[4]"),
        (
            "SELECT VALUE c.id FROM c WHERE c.id IN ('a','b','q','r','s','t','u','v','w')",
            r#"["a","b"]"#,
        ),
        ("SELECT VALUE c.id FROM c WHERE c.n NOT IN (1, 3)", r#"["e"]"#),
        (
            "SELECT VALUE c.id FROM c WHERE c.n BETWEEN 2 AND 3 AND c.id NOT LIKE '[c-z]'",
            r#"["a"]"#,
        ),
        ("SELECT VALUE c.n ?? 0 FROM c WHERE c.id IN ('d')", "[0]"),
        ("SELECT VALUE 9007199254740993 + 1", "[9007199254740994]"),
        ("SELECT VALUE 12345678901234567890", "[1.2345678901234567e+19]"),
        ("SELECT VALUE 1 / 0", "NotRepresentable"),
        ("SELECT VALUE [{'a': 1 / 0}]", "NotRepresentable"),
    ] {
        assert_eq!(rows(query, &five), expected, "{query}");
    }
}

#[test]
fn queries_that_clients_rewrite_give_partial_results() {
    let five = five();
    for (query, expected) in [
        (
            r#"SELECT c.id AS _rid, [{"item": c.n}] AS orderByItems, c.n AS payload FROM c WHERE ((c.n > 1) AND ({documentdb-formattableorderbyquery-filter})) ORDER BY c.n"#,
            r#"[{"_rid":"e","orderByItems":[{"item":2}],"payload":2},{"_rid":"a","orderByItems":[{"item":3}],"payload":3},{"_rid":"c","orderByItems":[{"item":3}],"payload":3}]"#,
        ),
        (
            r#"SELECT c.id AS _rid, [{"item": c.n}] AS orderByItems FROM c WHERE c.id = "d" ORDER BY c.n"#,
            r#"[{"_rid":"d","orderByItems":[{}]}]"#,
        ),
        (
            r#"SELECT VALUE [{"item": {"sum": SUM(c.n), "count": COUNT(c.n)}}] FROM c"#,
            r#"[[{"item":{"sum":9,"count":4}}]]"#,
        ),
        (
            r#"SELECT VALUE [{"item": MIN(c.t), "item2": {"min": MIN(c.t), "count": COUNT(c.t)}}] FROM c"#,
            r#"[[{"item2":{"count":4}}]]"#,
        ),
        (
            r#"SELECT [{"item": c.n}] AS groupByItems, {"n": c.n, "k": {"item": COUNT(1)}} AS payload FROM c WHERE c.n = 3 GROUP BY c.n"#,
            r#"[{"groupByItems":[{"item":3}],"payload":{"n":3,"k":{"item":2}}}]"#,
        ),
    ] {
        assert_eq!(rows(query, &five), expected, "{query}");
    }
}

#[test]
fn large_integers_become_doubles_outside_of_their_item() {
    let one = documents(&[r#"{"u":18446744073709551615,"i":9007199254740993}"#]);
    for (query, expected) in [
        ("SELECT * FROM c", r#"[{"u":18446744073709551615,"i":9007199254740993}]"#),
        ("SELECT VALUE c FROM c", r#"[{"u":18446744073709551615,"i":9007199254740993}]"#),
        ("SELECT c.u, c.i FROM c", r#"[{"u":1.8446744073709552e+19,"i":9007199254740993}]"#),
        ("SELECT VALUE c['u'] FROM c WHERE c.u = 18446744073709551615", "[1.8446744073709552e+19]"),
    ] {
        assert_eq!(rows(query, &one), expected, "{query}");
    }
}

#[test]
fn pages_join_to_the_whole_answer_and_a_full_last_page_has_no_successor() {
    for query in [
        "SELECT VALUE c.id FROM c",
        "SELECT VALUE t FROM t IN c.t",
        "SELECT c.id, t FROM c JOIN t IN c.t",
        "SELECT VALUE c.id FROM c ORDER BY c.n DESC",
        "SELECT c.id, t FROM c JOIN t IN c.t ORDER BY c.n",
        "SELECT c.n, COUNT(1) AS k FROM c GROUP BY c.n",
        "SELECT c.n FROM c GROUP BY c.n ORDER BY c.n DESC",
        "SELECT DISTINCT VALUE c.n FROM c ORDER BY c.n",
        "SELECT TOP 4 VALUE c.id FROM c",
        "SELECT VALUE c.id FROM c OFFSET 1 LIMIT 3",
        "SELECT VALUE c.id FROM c ORDER BY c.n OFFSET 1 LIMIT 3",
        "SELECT VALUE SUM(c.n) FROM c",
        "SELECT VALUE d.id FROM (SELECT c.id FROM c WHERE c.n > 1) d",
        "SELECT 1",
    ] {
        let whole = rows(query, &five());
        for size in 1..=6 {
            let pages = pages(query, five(), size, |_| ());
            let joined = pages.iter().map(|page| page.trim_matches(['[', ']'])).collect::<Vec<_>>();
            assert_eq!(format!("[{}]", joined.join(",")), whole, "{query} by {size}");
            assert_ne!(pages.last().unwrap(), "[]", "{query} by {size}");
        }
    }
}

#[test]
fn pages_survive_writes_in_between() {
    let delete_last = |documents: &mut Vec<Document>| {
        documents.retain(|it| it.value.get("id").as_str() != Some("b"));
    };
    for (query, expected) in [
        ("SELECT VALUE c.id FROM c", vec![r#"["a","b"]"#, r#"["c","d"]"#, r#"["e"]"#]),
        ("SELECT VALUE c.id FROM c ORDER BY c.n", vec![r#"["d","b"]"#, r#"["e","a"]"#, r#"["c"]"#]),
        ("SELECT VALUE c.n FROM c GROUP BY c.n", vec!["[1,2]", "[3]"]),
        ("SELECT TOP 3 VALUE c.id FROM c", vec![r#"["a","b"]"#, r#"["c"]"#]),
    ] {
        assert_eq!(pages(query, five(), 2, delete_last), expected, "{query}");
    }
}

#[test]
fn after_a_split_each_child_goes_on_with_its_own_items() {
    for query in [
        "SELECT VALUE c.id FROM c",
        "SELECT VALUE t || c.id FROM c JOIN t IN c.t",
        "SELECT VALUE c.id FROM c ORDER BY c.n",
        "SELECT VALUE c.n ?? 'none' FROM c GROUP BY c.n",
    ] {
        for size in 1..4 {
            let mut found = Vec::new();
            let request = PageRequest { max_items: size, ..PageRequest::everything() };
            let first = page(query, &five(), &request).unwrap();
            found.extend(first.rows.iter().map(Value::to_json));
            for child in [0, 1] {
                let own: Vec<_> = five().into_iter().filter(|it| it.rid % 2 == child).collect();
                let resume = first.resume.clone();
                let request = PageRequest { resume, ..PageRequest::everything() };
                found.extend(page(query, &own, &request).unwrap().rows.iter().map(Value::to_json));
            }
            found.sort();
            let whole = page(query, &five(), &PageRequest::everything()).unwrap();
            let mut whole: Vec<_> = whole.rows.iter().map(Value::to_json).collect();
            whole.sort();
            assert_eq!(found, whole, "{query} after {size}");
        }
    }
}

#[test]
fn a_resume_filter_says_where_an_ordered_query_begins() {
    let query = "SELECT VALUE c.id FROM c ORDER BY c.n";
    for (values, rid, exclude, expected) in [
        ("[3]", None, false, r#"["a","c"]"#),
        ("[3]", Some(2), false, r#"["c"]"#),
        ("[3]", None, true, "[]"),
        ("[2]", None, true, r#"["a","c"]"#),
        ("[[]]", None, true, r#"["b","e","a","c"]"#),
        ("[[]]", Some(1), false, r#"["d","b","e","a","c"]"#),
        (r#"[{"type":"array","low":1,"high":2}]"#, None, false, "[]"),
    ] {
        let values = Value::from_json(values.as_bytes()).unwrap();
        let filter = ResumeFilter::new(values.as_array().unwrap(), rid, exclude);
        let request = PageRequest { resume_filter: filter, ..PageRequest::everything() };
        let page = page(query, &five(), &request).unwrap();
        assert_eq!(json(&page.rows), expected, "{values:?} {rid:?} {exclude}");
    }
    assert_eq!(ResumeFilter::new(&[Value::from_json(b"[1]").unwrap()], None, false), None);
}

#[test]
fn a_scan_stops_reading_when_the_page_is_full() {
    let five = five();
    for (query, max_items, max_bytes, expected_rows, expected_reads) in [
        ("SELECT VALUE c.id FROM c", 2, usize::MAX, 2, 3),
        ("SELECT TOP 2 VALUE c.id FROM c", 5, usize::MAX, 2, 2),
        ("SELECT VALUE c.id FROM c OFFSET 1 LIMIT 1", 5, usize::MAX, 1, 2),
        ("SELECT TOP 0 VALUE c.id FROM c", 5, usize::MAX, 0, 0),
        ("SELECT VALUE c.id FROM c", 5, 7, 2, 3),
        ("SELECT VALUE c.id FROM c", 0, 0, 1, 2),
        ("SELECT VALUE c.id FROM c WHERE c.n > 1", 1, usize::MAX, 1, 3),
        ("SELECT 1 FROM c", 5, usize::MAX, 5, 5),
        ("SELECT 1", 5, usize::MAX, 1, 0),
    ] {
        let mut reads = 0;
        let mut documents = five.iter().cloned().inspect(|_| reads += 1);
        let request = PageRequest { max_items, max_bytes, ..PageRequest::default() };
        let environment = Environment::bare(SystemTime::UNIX_EPOCH);
        let page = execute(&parse(query).unwrap(), &mut documents, &request, &environment).unwrap();
        drop(documents);
        assert_eq!((page.rows.len(), reads), (expected_rows, expected_reads), "{query}");
    }
}

#[test]
fn metrics_count_what_an_index_would_have_found() {
    let page = page("SELECT VALUE c.id FROM c WHERE c.n = 3", &five(), &PageRequest::everything())
        .unwrap();
    let metrics = page.metrics;
    assert_eq!((metrics.scanned_count, metrics.retrieved_count, metrics.output_count), (5, 2, 2));
    assert_eq!(metrics.output_size, 6);
    assert_eq!(metrics.retrieved_size, 30 + 23);
}

#[test]
fn computed_properties_win_over_stored_ones_and_are_not_selected_by_star() {
    let computed = [("n".into(), parse("SELECT VALUE r.n * 2 FROM r").unwrap())];
    let environment =
        Environment { computed: &computed, ..Environment::bare(SystemTime::UNIX_EPOCH) };
    for (query, expected) in [
        ("SELECT VALUE c.n FROM c ORDER BY c.n DESC", "[6,6,4,2]"),
        ("SELECT VALUE c['n'] FROM c JOIN t IN c.t WHERE t = 'z'", "[4]"),
        ("SELECT * FROM c WHERE c.n = 2", r#"[{"id":"b","n":1,"t":["y"]}]"#),
        ("SELECT VALUE (SELECT VALUE c.n) FROM c WHERE c.id = 'b'", "[2]"),
        ("SELECT c.n, COUNT(1) AS k FROM c WHERE c.n = 6 GROUP BY c.n", r#"[{"n":6,"k":2}]"#),
    ] {
        let mut documents = five().into_iter();
        let query = parse(query).unwrap();
        let page =
            execute(&query, &mut documents, &PageRequest::everything(), &environment).unwrap();
        assert_eq!(json(&page.rows), expected, "{query:?}");
    }
}

#[test]
fn the_vector_policy_decides_which_vectors_are_near() {
    let items = documents(&[
        r#"{"id":"far","v":[9,9]}"#,
        r#"{"id":"near","v":[1,0]}"#,
        r#"{"id":"none"}"#,
        r#"{"id":"middle","v":[3,0]}"#,
    ]);
    for (distance, expected) in [
        (DistanceFunction::Euclidean, r#"["near","middle","far"]"#),
        (DistanceFunction::DotProduct, r#"["far","middle","near"]"#),
        (DistanceFunction::Cosine, r#"["near","middle","far"]"#),
    ] {
        let vectors = [VectorEmbedding { path: "/v".into(), dimensions: 2, distance }];
        let environment =
            Environment { vectors: &vectors, ..Environment::bare(SystemTime::UNIX_EPOCH) };
        for function in ["VectorDistance", "_VectorScore"] {
            let text = format!("SELECT VALUE c.id FROM c ORDER BY {function}(c.v, [1, 0])");
            let page = execute(
                &parse(&text).unwrap(),
                &mut items.iter().cloned(),
                &PageRequest::everything(),
                &environment,
            );
            assert_eq!(json(&page.unwrap().rows), expected, "{text} {distance:?}");
        }
    }
}

#[test]
fn ranks_are_fused_and_can_be_paged() {
    let items = documents(&[
        r#"{"id":"a","t":"red fish","v":[0,1]}"#,
        r#"{"id":"b","t":"blue bird","v":[1,0]}"#,
        r#"{"id":"c","t":"red red","v":[1,0.1]}"#,
    ]);
    for (query, expected) in [
        (
            "SELECT VALUE c.id FROM c ORDER BY RANK FullTextScore(c.t, 'red')",
            vec![r#"["c","a"]"#, r#"["b"]"#],
        ),
        (
            "SELECT VALUE c.id FROM c ORDER BY RANK RRF(FullTextScore(c.t, ['red']), VectorDistance(c.v, [1, 0]), [3, 1])",
            vec![r#"["c","a"]"#, r#"["b"]"#],
        ),
        (
            "SELECT VALUE c.id FROM c ORDER BY RANK RRF(FullTextScore(c.t, 'red'), VectorDistance(c.v, [1, 0]), [1, -9])",
            vec![r#"["a","c"]"#, r#"["b"]"#],
        ),
        (
            "SELECT TOP 1 VALUE c.id FROM c WHERE c.id != 'c' ORDER BY RANK FullTextScore(c.t, 'bird')",
            vec![r#"["b"]"#],
        ),
    ] {
        assert_eq!(pages(query, items.clone(), 2, |_| ()), expected, "{query}");
    }
}

#[test]
fn mistakes_are_errors_and_not_panics() {
    for query in [
        "SELECT VALUE (SELECT VALUE t FROM t IN c.t) FROM c",
        "SELECT VALUE nope(c.n) FROM c",
        "SELECT VALUE udf.nope(c.n) FROM c",
        "SELECT VALUE d.n FROM c",
        "SELECT VALUE c.n FROM c ORDER BY RANK c.n",
    ] {
        assert!(page(query, &five(), &PageRequest::everything()).is_err(), "{query}");
    }
}

#[test]
fn the_deepest_query_that_the_parser_takes_fits_the_stack() {
    let deepest = |wrap: &dyn Fn(&str) -> String, start: &str| {
        let mut text = start.to_owned();
        loop {
            let next = wrap(&text);
            if parse(&next).is_err() {
                return text;
            }
            text = next;
        }
    };
    let documents = five();
    for text in [
        deepest(&|it| format!("SELECT VALUE ({it})"), "SELECT VALUE 1"),
        deepest(&|it| format!("SELECT VALUE 1 FROM ({it}) c"), "SELECT VALUE 1 FROM c"),
        deepest(
            &|it| format!("SELECT VALUE ARRAY({it}) FROM c GROUP BY 1"),
            "SELECT VALUE 1 FROM c",
        ),
        deepest(&|it| it.replacen("1", "[1 + c.n]", 1), "SELECT VALUE 1 FROM c"),
        deepest(&|it| format!("{it} + c.n"), "SELECT VALUE c.n FROM c WHERE c.n = c.n"),
    ] {
        assert!(page(&text, &documents, &PageRequest::everything()).is_ok(), "{}", text.len());
    }
}
