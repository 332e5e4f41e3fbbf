//! No text makes one of the small readers panic, and what they read they write back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Random, check};
use crate::auth::ConnectionString;
use crate::models::ConsistencyLevel;
use crate::partition_key::{PartitionKey, PartitionKeyDefinition, parse_path};
use crate::query::compare::SortKey;
use crate::query::sorted_row::compare_rids;
use crate::routing::FeedRange;
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;

/// Texts as they should be, which changes are made to.
const GOOD: [&str; 17] = [
    "05C1DFFFFFFFFFFC",
    "3FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
    r#"{"Range":{"min":"","max":"FF","isMinInclusive":true,"isMaxInclusive":false}}"#,
    r#"{"type":"Effective Partition Key Range","value":{"min":"0","max":"3F","isMaxInclusive":true}}"#,
    r#"{"minInclusive":"FF","maxExclusive":"00"}"#,
    "eyJSYW5nZSI6eyJtaW4iOiIiLCJtYXgiOiJGRiIsImlzTWluSW5jbHVzaXZlIjp0cnVlLCJpc01heEluY2x1c2l2ZSI6ZmFsc2V9fQ==",
    "DJB7AKjNIUToAwAAAAAAAA==",
    r#"["Lyon",1.5,null,true,{}]"#,
    r#"{"type":"array","low":1,"high":18446744073709551615}"#,
    "dbs/shop/colls/orders/docs/42",
    "/a/\"b c\"/[]/?",
    "AccountEndpoint=https://localhost:8081/;AccountKey=c2VjcmV0;",
    "BoundedStaleness",
    "0:-1#42#1=7#2=-3",
    "documentSize=51200;documentsCount=-1;",
    "totalExecutionTimeInMs=33.67;queryCompileTimeInMs=0.06",
    "Tue, 01 Nov 1994 08:12:31 GMT",
];

fn input(random: &mut Random) -> String {
    if random.one_in(4) {
        return random.text();
    }
    let good = random.pick(&GOOD);
    let text = random.change(good);
    if random.one_in(4) { STANDARD.encode(text) } else { text }
}

#[test]
fn no_text_is_too_much_for_a_key_a_range_or_a_link() {
    check(20_000, |random| {
        let (text, other) = (input(random), input(random));
        if let Ok(epk) = text.parse::<Epk>() {
            assert_eq!(epk.to_string().parse::<Epk>().unwrap(), epk);
            let (next, end) = (epk.successor(), other.parse().unwrap_or_else(|_| epk.prefix_end()));
            let range = EpkRange::new(epk, end);
            assert!(!range.overlaps(&EpkRange::point(next.clone())) || range.contains(&next));
        }
        if let Ok(range) = text.parse::<FeedRange>() {
            assert_eq!(range.to_string().parse::<FeedRange>().unwrap(), range);
        }
        if let Ok(path) = parse_path(&text) {
            let definition = PartitionKeyDefinition::new([text.as_str()]);
            let key = PartitionKey::from(path.concat());
            assert!(EpkRange::of(&key, &definition).is_ok());
        }
        if let Ok(value) = serde_json::from_str::<SortKey>(&text) {
            assert_eq!(
                serde_json::from_str::<SortKey>(&serde_json::to_string(&value).unwrap()).unwrap(),
                value
            );
        }
        let _ = (text.parse::<ConnectionString>(), text.parse::<ConsistencyLevel>());
        assert_eq!(compare_rids(&text, &other), compare_rids(&other, &text).reverse());
    });
}
