//! What is to be done, and the item it is done with.

use serde::{Deserialize, Serialize};

/// COUNT reads, or creates, at an endpoint.
pub struct Work<'a> {
    pub create: bool,
    pub count: usize,
    pub endpoint: &'a str,
}

/// An item of 1 KiB as JSON.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Item {
    pub id: String,
    pub city: String,
    pub total: f64,
    pub lines: Vec<Line>,
    pub note: String,
}

/// One of the item's parts.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Line {
    pub product: String,
    pub count: u32,
    pub price: f64,
    pub tags: Vec<String>,
}

pub const DATABASE: &str = "shop";
pub const CONTAINER: &str = "orders";
pub const CITY: &str = "Lyon";

pub fn item() -> Item {
    let line = |index: u32| Line {
        product: format!("product-{index}"),
        count: index,
        price: f64::from(index) * 1.25,
        tags: vec!["new".into(), "shop".into()],
    };
    let mut item = Item {
        id: "42".into(),
        city: CITY.into(),
        total: 12.5,
        lines: (1..=8).map(line).collect(),
        note: String::new(),
    };
    let size = serde_json::to_vec(&item).map_or(0, |it| it.len());
    item.note = "x".repeat(1024_usize.saturating_sub(size));
    item
}
