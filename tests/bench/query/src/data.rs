//! The containers that the server makes up.

/// Partition key ranges of each container.
pub const RANGES: usize = 16;

pub const DATABASE: &str = "bench";
/// 10,000 items, scattered over the ranges by no order.
pub const SORTED: &str = "sorted";
pub const SORTED_ITEMS: usize = 10_000;
/// 1,000,000 small items, range after range.
pub const LARGE: &str = "large";
pub const LARGE_ITEMS: usize = 1_000_000;

/// Any key: the server checks no signatures, but the client makes them.
pub const KEY: &str =
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==";

/// The items of `SORTED` that each range holds, in the order of their sort value, which is their number.
pub fn scattered() -> Vec<Vec<usize>> {
    let mut ranges = vec![Vec::new(); RANGES];
    for number in 0..SORTED_ITEMS {
        let mixed = (number as u32).wrapping_mul(0x9E37_79B1) >> 16;
        ranges[mixed as usize % RANGES].push(number);
    }
    ranges
}

/// A small item as the service returns it, system properties and all.
pub fn item(number: usize) -> String {
    format!(
        r#"{{"id":"item-{number}","city":"Lyon","k":{number},"total":12.5,"_rid":"{rid}","_self":"dbs/bench/colls/c/docs/{rid}/","_etag":"\"0000d826-0700-0000-0000-5f1f9c3e0000\"","_attachments":"attachments/","_ts":1595907134}}"#,
        rid = rid(number)
    )
}

/// What a partition returns for `ORDER BY c.k`.
pub fn sorted_row(number: usize) -> String {
    let (rid, item) = (rid(number), item(number));
    format!(r#"{{"_rid":"{rid}","orderByItems":[{{"item":{number}}}],"payload":{item}}}"#)
}

/// No real resource id, but of the length of one and in the order of the items.
fn rid(number: usize) -> String {
    format!("benchAAAAAA{number:011}==")
}
