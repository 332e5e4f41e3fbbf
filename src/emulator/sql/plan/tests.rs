//! Plans beside the service's own, and their rewritten queries.

use super::*;
use crate::emulator::sql::bind::{Arity, bind_with, built_in, check_parameters};
use crate::emulator::sql::environment::DistanceFunction;
use crate::emulator::sql::functions;
use crate::emulator::sql::parser::parse;
use crate::emulator::sql::value::Value;

/// Any function, so that these tests do not hang on the table of functions.
fn any(name: &str) -> Option<Arity> {
    match name {
        "STARTSWITH" => Some(Arity { min: 2, max: Some(3) }),
        _ => built_in(name).or(Some(Arity { min: 0, max: None })),
    }
}

/// One row of the vectors.
struct Vector {
    row: Value,
    query: String,
    paths: Vec<Vec<String>>,
    vectors: Vec<VectorEmbedding>,
}

impl Vector {
    fn new(row: &Value) -> Self {
        let paths = row.get("partitionKeyPaths");
        let names =
            |path: &Value| path.as_str().unwrap().split('/').skip(1).map(str::to_owned).collect();
        let policy = row.get("vectorEmbeddingPolicy").get("vectorEmbeddings");
        Self {
            row: row.clone(),
            query: row.get("query").as_str().unwrap().to_owned(),
            paths: paths.as_array().unwrap().iter().map(names).collect(),
            vectors: policy.as_array().unwrap_or_default().iter().map(embedding).collect(),
        }
    }

    fn plan(&self) -> Result<Plan, SqlError> {
        let parameters = self.row.get("parameters");
        let parameters: Vec<_> = parameters
            .as_array()
            .unwrap_or_default()
            .iter()
            .map(|it| (it.get("name").as_str().unwrap().to_owned(), Some(it.get("value"))))
            .collect();
        let source = self.row.get("source");
        let space = self.row.get("extraInput").get("GeospatialType");
        let context = PlanContext {
            partition_key_paths: &self.paths,
            kind: match self.row.get("partitionKeyKind").as_str().unwrap() {
                "Hash" => KeyKind::Hash,
                "MultiHash" => KeyKind::MultiHash,
                "Range" => KeyKind::Range,
                other => panic!("{other}"),
            },
            has_partition_key_header: false,
            features: if source.as_str().unwrap().contains("SkipOrderByRewrite on") {
                &["HybridSearchSkipOrderByRewrite"]
            } else {
                &[]
            },
            vectors: &self.vectors,
            space: match space.as_str() {
                Some(text) if text.contains("Geometry") => Space::Geometry,
                _ => Space::Geography,
            },
        };
        let query = parse(&self.query)?;
        let parameters = check_parameters(&parameters)?;
        let bound = bind_with(query.clone(), &parameters, any)?;
        plan(&query, &bound, &context)
    }
}

fn embedding(entry: &Value) -> VectorEmbedding {
    VectorEmbedding {
        path: entry.get("path").as_str().unwrap().to_owned(),
        dimensions: 1,
        distance: match entry.get("distanceFunction").as_str().unwrap() {
            "euclidean" => DistanceFunction::Euclidean,
            "cosine" => DistanceFunction::Cosine,
            _ => DistanceFunction::DotProduct,
        },
    }
}

/// A range as the vectors write it.
fn range_text(range: &KeyRange) -> String {
    let bound = |bound: &Bound| match bound {
        Bound::Infinity => "\"Infinity\"".to_owned(),
        Bound::Key(parts) => {
            let parts: Vec<String> = parts.iter().map(part_text).collect();
            format!("[{}]", parts.join(","))
        }
    };
    format!(
        "{} {} {} {}",
        bound(&range.min),
        bound(&range.max),
        range.is_min_inclusive,
        range.is_max_inclusive
    )
}

fn part_text(part: &KeyPart) -> String {
    let end = |name: &str| format!("{{\"type\":\"{name}\"}}");
    match part {
        KeyPart::Value(Value::Undefined) => "{}".into(),
        KeyPart::Value(value) => value.to_json(),
        KeyPart::MinNumber => end("MinNumber"),
        KeyPart::MaxNumber => end("MaxNumber"),
        KeyPart::MinString => end("MinString"),
        KeyPart::MaxString => end("MaxString"),
    }
}

fn expected_ranges(ranges: &Value) -> Vec<String> {
    let mut texts: Vec<String> = ranges
        .as_array()
        .unwrap()
        .iter()
        .map(|range| {
            let get = |name| range.get(name).to_json();
            let (min, max) = (get("min"), get("max"));
            // The two plans of a live gateway have hashed ranges.
            let (min, max) =
                if min == "\"\"" { ("[]".into(), "\"Infinity\"".into()) } else { (min, max) };
            format!("{min} {max} {} {}", get("isMinInclusive"), get("isMaxInclusive"))
        })
        .collect();
    texts.sort();
    texts
}

/// Fails unless everything that is expected is there; older plans have fewer members.
fn assert_contains(found: &Value, expected: &Value, place: &str) {
    match expected {
        Value::Object(members) => {
            for (name, member) in members.iter() {
                assert_contains(&found.get(name), member, &format!("{place}.{name}"));
            }
        }
        Value::Array(elements) => {
            let length = found.as_array().unwrap_or_else(|| panic!("{place} is no array")).len();
            assert_eq!(length, elements.len(), "{place}");
            for (index, element) in elements.iter().enumerate() {
                assert_contains(&found.at(index), element, &format!("{place}[{index}]"));
            }
        }
        _ => assert_eq!(found, expected, "{place}"),
    }
}

/// The error as the service words it.
fn error_text(error: &SqlError) -> String {
    match error {
        SqlError::Refused(text) => {
            format!("{{\"Errors\":[{}]}}", Value::from(text.as_str()).to_json())
        }
        SqlError::Compile(problems) => {
            let problem = &problems[0];
            let code = problem
                .code
                .parse::<u32>()
                .map_or(format!("\"{}\"", problem.code), |code| code.to_string());
            let location = problem.span.as_ref().map_or_else(String::new, |span| {
                format!("\"location\":{{\"start\":{},\"end\":{}}},", span.start, span.end)
            });
            let message = Value::from(problem.message.as_str()).to_json();
            format!(
                "{{\"errors\":[{{\"severity\":\"Error\",{location}\"code\":{code},\"message\":{message}}}]}}"
            )
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn plans_are_those_of_the_service() {
    let text = include_str!("../../../../tests/data/query_plans.json");
    let rows = Value::from_json(text.as_bytes()).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 265);
    for (index, row) in rows.iter().enumerate() {
        let vector = Vector::new(row);
        let place = format!("{index}: {}", vector.query);
        if let Some(expected) = row.get("error").as_str() {
            if expected.starts_with('{') {
                let error = vector.plan().expect_err(&place);
                assert_eq!(error_text(&error), expected, "{place}");
            } else {
                // The client that recorded these could not read the number in the service's plan.
                let text = vector.plan().unwrap().to_value(Value::Null).to_json();
                assert!(text.contains(":2147483648"), "{place}");
            }
            continue;
        }
        let plan = vector.plan().unwrap_or_else(|error| panic!("{place}: {error:?}"));
        let expected = row.get("plan");
        let ranges = expected.get("queryRanges");
        let value = plan.to_value(ranges.clone());
        assert_contains(&value, &expected, &place);
        // A map of the service has no order, but must not have more.
        let map = |plan: &Value| plan.get("queryInfo").get("groupByAliasToAggregateType");
        assert_eq!(
            map(&value),
            if expected.get("queryInfo").as_object().is_some() {
                map(&expected)
            } else {
                map(&value)
            }
        );
        let folds = functions::lookup("ST_INTERSECTS").is_some();
        if !ranges.is_undefined() && (folds || !vector.query.contains("ST_INTERSECTS({")) {
            let mut found: Vec<String> = plan.ranges.iter().map(range_text).collect();
            found.sort();
            assert_eq!(found, expected_ranges(&ranges), "{place}");
        }
    }
}

/// A rewritten text as a client sends it on.
fn filled_in(rewritten: &str) -> String {
    let text = rewritten.replace("totaldocumentcount}", "0}");
    let mut filled = String::new();
    for (index, part) in text.split("{documentdb-formattablehybridsearchquery-").enumerate() {
        let rest = part.split_once('}').map_or("", |(_, rest)| rest);
        filled.push_str(match (index, part.starts_with("hitcountsarray")) {
            (0, _) => part,
            (_, true) => "[1, 2]",
            _ => "7",
        });
        filled.push_str(if index == 0 { "" } else { rest });
    }
    filled
}

#[test]
fn rewritten_queries_can_be_run() {
    let text = include_str!("../../../../tests/data/query_plans.json");
    let rows = Value::from_json(text.as_bytes()).unwrap();
    let mut count = 0;
    for row in rows.as_array().unwrap() {
        let plan = row.get("plan");
        let hybrid = plan.get("hybridSearchQueryInfo");
        let components = hybrid.get("componentQueryInfos");
        let infos = components.as_array().unwrap_or_default().iter().cloned();
        let infos = infos.chain([plan.get("queryInfo")]).map(|info| info.get("rewrittenQuery"));
        for rewritten in infos.chain([hybrid.get("globalStatisticsQuery")]) {
            let Some(text) = rewritten.as_str().filter(|text| !text.is_empty()) else { continue };
            let text = filled_in(text);
            let query = parse(&text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            bind_with(query, &[], any).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

/// The plan of a query for a container with these paths.
fn planned(text: &str, paths: &[&str], kind: KeyKind) -> Plan {
    let paths: Vec<Vec<String>> =
        paths.iter().map(|path| path.split('/').skip(1).map(str::to_owned).collect()).collect();
    let context = PlanContext {
        partition_key_paths: &paths,
        kind,
        has_partition_key_header: false,
        features: &[],
        vectors: &[],
        space: Space::Geography,
    };
    let query = parse(text).unwrap();
    let bound = bind_with(query.clone(), &[("p".into(), Value::from(7i64))], any).unwrap();
    plan(&query, &bound, &context).unwrap()
}

#[test]
fn a_plan_is_written_member_by_member_as_the_gateway_writes_it() {
    let plan = planned(
        "SELECT c.grp, COUNT(1) AS n FROM c GROUP BY c.grp ORDER BY c.grp",
        &["/pk"],
        KeyKind::Hash,
    );
    let ranges = br#"[{"min":"","max":"FF","isMinInclusive":true,"isMaxInclusive":false}]"#;
    let expected = concat!(
        r#"{"partitionedQueryExecutionInfoVersion":2,"queryInfo":{"distinctType":"None","top":null,"offset":null,"#,
        r#""limit":null,"orderBy":[],"orderByExpressions":[],"groupByExpressions":["c.grp"],"#,
        r#""groupByAliases":["grp","n"],"aggregates":[],"groupByAliasToAggregateType":{"grp":null,"n":"Count"},"#,
        r#""rewrittenQuery":"SELECT [{\"item\": c.grp}] AS groupByItems, {\"grp\": c.grp, \"n\": {\"item\": COUNT(1)}} "#,
        r#"AS payload\nFROM c\nGROUP BY c.grp\nORDER BY c.grp","hasSelectValue":false,"dCountInfo":null,"#,
        r#""hasNonStreamingOrderBy":false},"queryRanges":[{"min":"","max":"FF","isMinInclusive":true,"#,
        r#""isMaxInclusive":false}],"hybridSearchQueryInfo":null}"#,
    );
    assert_eq!(plan.to_value(Value::from_json(ranges).unwrap()).to_json(), expected);
}

#[test]
fn filters_pin_partition_keys() {
    const FULL: &str = r#"[] "Infinity" true false"#;
    const NONE: &str = "[] [] true true";
    for (text, paths, kind, expected) in [
        (
            "SELECT * FROM c WHERE (c.blah = ( SELECT * FROM c WHERE c.key = 42 and c.id = 5)) and c.key = 32",
            &["/key"][..],
            KeyKind::Hash,
            &[NONE][..],
        ),
        ("SELECT * FROM c WHERE c.a = @p", &["/a"], KeyKind::Hash, &["[7] [7] true true"]),
        ("SELECT * FROM c WHERE c.a = @none", &["/a"], KeyKind::Hash, &[NONE]),
        ("SELECT * FROM c WHERE NOT (c.a != 7)", &["/a"], KeyKind::Hash, &["[7] [7] true true"]),
        (
            "SELECT * FROM c WHERE c.a = 7 AND c.a > 6",
            &["/a"],
            KeyKind::Hash,
            &["[7] [7] true true"],
        ),
        ("SELECT * FROM c WHERE c.a = 7 AND c.a > 7", &["/a"], KeyKind::Hash, &[NONE]),
        ("SELECT * FROM c WHERE c.a = 7 OR c.b = 7", &["/a"], KeyKind::Hash, &[FULL]),
        ("SELECT * FROM c WHERE 1 = 2", &["/a"], KeyKind::Hash, &[NONE]),
        ("SELECT * FROM t IN c.a WHERE t = 7", &["/a"], KeyKind::Hash, &[FULL]),
        ("SELECT * FROM c.a WHERE a.b = 7", &["/a/b"], KeyKind::Hash, &["[7] [7] true true"]),
        ("SELECT c FROM c JOIN c IN c.x WHERE c.a = 7", &["/a"], KeyKind::Hash, &[FULL]),
        ("SELECT * FROM c WHERE c.a = 1", &["/a", "/b"], KeyKind::Hash, &[FULL]),
        (
            "SELECT * FROM c WHERE c.a = 1",
            &["/a", "/b"],
            KeyKind::MultiHash,
            &["[1] [1] true true"],
        ),
        (
            "SELECT * FROM c WHERE c.a = 1 AND c.b IN ('x', 'y')",
            &["/a", "/b"],
            KeyKind::MultiHash,
            &[r#"[1,"x"] [1,"x"] true true"#, r#"[1,"y"] [1,"y"] true true"#],
        ),
        (
            "SELECT * FROM c WHERE c.a = 1 OR (c.a = 1 AND c.b = 'x')",
            &["/a", "/b"],
            KeyKind::MultiHash,
            &["[1] [1] true true"],
        ),
        ("SELECT * FROM c WHERE c.b = 1", &["/a", "/b"], KeyKind::MultiHash, &[FULL]),
    ] {
        let found: Vec<String> = planned(text, paths, kind).ranges.iter().map(range_text).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn clients_without_a_feature_are_told() {
    let start = "Query contains 1 or more unsupported features. Upgrade your SDK to a version that does support the \
                 requested features:";
    let told = |text: &str, announced: &[&str]| {
        let plan = planned(text, &["/pk"], KeyKind::Hash);
        let message = unsupported(&plan, announced)?;
        let lines = message.strip_prefix(start).unwrap();
        let names = lines.split("\r\nQuery contained ").skip(1);
        let names = names
            .map(|it| it.strip_suffix(", which the calling client does not support.").unwrap());
        Some(names.collect::<Vec<_>>().join(" "))
    };
    for (text, expected) in [
        ("SELECT VALUE COUNT(1) FROM c", "Aggregate"),
        ("SELECT c.a, COUNT(1) FROM c GROUP BY c.a", "GroupBy NonValueAggregate"),
        ("SELECT COUNT(1), COUNTIF(c.a) FROM c", "MultipleAggregates NonValueAggregate CountIf"),
        ("SELECT DISTINCT TOP 5 c.a FROM c", "Distinct Top"),
        (
            "SELECT * FROM c ORDER BY c.a, c.b OFFSET 1 LIMIT 2",
            "MultipleOrderBy OffsetAndLimit OrderBy",
        ),
        (
            "SELECT TOP 1 * FROM c ORDER BY VectorDistance(c.v, [1])",
            "OrderBy Top NonStreamingOrderBy",
        ),
        ("SELECT COUNT(1) FROM (SELECT DISTINCT c.a FROM c)", "Distinct DCount"),
        (
            "SELECT TOP 1 * FROM c ORDER BY RANK RRF(FullTextScore(c.a, 'b'), VectorDistance(c.v, [1]), [1, 2])",
            "HybridSearch WeightedRankFusion",
        ),
    ] {
        assert_eq!(told(text, &[]).as_deref(), Some(expected), "{text}");
        assert_eq!(told(text, &expected.split(' ').collect::<Vec<_>>()), None, "{text}");
    }
}

#[test]
fn the_gateway_knows_what_it_cannot_serve() {
    for (text, pipeline, refused) in [
        ("SELECT * FROM c WHERE c.a = 1", false, false),
        ("SELECT 1", false, false),
        ("SELECT VALUE {n: COUNT(1)}", false, false),
        ("SELECT TOP 1 * FROM c", true, false),
        ("SELECT VALUE COUNT(1) FROM c", true, false),
        ("SELECT COUNT(1) FROM c", true, true),
        ("SELECT c.a FROM c GROUP BY c.a", true, false),
        ("SELECT c.a, COUNT(1) FROM c GROUP BY c.a", true, true),
        ("SELECT VALUE COUNT(1) FROM c GROUP BY c.a", true, true),
        ("SELECT DISTINCT c.a FROM c", true, false),
        ("SELECT * FROM c OFFSET 0 LIMIT 1", true, false),
        ("SELECT * FROM c ORDER BY c.a", true, false),
    ] {
        let plan = planned(text, &["/pk"], KeyKind::Hash);
        assert_eq!(
            (plan.needs_pipeline(), plan.has_non_value_aggregate()),
            (pipeline, refused),
            "{text}"
        );
    }
}
