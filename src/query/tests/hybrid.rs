//! Rankings that are fused.

use super::fake::{Fake, Run, rid};
use super::*;

/// Three items and their scores in two rankings.
const SCORES: [[f64; 2]; 4] = [[9.0, 1.0], [5.0, 5.0], [1.0, 9.0], [5.0, 4.0]];

fn ranked(order_by: bool, weights: &[f64], skip: usize, take: usize) -> Vec<Value> {
    let component = |name: &str| {
        let order: &[&str] = if order_by { &["Descending"] } else { &[] };
        json!({"orderBy": order, "orderByExpressions": ["s"], "rewrittenQuery": name, "top": 120,
            "hasNonStreamingOrderBy": order_by})
    };
    let hybrid = json!({
        "globalStatisticsQuery": "statistics",
        "componentQueryInfos": [component("first {documentdb-formattablehybridsearchquery-totaldocumentcount}"), component("second")],
        "componentWeights": weights, "skip": skip, "take": take, "requiresGlobalStatistics": true,
    });
    let rows = move |items: &[&Value]| {
        let row = |it: &&Value| {
            let at = it["id"].as_u64().unwrap() as usize;
            if order_by {
                json!({"_rid": rid(at), "orderByItems": [{"item": SCORES[at][0]}],
                    "payload": {"payload": it["id"], "componentScores": SCORES[at]}})
            } else {
                json!({"_rid": rid(at), "payload": it["id"], "componentScores": SCORES[at]})
            }
        };
        items.iter().map(row).collect()
    };
    let mut expected = None;
    for options in ways() {
        let mut fake = Fake::new(3, items(4), QueryInfo::default(), Run::Pages(Box::new(rows)));
        fake.hybrid = Some(serde_json::from_value(hybrid.clone()).unwrap());
        let rows = read(&Arc::new(fake), options).unwrap();
        assert_eq!(expected.get_or_insert_with(|| rows.clone()), &rows);
    }
    expected.unwrap()
}

#[test]
fn ranks_are_fused_and_weighted() {
    for order_by in [true, false] {
        // Ranks: item 0 is first and fourth, 1 second and second, 2 third and first, 3 second and third.
        assert_eq!(ranked(order_by, &[], 0, 10), [2, 1, 0, 3].map(|it| json!(it)));
        assert_eq!(ranked(order_by, &[1.0, 0.0], 0, 10), [0, 1, 3, 2].map(|it| json!(it)));
        assert_eq!(ranked(order_by, &[0.0, 1.0], 1, 2), [1, 3].map(|it| json!(it)));
    }
}

#[test]
fn one_ranking_is_taken_as_it_comes() {
    let hybrid = json!({
        "componentQueryInfos": [{"orderBy": ["Descending"], "orderByExpressions": ["s"],
            "rewrittenQuery": "r", "top": 120, "hasNonStreamingOrderBy": true}],
        "take": 2,
    });
    let rows = |items: &[&Value]| {
        let row = |it: &&Value| {
            json!({"_rid": "x", "orderByItems": [{"item": it["id"]}],
                "payload": {"payload": it["id"], "componentScores": []}})
        };
        items.iter().map(row).collect()
    };
    let mut fake = Fake::new(3, items(9), QueryInfo::default(), Run::Pages(Box::new(rows)));
    fake.hybrid = Some(serde_json::from_value(hybrid).unwrap());
    let rows = read(&Arc::new(fake), Options::default()).unwrap();
    assert_eq!(rows, [json!(8), json!(7)]);
}
