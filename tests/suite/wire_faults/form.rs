//! R08: every request that leaves is well formed, as a proxy sees it that knows the protocol by itself.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cosmosdb::{ContainerProperties, CosmosClient, Emulator, PartitionKey, Patch, Result};
use ring::hmac;
use serde_json::{Value, json};

use super::proxy::{Manner, Proxy};
use super::wire::Seen;

/// Ids that need encoding somewhere.
const IDS: [&str; 9] =
    ["plain", "a b", "it's \"so\"", "50%", "%41", "a=b&c+d", "🦀 crab", "naïve", "{1}"];

/// Keys of every kind, as they stand in items.
fn keys() -> Vec<(PartitionKey, Value)> {
    let texts = ["", " ", "a b", "\"q\"", "50%", "a=b&c", "🦀", "line\nbreak"];
    let texts = texts.into_iter().map(|it| (it.into(), json!(it)));
    let numbers = [1.5, 1e20, -0.0, 0.1, -7.0].into_iter().map(|it| (it.into(), json!(it)));
    let rest = [
        (PartitionKey::NULL, Value::Null),
        (true.into(), json!(true)),
        (false.into(), json!(false)),
    ];
    texts.chain(numbers).chain(rest).collect()
}

#[test]
fn r08_every_request_is_well_formed() -> Result<()> {
    let emulator = Emulator::builder().partitions(2).build()?;
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(server.addr(), Manner::Plain);
    let client = CosmosClient::new(&proxy.url(), emulator.key())?;
    client.create_database("a database").send()?;
    let database = client.database("a database");
    database.create_container(ContainerProperties::new("c=d&e %", "/pk")).send()?;
    let items = database.container("c=d&e %");
    for ((key, value), id) in keys().into_iter().zip(IDS.into_iter().cycle()) {
        let item = json!({ "id": id, "pk": value, "n": 1 });
        items.create_item(&item).send()?;
        items.read_item(id, key.clone()).send()?;
        items.replace_item(id, &item).send()?;
        items.patch_item(id, key.clone(), Patch::new().incr("/n", 1)).send()?;
        items.batch(key.clone()).upsert(&item).read(id).send()?;
        items.delete_item(id, key).send()?;
    }
    for id in IDS {
        items.upsert_item(&json!({ "id": id, "pk": id, "n": 1 })).send()?;
    }
    let named = items.query_items::<Value>("SELECT * FROM c WHERE c.id = @id").param("@id", IDS[6]);
    assert_eq!(named.into_iter().collect::<Result<Vec<_>>>()?.len(), 1);
    let ordered = items.query_items::<Value>("SELECT * FROM c ORDER BY c.n");
    assert_eq!(ordered.into_iter().collect::<Result<Vec<_>>>()?.len(), IDS.len());
    assert_eq!(items.items::<Value>().into_iter().collect::<Result<Vec<_>>>()?.len(), IDS.len());
    items.change_feed::<Value>().from_beginning().pages().next().unwrap()?;

    let seen = proxy.seen();
    assert!(seen.len() > 6 * keys().len() + IDS.len());
    seen.iter().for_each(|it| check(it, emulator.key()));
    let refused: Vec<_> = emulator
        .requests()
        .into_iter()
        .filter(|it| matches!(it.status, None | Some(400 | 401)))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    Ok(())
}

fn check(seen: &Seen, key: &str) {
    let header = |name: &str| seen.header(name).unwrap_or_default();
    let date = header("x-ms-date");
    assert_eq!(header("x-ms-version"), "2020-07-15", "{seen:?}");
    assert!(is_http_date(date), "{date}");
    assert_eq!(
        header("authorization"),
        signature(seen, date, key),
        "{} {}",
        seen.method,
        seen.path
    );
    assert!(seen.path.is_ascii() && !seen.path.contains([' ', '"']), "{}", seen.path);

    let operation = seen.operation();
    if matches!(operation, "create" | "upsert" | "read" | "replace" | "patch" | "delete" | "batch")
        && !seen.path.ends_with("/colls")
    {
        let value = header("x-ms-documentdb-partitionkey");
        assert!(value.is_ascii(), "{value}");
        let values: Vec<Value> = serde_json::from_str(value).unwrap();
        assert_eq!(values.len(), 1, "{value}");
    }
    let content_type = match operation {
        "query" | "plan" => "application/query+json",
        "patch" => "application/json_patch+json",
        _ if seen.body.is_empty() => "",
        _ => "application/json",
    };
    assert_eq!(header("content-type"), content_type, "{} {}", seen.method, seen.path);
    if matches!(seen.method.as_str(), "GET" | "DELETE") {
        assert!(seen.body.is_empty() && seen.header("content-length").is_none(), "{seen:?}");
    }
}

/// `Tue, 01 Nov 1994 08:12:31 GMT`, by its shape.
fn is_http_date(date: &str) -> bool {
    let shape: String = date
        .chars()
        .map(|it| match it {
            '0'..='9' => '0',
            'A'..='Z' | 'a'..='z' => 'a',
            other => other,
        })
        .collect();
    shape == "aaa, 00 aaa 0000 00:00:00 aaa"
}

/// The value of the authorization header by the rules of the REST documentation.
fn signature(seen: &Seen, date: &str, key: &str) -> String {
    let path = decoded(seen.path.trim_matches('/'));
    let raw: Vec<&str> =
        seen.path.trim_matches('/').split('/').filter(|it| !it.is_empty()).collect();
    let (kind, link) = match raw.len() {
        0 => ("", String::new()),
        count if count % 2 == 0 => (raw[count - 2], path),
        count => (raw[count - 1], decoded(&raw[..count - 1].join("/"))),
    };
    let text =
        format!("{}\n{kind}\n{link}\n{}\n\n", seen.method.to_lowercase(), date.to_lowercase());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(key).unwrap());
    let hash = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    let hash = hash.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("type%3Dmaster%26ver%3D1.0%26sig%3D{hash}")
}

/// The text without its percent encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest = after;
            }
            (byte, after) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
