//! Accounts that write in several regions: what comes together, and what does not.

use std::time::Duration;

use super::support::{ITEMS, SIMPLE, Sender, container, header, json};
use crate::clock::VirtualClock;
use crate::emulator::Emulator;
use crate::transport::Response;

const EAST: &str = "East US";
const WEST: &str = "West US";
const CONFLICTS: &str = "/dbs/d/colls/c/conflicts";
const KEY: (&str, &str) = ("x-ms-documentdb-partitionkey", r#"["a"]"#);

/// An account whose West is cut off, with an item that both sides know.
fn apart(policy: &str) -> (Sender, Sender) {
    apart_on(VirtualClock::new(), policy)
}

fn apart_on(clock: VirtualClock, policy: &str) -> (Sender, Sender) {
    let builder = Emulator::builder().regions([EAST, WEST]).multi_write(true).clock(clock);
    let emulator = builder.build().unwrap();
    let definition = SIMPLE.replace("\"id\":\"c\"", &format!("\"id\":\"c\"{policy}"));
    let account = container(emulator, &[], &definition);
    let (east, west) = (account.at(EAST), account.at(WEST));
    assert_eq!(write(&east, "1", 1, "old").status(), 201);
    account.emulator.pause_replication(WEST).unwrap();
    (east, west)
}

fn write(sender: &Sender, id: &str, n: i64, text: &str) -> Response {
    let body = format!("{{\"id\":\"{id}\",\"pk\":\"a\",\"n\":{n},\"text\":\"{text}\"}}");
    sender.send("POST", ITEMS, &[KEY, ("x-ms-documentdb-is-upsert", "True")], body.as_bytes())
}

fn delete(sender: &Sender, id: &str) {
    assert_eq!(sender.send("DELETE", &format!("{ITEMS}/{id}"), &[KEY], b"").status(), 204);
}

fn text(sender: &Sender, id: &str) -> Option<String> {
    let answer = sender.send("GET", &format!("{ITEMS}/{id}"), &[KEY], b"");
    json(&answer)["text"].as_str().map(str::to_owned)
}

fn both(east: &Sender, west: &Sender, id: &str) -> [Option<String>; 2] {
    [text(east, id), text(west, id)]
}

fn resume(sender: &Sender) {
    sender.emulator.resume_replication(WEST).unwrap();
}

const BY_NUMBER: &str =
    r#","conflictResolutionPolicy":{"mode":"LastWriterWins","conflictResolutionPath":"/n"}"#;
const CUSTOM: &str = r#","conflictResolutionPolicy":{"mode":"Custom"}"#;

#[test]
fn what_each_region_wrote_is_in_both_afterwards() {
    let (east, west) = apart("");
    write(&east, "e", 1, "east");
    let seen = header(&write(&west, "w", 1, "west"), "x-ms-session-token").unwrap().to_owned();
    write(&west, "1", 2, "newer");
    assert_eq!((text(&east, "w"), text(&west, "e")), (None, None));
    let headers = [KEY, ("x-ms-session-token", seen.as_str())];
    let ahead = east.send("GET", &format!("{ITEMS}/1"), &headers, b"");
    assert_eq!((ahead.status().as_u16(), header(&ahead, "x-ms-substatus")), (404, Some("1002")));
    assert_eq!(west.send("GET", &format!("{ITEMS}/1"), &headers, b"").status(), 200);

    resume(&east);
    assert_eq!(both(&east, &west, "e"), [Some("east".into()), Some("east".into())]);
    assert_eq!(both(&east, &west, "w"), [Some("west".into()), Some("west".into())]);
    assert_eq!(both(&east, &west, "1"), [Some("newer".into()), Some("newer".into())]);
    assert_eq!(east.send("GET", &format!("{ITEMS}/1"), &headers, b"").status(), 200);
    write(&east, "1", 3, "after");
    assert_eq!(text(&west, "1").as_deref(), Some("after"), "and so on from then on");
    assert_eq!(json(&east.send("GET", CONFLICTS, &[KEY], b""))["_count"], 0);
}

#[test]
fn the_highest_number_wins_whichever_came_first() {
    for (of_east, of_west, winner) in
        [(5, 3, "east"), (3, 5, "west"), (4, 4, "east"), (-1, 0, "west")]
    {
        let (east, west) = apart(BY_NUMBER);
        write(&west, "1", of_west, "west");
        write(&east, "1", of_east, "east");
        write(&east, "new", of_east, "east");
        write(&west, "new", of_west, "west");
        resume(&east);
        for id in ["1", "new"] {
            assert_eq!(both(&east, &west, id), [Some(winner.into()), Some(winner.into())]);
        }
        let etag = |it: &Sender| {
            json(&it.send("GET", &format!("{ITEMS}/new"), &[KEY], b""))["_etag"].clone()
        };
        assert_eq!(etag(&east), etag(&west));
        let query = br#"{"query":"SELECT * FROM c"}"#;
        let rows = json(&east.send("POST", ITEMS, &[KEY, super::support::QUERY], query));
        assert_eq!(rows["_count"], 2, "no item is there twice");
    }
}

#[test]
fn deletes_win_over_other_writes() {
    for (deleter, writer) in [(0, 1), (1, 0)] {
        let regions: [Sender; 2] = apart("").into();
        write(&regions[writer], "1", 9, "late");
        delete(&regions[deleter], "1");
        resume(&regions[0]);
        assert_eq!(both(&regions[0], &regions[1], "1"), [None, None]);
    }
}

#[test]
fn what_no_rule_settles_is_in_the_conflict_feed() {
    let (east, west) = apart(CUSTOM);
    write(&west, "1", 3, "west");
    write(&east, "1", 2, "east");
    write(&west, "fine", 1, "west alone");
    resume(&east);
    assert_eq!(both(&east, &west, "1"), [Some("east".into()), Some("east".into())]);
    assert_eq!(text(&east, "fine").as_deref(), Some("west alone"));

    let feed = json(&west.send("GET", CONFLICTS, &[KEY], b""));
    assert_eq!(feed["_count"], 1);
    let conflict = &feed["Conflicts"][0];
    assert_eq!(
        (&conflict["operationType"], &conflict["resourceType"]),
        (&"replace".into(), &"document".into())
    );
    let content: serde_json::Value =
        serde_json::from_str(conflict["content"].as_str().unwrap()).unwrap();
    assert_eq!(content["text"], "west");
    let rid = json(&east.send("GET", &format!("{ITEMS}/1"), &[KEY], b""))["_rid"].clone();
    assert_eq!(conflict["resourceId"], rid);

    let path = format!("{CONFLICTS}/{}", conflict["id"].as_str().unwrap());
    assert_eq!(json(&east.send("GET", &path, &[KEY], b""))["id"], conflict["id"]);
    let query =
        br#"{"query":"SELECT VALUE c.operationType FROM c WHERE c.resourceType = 'document'"}"#;
    let found = json(&east.send("POST", CONFLICTS, &[KEY, super::support::QUERY], query));
    assert_eq!(found["Conflicts"], serde_json::json!(["replace"]));
    let other = ("x-ms-documentdb-partitionkey", r#"["b"]"#);
    assert_eq!(east.send("DELETE", &path, &[other], b"").status(), 404);
    assert_eq!(east.send("DELETE", &path, &[KEY], b"").status(), 204);
    assert_eq!(east.send("DELETE", &path, &[KEY], b"").status(), 404);
    assert_eq!(json(&west.send("GET", CONFLICTS, &[KEY], b""))["_count"], 0);
}

#[test]
fn deletes_that_lost_are_conflicts_without_content() {
    let (east, west) = apart(CUSTOM);
    delete(&west, "1");
    write(&east, "1", 2, "east");
    resume(&east);
    assert_eq!(both(&east, &west, "1"), [Some("east".into()), Some("east".into())]);
    let feed = json(&east.send("GET", CONFLICTS, &[KEY], b""));
    let conflict = &feed["Conflicts"][0];
    assert_eq!((&conflict["operationType"], &conflict["content"]), (&"delete".into(), &"".into()));
}

/// Numbers that look random, the same ones for each seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn regions_agree_in_the_end_whatever_happened_between_them() {
    for seed in 0..30 {
        let mut dice = Dice(seed);
        let policy = if seed % 2 == 0 { BY_NUMBER } else { CUSTOM };
        let clock = VirtualClock::new();
        let regions: [Sender; 2] = apart_on(clock.clone(), policy).into();
        for step in 0..60 {
            let region = &regions[dice.roll(2) as usize];
            let id = dice.roll(4).to_string();
            match dice.roll(13) {
                0 => region.emulator.pause_replication(WEST).unwrap(),
                1 => region.emulator.pause_replication(EAST).unwrap(),
                2 => resume(region),
                3 => region.emulator.resume_replication(EAST).unwrap(),
                4 => {
                    let ids = json(&region.send("GET", "/dbs/d/colls/c/pkranges", &[], b""));
                    let ids = ids["PartitionKeyRanges"].as_array().unwrap().clone();
                    let id = |at: usize| ids[at]["id"].as_str().unwrap();
                    if ids.len() < 3 {
                        region.emulator.split("d", "c", id(0)).unwrap();
                    } else {
                        region.emulator.merge("d", "c", id(0), id(1)).unwrap();
                    }
                }
                5 => clock.advance(Duration::from_secs(1)),
                6 => region.emulator.replication_lag(WEST, Duration::from_secs(2)).unwrap(),
                7 => region.emulator.replication_lag(EAST, Duration::from_secs(1)).unwrap(),
                8 | 9 => drop(region.send("DELETE", &format!("{ITEMS}/{id}"), &[KEY], b"")),
                _ => drop(write(region, &id, dice.roll(5) as i64, &format!("{step}"))),
            }
        }
        resume(&regions[0]);
        regions[0].emulator.resume_replication(EAST).unwrap();
        for id in 0..4 {
            let [east, west] = both(&regions[0], &regions[1], &id.to_string());
            assert_eq!(east, west, "seed {seed}, item {id}");
        }
    }
}

#[test]
fn a_conflict_is_found_by_its_self_link() {
    let (east, west) = apart(CUSTOM);
    write(&east, "1", 2, "east");
    write(&west, "1", 3, "west");
    resume(&east);
    let conflict = json(&east.send("GET", CONFLICTS, &[KEY], b""))["Conflicts"][0].clone();
    let path = format!("/{}", conflict["_self"].as_str().unwrap());
    let found = json(&east.send_by_rid("GET", &path, &[KEY], b""));
    assert_eq!(found["id"], conflict["id"]);
    assert_eq!(east.send_by_rid("DELETE", &path, &[KEY], b"").status(), 204);
}

/// Writes, reads or deletes the item `i` of a key, on a container of two partitions.
fn on_key(sender: &Sender, method: &str, key: &str) -> Response {
    let header = format!("[\"{key}\"]");
    let headers = [("x-ms-documentdb-partitionkey", header.as_str())];
    let body = format!("{{\"id\":\"i\",\"pk\":\"{key}\"}}");
    match method {
        "POST" => sender.send(method, ITEMS, &headers, body.as_bytes()),
        _ => sender.send(method, &format!("{ITEMS}/i"), &headers, b""),
    }
}

#[test]
fn before_a_merge_every_region_gets_what_each_of_the_others_wrote() {
    let emulator = Emulator::builder().regions([EAST, WEST, "North Europe"]).multi_write(true);
    let account = container(emulator.partitions(2).build().unwrap(), &[], SIMPLE);
    let regions = [EAST, WEST, "North Europe"].map(|it| account.at(it));
    for region in [WEST, "North Europe"] {
        account.emulator.pause_replication(region).unwrap();
    }
    for (sender, key) in regions.iter().zip(["a", "b", "c"]) {
        assert_eq!(on_key(sender, "POST", key).status(), 201);
    }
    account.emulator.merge("d", "c", "0", "1").unwrap();
    for sender in &regions {
        for key in ["a", "b", "c"] {
            assert_eq!(on_key(sender, "GET", key).status(), 200, "{key} at {}", sender.base);
        }
    }
}

/// Of an item that is due all versions come, also those that are not due yet; sessions do not take that for more.
#[test]
fn a_version_that_comes_early_does_not_satisfy_sessions_for_others() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().regions([EAST, WEST, "North Europe"]).multi_write(true);
    let account = container(emulator.clock(clock.clone()).build().unwrap(), &[], SIMPLE);
    let (east, west) = (account.at(EAST), account.at(WEST));
    account.emulator.pause_replication(WEST).unwrap();
    account.emulator.replication_lag(EAST, Duration::from_secs(2)).unwrap();
    write(&east, "1", 1, "old");
    clock.advance(Duration::from_secs(1));
    write(&east, "2", 1, "not due");
    let token = header(&write(&east, "1", 2, "new"), "x-ms-session-token").unwrap().to_owned();
    clock.advance(Duration::from_millis(1_500));
    resume(&east);
    assert_eq!(text(&west, "1").unwrap(), "new");
    let read = |id: &str| {
        let headers = [KEY, ("x-ms-session-token", token.as_str())];
        let answer = west.send("GET", &format!("{ITEMS}/{id}"), &headers, b"");
        (answer.status().as_u16(), header(&answer, "x-ms-substatus").map(str::to_owned))
    };
    assert_eq!(read("2"), (404, Some("1002".to_owned())));
    clock.advance(Duration::from_secs(2));
    assert_eq!(read("2").0, 200);
}

/// Both parts of a partition count what was written to it before, whichever of them has the item.
#[test]
fn sessions_of_a_region_that_lagged_at_a_split_hold_in_the_others_afterwards() {
    let emulator = Emulator::builder().regions([EAST, WEST]).multi_write(true).partitions(1);
    let account = container(emulator.build().unwrap(), &[], SIMPLE);
    let (east, west) = (account.at(EAST), account.at(WEST));
    account.emulator.pause_replication(WEST).unwrap();
    let keys = ["a", "b", "c", "e", "f", "g", "h", "i"];
    for key in keys {
        assert_eq!(on_key(&west, "POST", key).status(), 201);
    }
    account.emulator.split("d", "c", "0").unwrap();
    let tokens = keys
        .map(|key| header(&on_key(&west, "GET", key), "x-ms-session-token").unwrap().to_owned());
    resume(&east);
    for (key, token) in keys.into_iter().zip(&tokens) {
        let key = format!("[\"{key}\"]");
        let headers = [("x-ms-documentdb-partitionkey", &*key), ("x-ms-session-token", &**token)];
        let answer = east.send("GET", &format!("{ITEMS}/i"), &headers, b"");
        assert_eq!(answer.status(), 200, "{key} {token}");
    }
}

/// Partitions count their versions each for itself, so that items of both can have equal etags.
#[test]
fn merged_partitions_tell_changes_of_equal_etags_apart() {
    let emulator = Emulator::builder().regions([EAST, WEST]).multi_write(true);
    let emulator = emulator.clock(VirtualClock::new()).partitions(2).build().unwrap();
    let account = container(emulator, &[], SIMPLE);
    let (east, west) = (account.at(EAST), account.at(WEST));
    let made = ["a", "b", "c", "e", "f", "g", "h", "i"].map(|key| {
        let created = on_key(&east, "POST", key);
        let range = header(&created, "x-ms-documentdb-partitionkeyrangeid").unwrap().to_owned();
        (key, range, json(&created)["_etag"].clone())
    });
    let twins = made.iter().find_map(|(key, range, etag)| {
        let twin = made.iter().find(|it| it.1 != *range && it.2 == *etag)?;
        Some([*key, twin.0])
    });
    account.emulator.pause_replication(WEST).unwrap();
    account.emulator.merge("d", "c", "0", "1").unwrap();
    for key in twins.unwrap() {
        account.emulator.pause_replication(WEST).unwrap();
        assert_eq!(on_key(&west, "DELETE", key).status(), 204);
        resume(&east);
        assert_eq!(on_key(&east, "GET", key).status(), 404, "{key}");
    }
}
