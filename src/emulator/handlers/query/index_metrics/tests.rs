//! Which indexes are told for which query and policy.

use super::*;
use crate::emulator::sql::parser::parse;

const EVERYTHING: &str =
    r#""includedPaths":[{"path":"/*"}],"excludedPaths":[{"path":"/\"_etag\"/?"}]"#;

fn metrics(query: &str, policy: &str) -> IndexMetrics {
    let policy = Value::from_json(format!("{{{policy}}}").as_bytes()).unwrap();
    IndexMetrics::of(&parse(query).unwrap(), &IndexPolicy::of(&policy))
}

/// Utilised single, potential single, utilised composite, potential composite indexes.
fn summary(metrics: &IndexMetrics) -> String {
    let composites = |of: &Indexes| {
        of.composite.iter().map(|it| format!("({})", it.join(", "))).collect::<Vec<_>>().join(" ")
    };
    let IndexMetrics { utilized, potential } = metrics;
    format!(
        "{} | {} | {} | {}",
        utilized.single.join(" "),
        potential.single.join(" "),
        composites(utilized),
        composites(potential)
    )
}

#[test]
fn the_shape_of_a_query_says_which_indexes_it_uses() {
    for (query, expected) in [
        ("SELECT * FROM c", " |  |  | "),
        ("SELECT 1", " |  |  | "),
        ("SELECT * FROM c WHERE c.price > 500", "/price/? |  |  | "),
        ("SELECT * FROM c WHERE 500 < c.price AND c.price < 900", "/price/? |  |  | "),
        ("SELECT * FROM c WHERE c.a.b IN (1, 2)", "/a/b/? |  |  | "),
        ("SELECT * FROM c WHERE c['a-b'] BETWEEN 1 AND 2", "/\"a-b\"/? |  |  | "),
        ("SELECT * FROM c WHERE STARTSWITH(c.name, 'T') OR c.a LIKE 'b%'", "/name/? /a/? |  |  | "),
        ("SELECT * FROM c WHERE NOT c.done", "/done/? |  |  | "),
        ("SELECT * FROM c WHERE c._etag = 'a'", " | /_etag/? |  | "),
        ("SELECT * FROM c WHERE UPPER(c.a) = 'B' OR c.a = c.b OR c.a + 1 > 2", " |  |  | "),
        ("SELECT * FROM c.child x WHERE x.age = 1", "/child/age/? |  |  | "),
        ("SELECT * FROM x IN c.tags WHERE x = 'a'", "/tags/[]/? |  |  | "),
        ("SELECT VALUE 1 FROM c JOIN t IN c.tags WHERE t.name = 'a'", "/tags/[]/name/? |  |  | "),
        ("SELECT * FROM c WHERE ARRAY_CONTAINS(c.tags, 'a')", "/tags/[]/? |  |  | "),
        ("SELECT * FROM c WHERE c.tags[0] = 'a'", "/tags/[]/? |  |  | "),
        (
            "SELECT * FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t.x = 1)",
            "/tags/[]/x/? |  |  | ",
        ),
        (
            "SELECT VALUE 1 FROM c JOIN (SELECT VALUE t FROM t IN c.tags WHERE t.x = 1) AS u WHERE u.y = 2",
            "/tags/[]/x/? |  |  | ",
        ),
        ("SELECT * FROM c ORDER BY c.name", "/name/? |  |  | "),
        ("SELECT * FROM c ORDER BY c.a, c.b DESC", " |  |  | (/a ASC, /b DESC)"),
        ("SELECT * FROM c WHERE c.a = 1 AND c.b > 2", "/a/? /b/? |  |  | (/a ASC, /b ASC)"),
        ("SELECT * FROM c WHERE c.b > 2 AND c.a = 1", "/b/? /a/? |  |  | (/a ASC, /b ASC)"),
        ("SELECT * FROM c WHERE c.a > 1 AND c.b > 2", "/a/? /b/? |  |  | "),
        ("SELECT * FROM c WHERE c.a = 1 OR c.b = 2", "/a/? /b/? |  |  | "),
        (
            "SELECT * FROM c WHERE c.a = 1 AND c.b = 2 AND c.d > 3 AND c.e > 4",
            "/a/? /b/? /d/? /e/? |  |  | (/a ASC, /b ASC, /d ASC) (/a ASC, /b ASC, /e ASC)",
        ),
    ] {
        assert_eq!(summary(&metrics(query, EVERYTHING)), expected, "{query}");
    }
}

#[test]
fn the_policy_says_which_indexes_there_are() {
    let composite = r#""includedPaths":[{"path":"/*"}],"compositeIndexes":[[{"path":"/a"},{"path":"/b","order":"descending"}]]"#;
    let few = r#""includedPaths":[{"path":"/a/b/?"},{"path":"/d/*"}],"excludedPaths":[{"path":"/*"},{"path":"/d/e/*"}]"#;
    let none = r#""indexingMode":"none","includedPaths":[],"excludedPaths":[]"#;
    for (policy, condition, expected) in [
        (composite, "WHERE c.a = 1 AND c.b > 2", "/a/? /b/? |  | (/a ASC, /b DESC) | "),
        (composite, "WHERE c.b = 1 AND c.a = 2", "/b/? /a/? |  | (/a ASC, /b DESC) | "),
        (composite, "WHERE c.b = 1 AND c.a > 2", "/b/? /a/? |  |  | (/b ASC, /a ASC)"),
        (
            composite,
            "WHERE c.a = 1 AND c.b = 2 AND c.d > 3",
            "/a/? /b/? /d/? |  | (/a ASC, /b DESC) | (/a ASC, /b ASC, /d ASC)",
        ),
        (composite, "ORDER BY c.a, c.b DESC", " |  | (/a ASC, /b DESC) | "),
        (composite, "ORDER BY c.a DESC, c.b", " |  | (/a ASC, /b DESC) | "),
        (composite, "ORDER BY c.a, c.b", " |  |  | (/a ASC, /b ASC)"),
        (composite, "ORDER BY c.a, c.b DESC, c.d", " |  |  | (/a ASC, /b DESC, /d ASC)"),
        (few, "WHERE c.a.b = 1", "/a/b/? |  |  | "),
        (few, "WHERE c.a.b.c = 1", " | /a/b/c/? |  | "),
        (few, "WHERE c.d = 1 OR c.d.x = 1 OR c.d.e = 1", "/d/? /d/x/? | /d/e/? |  | "),
        (few, "WHERE c.id = 'a' OR c._ts > 0", "/id/? /_ts/? |  |  | "),
        (none, "WHERE c.id = 'a'", " | /id/? |  | "),
    ] {
        let query = format!("SELECT * FROM c {condition}");
        assert_eq!(summary(&metrics(&query, policy)), expected, "{policy} {query}");
    }
}

#[test]
fn each_form_has_its_own_members() {
    let metrics = metrics("SELECT * FROM c WHERE c.a = 1 AND c._etag = ''", EVERYTHING);
    assert_eq!(
        metrics.first_form().to_json(),
        r#"{"UtilizedSingleIndexes":[{"IndexSpec":"/a/?","FilterExpression":"","FilterPreciseSet":true,"IndexPreciseSet":true,"IndexImpactScore":"High"}],"PotentialSingleIndexes":[{"IndexSpec":"/_etag/?","FilterExpression":"","FilterPreciseSet":true,"IndexPreciseSet":true,"IndexImpactScore":"High"}],"UtilizedCompositeIndexes":[],"PotentialCompositeIndexes":[{"IndexSpecs":["/a ASC","/_etag ASC"],"FilterExpression":"","FilterPreciseSet":true,"IndexPreciseSet":true,"IndexImpactScore":"High"}]}"#
    );
    assert_eq!(
        metrics.second_form().to_json(),
        r#"{"UtilizedIndexes":{"SingleIndexes":[{"IndexSpec":"/a/?"}],"CompositeIndexes":[]},"PotentialIndexes":{"SingleIndexes":[{"IndexSpec":"/_etag/?","IndexImpactScore":"High"}],"CompositeIndexes":[{"IndexSpecs":["/a ASC","/_etag ASC"],"IndexImpactScore":"High"}]}}"#
    );
}
