//! Text of every kind, in keys and bodies.

use serde_json::{Value, json};

use super::wire::{Seed, header};

pub(super) const TEXTS: [&str; 8] = [
    "€€ کلید پارتیشن विभाजन कुंजी \t123",
    "line\u{2028}separator",
    "paragraph\u{2029}separator",
    "next\u{85}line",
    "zero\u{200c}width non-joiner",
    "🚀👩‍👩‍👧 beyond the first plane",
    "e\u{301} is not é",
    "\u{feff}byte order mark",
];

#[test]
fn s26_any_text_is_a_partition_key() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    for (n, text) in TEXTS.into_iter().enumerate() {
        let id = n.to_string();
        items.create_item(&json!({ "id": id, "pk": text })).send().unwrap();
        let sent = seed.wire.only();
        let sent = header(&sent, "x-ms-documentdb-partitionkey");
        assert!(sent.is_ascii(), "{sent}");
        assert_eq!(serde_json::from_str::<Value>(sent).unwrap(), json!([text]));
        let read: Value = items.read_item(&id, text).send().unwrap().item().unwrap();
        assert_eq!(read["pk"], text);
        seed.wire.take();
    }
}

#[test]
fn s26_any_text_travels_in_bodies_and_parameters() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    for (n, text) in TEXTS.into_iter().enumerate() {
        let item = json!({ "id": n.to_string(), "pk": "pk", "text": text, text: n });
        items.create_item(&item).send().unwrap();
        let read: Value = items.read_item(&n.to_string(), "pk").send().unwrap().item().unwrap();
        assert_eq!((&read["text"], &read[text]), (&json!(text), &json!(n)));
        let by_text: Vec<String> = items
            .query_items("SELECT VALUE c.id FROM c WHERE c.text = @text")
            .param("@text", text)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(by_text, [n.to_string()]);
    }
}

#[test]
fn s26_any_text_is_an_id() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    for id in TEXTS.into_iter().filter(|it| !it.chars().any(char::is_control)) {
        items.create_item(&json!({ "id": id, "pk": 1 })).send().unwrap();
        assert_eq!(items.read_item(id, 1).send().unwrap().item::<Value>().unwrap()["id"], id);
    }
}
