//! Plans of the service, and what is none.

use super::*;
use crate::partition_key::PartitionKeyKind;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    query: String,
    partition_key_paths: Vec<String>,
    partition_key_kind: PartitionKeyKind,
    plan: Option<Value>,
    epk_ranges_v2: Option<Vec<Bounds>>,
}

fn definition(paths: &[String], kind: PartitionKeyKind) -> PartitionKeyDefinition {
    let mut definition = PartitionKeyDefinition::new(paths.iter().cloned());
    definition.kind = kind;
    definition
}

#[test]
fn the_services_plans_are_understood_and_their_keys_hash_to_its_ranges() {
    let text = include_str!("../../../tests/data/query_plans.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
    let mut plans = 0;
    for vector in &vectors {
        let Some(plan) = &vector.plan else { continue };
        plans += 1;
        let definition = definition(&vector.partition_key_paths, vector.partition_key_kind);
        let parsed = QueryPlan::parse(plan.to_string().as_bytes(), &definition)
            .unwrap_or_else(|error| panic!("{}: {error}", vector.query));
        for pair in parsed.ranges.windows(2) {
            assert!(pair[0].min <= pair[1].min, "{}", vector.query);
        }
        let Some(expected) = &vector.epk_ranges_v2 else { continue };
        let mut expected: Vec<EpkRange> =
            expected.iter().map(|it| it.range(&definition).unwrap()).collect();
        expected.sort_by(|one, other| one.min.cmp(&other.min));
        assert_eq!(parsed.ranges, expected, "{}", vector.query);
    }
    assert_eq!(plans, 245);
}

#[test]
fn a_plan_says_which_stages_are_needed() {
    let parse = |text: &str| QueryPlan::parse(text.as_bytes(), &"/pk".into()).unwrap();
    let plan = parse(
        r#"{"queryInfo":{"distinctType":"Ordered","top":3,"limit":2,"offset":1,"orderBy":["Descending"],
        "orderByExpressions":["c.a"],"hasSelectValue":1,"hasNonStreamingOrderBy":0,"rewrittenQuery":"r",
        "dCountInfo":{"dCountAlias":""},"unknown":{}},"queryRanges":[]}"#,
    );
    assert_eq!(plan.info.window(), (1, Some(2)));
    assert_eq!(plan.info.order_by, [Direction::Descending]);
    assert!(plan.info.has_select_value && !plan.info.has_non_streaming_order_by);
    assert!(!plan.info.is_backends_business());
    assert_eq!(plan.info.text("q"), "r");
    assert_eq!(plan.ranges, [EpkRange::full()]);

    let named = parse(r#"{"queryInfo":{"groupByAliasToAggregateType":{"a":"Count"}}}"#);
    assert!(named.info.has_groups() && named.info.has_aggregates());
    let value = parse(r#"{"queryInfo":{"aggregates":["Sum"],"groupByExpressions":null}}"#);
    assert!(!value.info.has_groups() && value.info.has_aggregates());
    let hybrid = parse(
        r#"{"queryInfo":null,"hybridSearchQueryInfo":{"componentQueryInfos":[{}],"componentWeights":null,"take":5}}"#,
    );
    assert_eq!(hybrid.hybrid.unwrap().take, Some(5));
    assert!(parse(r#"{"queryInfo":{}}"#).info.is_backends_business());
}

#[test]
fn ranges_of_keys_become_points_prefixes_and_safe_bounds() {
    let ranges = |ranges: &str, definition: &PartitionKeyDefinition| {
        let text = format!(r#"{{"queryInfo":{{}},"queryRanges":{ranges}}}"#);
        QueryPlan::parse(text.as_bytes(), definition).map(|it| (it.ranges, it.is_point))
    };
    let hierarchy = PartitionKeyDefinition::from(["/a", "/b"]);
    let point = r#"[{"min":["x"],"max":["x"],"isMinInclusive":1,"isMaxInclusive":true}]"#;
    let (prefix, _) = ranges(point, &hierarchy).unwrap();
    assert_eq!(prefix, [EpkRange::of(&"x".into(), &hierarchy).unwrap()]);
    let (single, is_point) = ranges(point, &"/a".into()).unwrap();
    assert!(is_point && single == [EpkRange::of(&"x".into(), &"/a".into()).unwrap()]);

    let numbers = definition(&["/a".into()], PartitionKeyKind::Range);
    let open = r#"[{"min":[10],"max":[{"type":"MaxNumber"}],"isMinInclusive":false,"isMaxInclusive":false}]"#;
    let (range, is_point) = ranges(open, &numbers).unwrap();
    assert!(!is_point && range[0].max.is_max() && !range[0].contains(&Epk::MIN));

    let full = [EpkRange::full()];
    for text in [
        r#"[{"min":"","max":"FF"}]"#,
        r#"[{"min":[],"max":"Infinity","isMinInclusive":1}]"#,
        r#"[{"min":[],"max":[{"type":"Infinity"}]}]"#,
        r#"[{"min":[{"type":"MinString"}],"max":[{"type":"MaxString"}]}]"#,
    ] {
        assert_eq!(ranges(text, &"/a".into()).unwrap().0, full, "{text}");
    }
    for text in [r#"[{"min":5,"max":"FF"}]"#, r#"[{"min":"zz","max":"FF"}]"#, "[{}]"] {
        assert!(ranges(text, &"/a".into()).is_err(), "{text}");
    }
}

#[test]
fn what_is_no_plan_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"_rid":"","Documents":[],"_count":0}"#,
        r#"{"queryInfo":{"distinctType":"Sideways"}}"#,
        r#"{"queryInfo":{"aggregates":["Median"]}}"#,
    ] {
        let error = QueryPlan::parse(text.as_bytes(), &"/a".into()).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Json, "{text}");
    }
}
