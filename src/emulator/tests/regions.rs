//! Regions: where writes go, what lags, what is off the network, and what the account's document says of it.

use std::time::Duration;

use super::support::{ITEMS, SIMPLE, Sender, container, header, json};
use crate::clock::VirtualClock;
use crate::emulator::{Emulator, EmulatorBuilder, FaultRule};
use crate::transport::{Response, TransportErrorKind};

const EAST: &str = "East US";
const WEST: &str = "West US";
const NORTH: &str = "North Europe";
const KEY: (&str, &str) = ("x-ms-documentdb-partitionkey", r#"["a"]"#);

fn two_regions() -> EmulatorBuilder {
    Emulator::builder().regions([EAST, WEST])
}

fn status(response: &Response) -> (u16, u32) {
    let sub_status = header(response, "x-ms-substatus").unwrap_or("0");
    (response.status().as_u16(), sub_status.parse().unwrap())
}

fn upsert(sender: &Sender, id: &str, n: i64) -> Response {
    let body = format!("{{\"id\":\"{id}\",\"pk\":\"a\",\"n\":{n}}}");
    sender.send("POST", ITEMS, &[KEY, ("x-ms-documentdb-is-upsert", "True")], body.as_bytes())
}

fn token(response: &Response) -> String {
    header(response, "x-ms-session-token").unwrap().to_owned()
}

/// The status of a read with a session token, and the number that was read.
fn read(sender: &Sender, id: &str, token: &str) -> ((u16, u32), Option<i64>) {
    let headers = [KEY, ("x-ms-session-token", token)];
    let headers = if token.is_empty() { &headers[..1] } else { &headers[..] };
    let answer = sender.send("GET", &format!("{ITEMS}/{id}"), headers, b"");
    (status(&answer), json(&answer)["n"].as_i64())
}

fn locations(sender: &Sender, kind: &str) -> Vec<String> {
    let account = json(&sender.send("GET", "/", &[], b""));
    let locations = account[kind].as_array().unwrap().iter();
    locations.map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_region_that_is_paused_stays_behind_until_it_is_resumed() {
    let hub = container(two_regions().build().unwrap(), &[], SIMPLE);
    let west = hub.at(WEST);
    upsert(&hub, "1", 1);
    assert_eq!(read(&west, "1", ""), ((200, 0), Some(1)), "without lag it is there at once");

    hub.emulator.pause_replication(WEST).unwrap();
    let second = token(&upsert(&hub, "1", 2));
    let new = token(&upsert(&hub, "2", 7));
    assert_eq!(read(&hub, "1", &second), ((200, 0), Some(2)));
    assert_eq!(read(&west, "1", &second), ((404, 1002), None));
    assert_eq!(read(&west, "2", &new), ((404, 1002), None));
    assert_eq!(read(&west, "1", ""), ((200, 0), Some(1)));
    assert_eq!(read(&west, "2", ""), ((404, 0), None));
    let query = br#"{"query":"SELECT VALUE c.n FROM c"}"#;
    let headers = [KEY, super::support::QUERY, ("x-ms-session-token", second.as_str())];
    assert_eq!(status(&west.send("POST", ITEMS, &headers, query)), (404, 1002));
    let rows = json(&west.send("POST", ITEMS, &headers[..2], query));
    assert_eq!(rows["Documents"], serde_json::json!([1]));

    hub.emulator.resume_replication(WEST).unwrap();
    assert_eq!(read(&west, "1", &second), ((200, 0), Some(2)));
    assert_eq!(read(&west, "2", &new), ((200, 0), Some(7)));
    assert!(!hub.emulator.inner.has_replicas.load(std::sync::atomic::Ordering::SeqCst));
}

#[test]
fn a_region_lags_by_the_clock() {
    let clock = VirtualClock::new();
    let hub = container(two_regions().clock(clock.clone()).build().unwrap(), &[], SIMPLE);
    let west = hub.at(WEST);
    upsert(&hub, "1", 0);
    hub.emulator.replication_lag(WEST, Duration::from_secs(2)).unwrap();
    for second in 1..=4 {
        clock.advance(Duration::from_secs(1));
        upsert(&hub, "1", second);
        assert_eq!(read(&west, "1", "").1, Some((second - 2).max(0)));
    }
    let last = token(&upsert(&hub, "1", 9));
    assert_eq!(read(&west, "1", &last).0, (404, 1002));
    clock.advance(Duration::from_secs(2));
    assert_eq!(read(&west, "1", &last), ((200, 0), Some(9)));
}

#[test]
fn regions_that_lag_split_and_merge_with_the_others() {
    let hub = container(two_regions().build().unwrap(), &[], SIMPLE);
    let west = hub.at(WEST);
    upsert(&hub, "1", 1);
    hub.emulator.pause_replication(WEST).unwrap();
    let ahead = token(&upsert(&hub, "1", 2));
    let [low, high] = hub.emulator.split("d", "c", "0").unwrap();
    assert_eq!(read(&west, "1", ""), ((200, 0), Some(1)));
    assert_eq!(read(&west, "1", &ahead).0, (404, 1002), "the parent's token counts for the child");
    let child = token(&upsert(&hub, "1", 3));
    assert_eq!(read(&west, "1", &child).0, (404, 1002));
    assert_eq!(read(&hub, "1", &format!("{ahead},{child}")), ((200, 0), Some(3)));
    hub.emulator.merge("d", "c", &low, &high).unwrap();
    assert_eq!(read(&west, "1", &child), ((200, 0), Some(3)), "before a merge all catch up");
    upsert(&hub, "1", 4);
    assert_eq!(read(&west, "1", "").1, Some(3));
    hub.emulator.resume_replication(WEST).unwrap();
    assert_eq!(read(&west, "1", "").1, Some(4));
}

#[test]
fn a_region_catches_up_with_steps_that_changed_nothing_of_it() {
    let clock = VirtualClock::new();
    let hub = Sender::new(two_regions().clock(clock.clone()).build().unwrap());
    let throughput = [("x-ms-offer-throughput", "400")];
    assert_eq!(hub.send("POST", "/dbs", &throughput, br#"{"id":"d"}"#).status(), 201);
    for id in ["c", "other"] {
        let definition = SIMPLE.replace("\"id\":\"c\"", &format!("\"id\":\"{id}\""));
        assert_eq!(hub.send("POST", "/dbs/d/colls", &[], definition.as_bytes()).status(), 201);
    }
    hub.emulator.replication_lag(WEST, Duration::from_secs(1)).unwrap();
    upsert(&hub, "1", 1);
    let other = br#"{"id":"1","pk":"a"}"#;
    assert_eq!(hub.send("POST", "/dbs/d/colls/other/docs", &[KEY], other).status(), 201);
    let ahead = token(&hub.send("GET", &format!("{ITEMS}/1"), &[KEY], b""));
    assert_eq!(read(&hub.at(WEST), "1", &ahead).0, (404, 1002));
    clock.advance(Duration::from_secs(1));
    assert_eq!(read(&hub.at(WEST), "1", &ahead), ((200, 0), Some(1)));
}

#[test]
fn strong_reads_see_everything_wherever_they_are() {
    let level = crate::ConsistencyLevel::Strong;
    let hub = container(two_regions().consistency(level).build().unwrap(), &[], SIMPLE);
    hub.emulator.pause_replication(WEST).unwrap();
    upsert(&hub, "1", 1);
    let west = hub.at(WEST);
    assert_eq!(read(&west, "1", "").1, Some(1));
    let eventual = [KEY, ("x-ms-consistency-level", "Eventual")];
    assert_eq!(west.send("GET", &format!("{ITEMS}/1"), &eventual, b"").status(), 404);
}

#[test]
fn regions_off_the_network_refuse_connections() {
    let hub = container(two_regions().build().unwrap(), &[], SIMPLE);
    let west = hub.at(WEST);
    hub.emulator.region_offline(WEST).unwrap();
    let error = west.try_send("GET", "/", &[], b"").unwrap_err();
    assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Connect, false));
    assert_eq!(upsert(&hub, "1", 1).status(), 201);
    hub.emulator.region_online(WEST).unwrap();
    assert_eq!(read(&west, "1", "").1, Some(1));
    let last = hub.emulator.take_requests();
    assert!(last.iter().any(|it| it.region == WEST && it.status.is_none()));
    hub.emulator.fault(FaultRule::refused().on_global_endpoint());
    assert!(hub.try_send("GET", "/", &[], b"").is_err());
    assert_eq!(hub.at(EAST).send("GET", "/", &[], b"").status(), 200);
    assert!(hub.emulator.region_offline("Mars North").is_err());
}

#[test]
fn writes_move_with_the_write_region() {
    let account = container(two_regions().build().unwrap(), &[], SIMPLE);
    let (east, west) = (account.at(EAST), account.at(WEST));
    assert_eq!(status(&upsert(&west, "1", 1)), (403, 3));
    assert_eq!(locations(&account, "writableLocations"), [EAST]);
    account.emulator.begin_failover(WEST).unwrap();
    assert_eq!(locations(&account, "writableLocations"), [EAST, WEST]);
    assert_eq!(status(&upsert(&east, "1", 1)), (403, 3));
    assert_eq!(upsert(&west, "1", 1).status(), 201);
    account.emulator.fail_over(WEST).unwrap();
    assert_eq!(locations(&account, "writableLocations"), [WEST]);
    assert_eq!(upsert(&account, "2", 2).status(), 201, "the account's endpoint follows");
    assert_eq!(read(&east, "2", "").1, Some(2));
    assert_eq!(locations(&account, "readableLocations"), [EAST, WEST]);
    let hub_only = [KEY, ("x-ms-cosmos-hub-region-processing-only", "True")];
    assert_eq!(status(&east.send("GET", &format!("{ITEMS}/1"), &hub_only, b"")), (403, 3));
    assert_eq!(west.send("GET", &format!("{ITEMS}/1"), &hub_only, b"").status(), 200);
}

#[test]
fn a_failover_loses_nothing_that_the_new_region_had_not_seen() {
    let account = container(two_regions().build().unwrap(), &[], SIMPLE);
    account.emulator.pause_replication(WEST).unwrap();
    let ahead = token(&upsert(&account, "1", 1));
    account.emulator.fail_over(WEST).unwrap();
    assert_eq!(read(&account.at(WEST), "1", &ahead), ((200, 0), Some(1)));
    account.emulator.pause_replication(EAST).unwrap();
    let next = token(&upsert(&account, "1", 2));
    assert_eq!(read(&account.at(EAST), "1", &next).0, (404, 1002));
    assert_eq!(read(&account.at(WEST), "1", &next).1, Some(2));
}

#[test]
fn regions_come_and_go() {
    let account = container(two_regions().build().unwrap(), &[], SIMPLE);
    upsert(&account, "1", 1);
    account.emulator.add_region(NORTH).unwrap();
    assert_eq!(account.emulator.regions(), [EAST, WEST, NORTH]);
    assert_eq!(read(&account.at(NORTH), "1", "").1, Some(1));
    account.emulator.drain_region(WEST).unwrap();
    assert_eq!(read(&account.at(WEST), "1", "").0, (403, 1008));
    assert_eq!(locations(&account.at(WEST), "readableLocations"), [EAST, WEST, NORTH]);
    account.emulator.remove_region(WEST).unwrap();
    assert_eq!(locations(&account, "readableLocations"), [EAST, NORTH]);
    assert!(account.emulator.remove_region(EAST).is_err());
    account.emulator.add_region(WEST).unwrap();
    assert_eq!(read(&account.at(WEST), "1", "").1, Some(1));
    assert!(account.emulator.add_region(" ").is_err());
    account.emulator.reset();
    assert_eq!(account.emulator.regions(), [EAST, WEST]);
}

#[test]
fn the_document_says_what_the_account_can_do() {
    let account = Sender::new(two_regions().build().unwrap());
    account.emulator.set_multi_write(true).unwrap();
    account.emulator.forbid_hedging(true);
    account.emulator.set_partition_failover(true);
    let document = json(&account.send("GET", "/", &[], b""));
    assert_eq!(document["enableMultipleWriteLocations"], true);
    assert_eq!(document["disableCrossRegionalHedging"], true);
    assert_eq!(document["enablePerPartitionFailoverBehavior"], true);
    assert_eq!(
        document["writableLocations"][1]["databaseAccountEndpoint"],
        "https://emulator-westus.local/"
    );
}

#[test]
fn accounts_change_between_one_write_region_and_several() {
    let account = container(two_regions().build().unwrap(), &[], SIMPLE);
    let west = account.at(WEST);
    let before = token(&upsert(&account, "1", 1));
    assert_eq!(before, "0:0#2");
    account.emulator.set_multi_write(true).unwrap();
    let several = token(&upsert(&west, "1", 2));
    assert_eq!(several, "0:1#3#1=0#2=1");
    assert_eq!(read(&account, "1", &before), ((200, 0), Some(2)));
    account.emulator.revoke_writes(WEST).unwrap();
    assert_eq!(status(&upsert(&west, "1", 3)), (403, 3));
    account.emulator.restore_writes(WEST).unwrap();
    account.emulator.set_multi_write(false).unwrap();
    assert_eq!(read(&west, "1", &several), ((200, 0), Some(2)));
    assert_eq!(token(&upsert(&account, "1", 3)), "0:2#4");
}

#[test]
fn a_session_never_goes_back_whatever_lags_splits_and_moves() {
    for seed in 0..20_u64 {
        let mut state = seed;
        let mut roll = move |sides: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % sides
        };
        let clock = VirtualClock::new();
        let emulator = two_regions().clock(clock.clone()).build().unwrap();
        let account = container(emulator, &[], SIMPLE);
        let regions = [account.at(EAST), account.at(WEST)];
        let (mut token_seen, mut last) = (String::new(), 0);
        let mut refused = 0;
        for step in 1..80 {
            let name = [EAST, WEST][roll(2) as usize];
            match roll(9) {
                0 => account.emulator.pause_replication(name).unwrap(),
                1 => account.emulator.replication_lag(name, Duration::from_secs(3)).unwrap(),
                2 => account.emulator.resume_replication(name).unwrap(),
                3 => account.emulator.fail_over(name).unwrap(),
                4 => {
                    let ids = json(&account.send("GET", "/dbs/d/colls/c/pkranges", &[], b""));
                    let ids = ids["PartitionKeyRanges"].as_array().unwrap().clone();
                    let id = |at: usize| ids[at]["id"].as_str().unwrap();
                    if ids.len() == 1 {
                        account.emulator.split("d", "c", id(0)).unwrap();
                    } else {
                        account.emulator.merge("d", "c", id(0), id(1)).unwrap();
                    }
                }
                5 => clock.advance(Duration::from_secs(2)),
                _ => {
                    let answer = upsert(&account, "1", step);
                    assert!(answer.status().is_success());
                    (token_seen, last) = (token(&answer), step);
                }
            }
            for region in regions.iter().filter(|_| last > 0) {
                match read(region, "1", &token_seen) {
                    ((200, 0), Some(seen)) => assert_eq!(seen, last, "seed {seed}, step {step}"),
                    (status, _) => {
                        assert_eq!(status, (404, 1002), "seed {seed}, step {step}");
                        refused += 1;
                    }
                }
            }
            let writer = account.emulator.inner.topology().write_region;
            if last > 0 {
                assert_eq!(read(&regions[writer], "1", &token_seen).1, Some(last));
            }
        }
        assert!(refused > 0, "seed {seed} lets something lag");
    }
}

#[test]
fn a_region_that_lags_keeps_the_place_of_a_change_feed() {
    let account = container(two_regions().build().unwrap(), &[], SIMPLE);
    account.emulator.pause_replication(WEST).unwrap();
    let (east, west) = (account.at(EAST), account.at(WEST));
    upsert(&east, "1", 1);
    let range = ("x-ms-documentdb-partitionkeyrangeid", "0");
    for mode in ["Incremental Feed", "Full-Fidelity Feed"] {
        let place = |sender: &Sender, from: &str| {
            let format = ("x-ms-cosmos-changefeed-wire-format-version", "2021-09-15");
            let headers = [range, ("a-im", mode), format, ("if-none-match", from)];
            header(&sender.send("GET", ITEMS, &headers, b""), "etag").unwrap().to_owned()
        };
        let reached = place(&east, "*");
        assert_eq!(place(&west, &reached), reached, "{mode}");
    }
}
