//! Rows that need all others first.

use super::fake::{Fake, Run};
use super::*;
use crate::error::ErrorKind;

fn count_of(items: &[&Value]) -> Value {
    json!({"item": items.len()})
}

fn sum_of(items: &[&Value]) -> f64 {
    items.iter().map(|it| it["id"].as_f64().unwrap()).sum()
}

/// Reads in all ways, which must agree with `expected`.
fn check(
    info: &Value,
    expected: &[Value],
    page: impl Fn(&[&Value]) -> Vec<Value> + Send + Sync + Clone + 'static,
) {
    for partitions in [1, 7] {
        for options in ways() {
            let run = Run::Pages(Box::new(page.clone()));
            let mut fake = Fake::new(partitions, items(50), plan(info.clone()), run);
            fake.default_page = 4;
            let fake = Arc::new(fake);
            let rows = read(&fake, options).unwrap();
            assert_eq!(sorted(rows), sorted(expected.to_vec()), "{info} {options:?}");
            let mut pipeline = open(&fake, options, None).unwrap();
            while let Some(page) = pipeline.next_page().unwrap() {
                assert_eq!(page.continuation, None);
                assert!(options.page_size().is_none_or(|it| page.rows.len() <= it));
            }
        }
    }
}

#[test]
fn aggregates_put_the_parts_of_all_pages_together() {
    let info = |kind: &str| json!({"aggregates": [kind], "hasSelectValue": true});
    check(&info("Count"), &[json!(50)], |items| vec![json!([count_of(items)])]);
    check(&info("Sum"), &[json!(1225)], |items| vec![json!([{"item": sum_of(items)}])]);
    check(&info("Average"), &[json!(24.5)], |items| {
        vec![json!([{"item": {"sum": sum_of(items), "count": items.len()}}])]
    });
    check(&info("Max"), &[json!(49)], |items| {
        let max = items.iter().filter_map(|it| it["id"].as_u64()).max();
        let part = match max {
            Some(max) => json!({"max": max, "count": items.len()}),
            None => json!({"count": 0}),
        };
        vec![json!([{"item": 7, "item2": part}])]
    });
    check(&info("Sum"), &[], |items| {
        let spoiled = items.iter().any(|it| it["id"] == 13);
        vec![if spoiled { json!([{}]) } else { json!([{"item": 1}]) }]
    });
    check(&info("MakeSet"), &[json!([1, {"a": 1}])], |_| {
        vec![json!([{"item": [1, {"a": 1}, 1.0, {"a": 1.0}]}])]
    });
    check(&info("MakeList"), &[json!([])], |_| vec![json!([{"item": []}])]);
    check(&info("CountIf"), &[json!(0)], |_| Vec::new());
    check(&info("Min"), &[], |_| Vec::new());
}

#[test]
fn groups_are_put_together_by_their_values() {
    let info = json!({
        "groupByExpressions": ["c.g"],
        "groupByAliases": ["n", "g", "max"],
        "groupByAliasToAggregateType": {"g": null, "n": "Count", "max": "Max"},
    });
    let group = |items: &[&Value], g: usize| {
        let ids: Vec<u64> =
            items.iter().filter(|it| it["g"] == g).filter_map(|it| it["id"].as_u64()).collect();
        let max = json!({"item2": {"max": ids.iter().max(), "count": ids.len()}});
        let payload = json!({"g": g, "n": {"item": ids.len()}, "max": max});
        (!ids.is_empty()).then(|| json!({"groupByItems": [{"item": g}], "payload": payload}))
    };
    let expected = [
        json!({"n": 17, "g": 0, "max": 48}),
        json!({"n": 17, "g": 1, "max": 49}),
        json!({"n": 16, "g": 2, "max": 47}),
    ];
    check(&info, &expected, move |items| (0..3).filter_map(|g| group(items, g)).collect());

    let values = json!({"groupByExpressions": ["c.g"], "hasSelectValue": true, "top": 2});
    let scalar = |items: &[&Value]| {
        let row = |it: &&Value| {
            let mut row = json!({"groupByItems": [{"item": it["g"]}]});
            if it["g"] != 1 {
                row["payload"] = it["g"].clone();
            }
            row
        };
        items.iter().map(row).collect()
    };
    check(&values, &[json!(0), json!(2)], scalar);

    let counts =
        json!({"groupByExpressions": ["c.g"], "hasSelectValue": true, "aggregates": ["Count"]});
    check(&counts, &[json!(17), json!(17), json!(16)], |items| {
        let row =
            |it: &&Value| json!({"groupByItems": [{"item": it["g"]}], "payload": [{"item": 1}]});
        items.iter().map(row).collect()
    });
}

#[test]
fn named_aggregates_are_one_row_even_over_nothing() {
    let info = json!({
        "groupByAliases": ["n", "s"],
        "groupByAliasToAggregateType": {"n": "Count", "s": "Sum"},
    });
    check(&info, &[json!({"n": 50, "s": 1225})], |items| {
        vec![json!({"payload": {"n": {"item": items.len()}, "s": {"item": sum_of(items)}}})]
    });
    check(&info, &[json!({"n": 0, "s": 0})], |_| Vec::new());
}

#[test]
fn columns_keep_the_order_of_the_select_list() {
    let info = json!({
        "groupByAliases": ["z", "a"],
        "groupByAliasToAggregateType": {"a": "Count", "z": "Count"},
    });
    let run =
        Run::Pages(Box::new(|_| vec![json!({"payload": {"z": {"item": 1}, "a": {"item": 2}}})]));
    let fake = Arc::new(Fake::new(1, items(1), plan(info), run));
    let mut pipeline = open(&fake, Options::default(), None).unwrap();
    let page = pipeline.next_page().unwrap().unwrap();
    assert_eq!(page.rows[0].get(), r#"{"z":1,"a":2}"#);
}

#[test]
fn distinct_rows_come_once_and_can_be_counted() {
    let groups =
        |items: &[&Value]| items.iter().map(|it| json!({"g": it["g"], "x": [it["a"]]})).collect();
    let mut expected = Vec::new();
    for g in 0..3 {
        expected.extend((0..5).map(|a| json!({"g": g, "x": [a]})));
    }
    check(&json!({"distinctType": "Unordered"}), &expected, groups);
    check(
        &json!({"distinctType": "Unordered", "dCountInfo": {"dCountAlias": "n"}}),
        &[json!({"n": 15})],
        groups,
    );
    check(
        &json!({"distinctType": "Unordered", "dCountInfo": {"dCountAlias": null}}),
        &[json!(15)],
        groups,
    );
    check(&json!({"distinctType": "Unordered", "dCountInfo": {}, "limit": 4}), &[json!(4)], groups);
}

#[test]
fn unsorted_partitions_are_sorted_and_cut() {
    let page = |items: &[&Value]| {
        let row = |it: &&Value| json!({"_rid": "x", "orderByItems": [{"item": it["id"]}], "payload": it["id"]});
        items.iter().map(row).collect()
    };
    let info = |more: Value| {
        let mut info = json!({
            "orderBy": ["Descending"], "orderByExpressions": ["VectorDistance(c.v, @v)"],
            "hasNonStreamingOrderBy": true, "rewrittenQuery": "r",
        });
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        info
    };
    check(&info(json!({"top": 3})), &[json!(49), json!(48), json!(47)], page);
    check(&info(json!({"offset": 1, "limit": 2})), &[json!(48), json!(47)], page);
    for more in [json!({}), json!({"top": 60_000})] {
        let fake = Arc::new(Fake::plain(1, Vec::new(), plan(info(more))));
        let error = open(&fake, Options::default(), None).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn what_needs_all_rows_cannot_be_continued() {
    let fake = Arc::new(Fake::plain(3, items(9), QueryInfo::default()));
    let options = Options { max_item_count: Some(1), ..Options::default() };
    let first = open(&fake, options, None).unwrap().next_page().unwrap().unwrap();
    let continuation = first.continuation.unwrap();
    for (info, name) in [
        (json!({"aggregates": ["Count"]}), "an aggregate"),
        (json!({"groupByExpressions": ["c.a"]}), "GROUP BY"),
        (json!({"distinctType": "Unordered"}), "DISTINCT"),
        (json!({"dCountInfo": {}}), "an aggregate"),
    ] {
        let fake = Arc::new(Fake::plain(3, items(9), plan(info)));
        let error = open(&fake, options, Some(&continuation)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(name), "{error}");
    }
}
