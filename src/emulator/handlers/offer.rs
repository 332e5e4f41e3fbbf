//! Offers: read and change throughput.

use std::time::Duration;

use super::feed::Feed;
use crate::emulator::call::{Call, not_found};
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::Value;
use crate::emulator::store::Account;
use crate::emulator::store::container::Cut;
use crate::emulator::store::offer::{Offer, Scale, bad_throughput, read_auto, unsigned};
use crate::wire::header;

/// What a container starts with when the service picks the scale.
const FIRST_MAXIMUM: u64 = 4_000;
/// How long a change is under way that takes more partitions. The service takes hours.
const GROWING: Duration = Duration::from_secs(1);

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let feed = Feed {
        name: "Offers",
        rid: String::new(),
        owner: None,
        replica: account.replica(),
        charge: 2.0,
        quota: None,
        values: account.offers.iter().map(Offer::to_value).collect(),
    };
    drop(account);
    feed.answer(call)
}

pub(crate) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let offer = &account.offers[index(call, &account)?];
    Ok(answer(call, &account, offer))
}

pub(crate) fn replace(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let master = account.replica();
    let refuse = |it: Refusal| it.at(master.clone());
    let index = index(call, &account)?;
    let body = call.body().map_err(refuse)?;
    let old = account.offers[index].clone();
    call.check_etag(&old.etag).map_err(refuse)?;
    check_identity(&body, &old).map_err(refuse)?;
    let content = body.get("content");
    let scale = wanted_scale(call, &content, old.throughput.kind).map_err(refuse)?;
    let mut throughput = old.throughput.changed(scale).map_err(refuse)?;
    if let Some(on) = content.get("offerIsRUPerMinuteThroughputEnabled").as_bool() {
        throughput.is_per_minute = on;
    }
    if is_pending(call, &old) {
        let text = "Another change of the throughput is under way. Try again when it is done.";
        return Err(refuse(Refusal::replica(423, 0.0, text)));
    }
    let partitions = throughput.partitions();
    let has_grown = grow(call, &mut account, &old.resource_rid, partitions);
    account.advance();
    let etag = account.etag(call.now);
    let offer = &mut account.offers[index];
    offer.throughput = throughput;
    offer.etag = etag;
    offer.timestamp = call.now;
    if has_grown {
        offer.pending_until = call.emulator.monotonic() + GROWING;
    }
    let offer = &account.offers[index];
    Ok(answer(call, &account, offer))
}

/// What an offer is and whose it is cannot be changed.
fn check_identity(body: &Value, offer: &Offer) -> Result<(), Refusal> {
    let own = offer.to_value();
    let names = ["id", "_rid", "resource", "offerResourceId"];
    let same = names.iter().all(|it| body.get(it).is_undefined() || body.get(it) == own.get(it));
    if same { Ok(()) } else { Err(Refusal::bad_input()) }
}

fn is_pending(call: &Call<'_>, offer: &Offer) -> bool {
    offer.pending_until > call.emulator.monotonic()
}

/// The index of the offer in the path; it stays right while the account is locked.
fn index(call: &Call<'_>, account: &Account) -> Result<usize, Refusal> {
    let rid = call.request.segment(1);
    account.offers.iter().position(|it| it.rid == rid).ok_or_else(|| not_found(account))
}

fn answer(call: &Call<'_>, account: &Account, offer: &Offer) -> Answer {
    Answer::new(200, account.replica(), 2.0)
        .etag(&offer.etag)
        .header(header::MIN_THROUGHPUT, offer.throughput.least())
        .header(header::OFFER_REPLACE_PENDING, is_pending(call, offer))
        .body(offer.to_value().to_json())
}

/// The scale that a replace asks for. Going from one kind to the other takes a header of its own.
fn wanted_scale(call: &Call<'_>, content: &Value, old: Scale) -> Result<Scale, Refusal> {
    let units = content.get("offerThroughput");
    let settings = content.get("offerAutopilotSettings");
    let to_auto = call.request.is_set(&header::MIGRATE_TO_AUTOPILOT);
    let to_manual = call.request.is_set(&header::MIGRATE_TO_MANUAL);
    match old {
        Scale::Manual(units) if to_auto => {
            let maximum = units.div_ceil(1000).max(FIRST_MAXIMUM / 1000) * 1000;
            Ok(Scale::Auto { maximum, increment_percent: 0 })
        }
        Scale::Auto { maximum, .. } if to_manual => Ok(Scale::Manual(maximum.max(400))),
        Scale::Auto { .. } => read_auto(&settings),
        Scale::Manual(_) if settings.as_object().is_some() => Err(bad_throughput(
            "The offer has manual throughput. Send x-ms-cosmos-migrate-offer-to-autopilot to change that.",
        )),
        Scale::Manual(_) => unsigned(&units)
            .map(Scale::Manual)
            .ok_or_else(|| bad_throughput("The offer lacks a valid offerThroughput.")),
    }
}

/// More throughput than the partitions can serve splits them: the service does so in its own time, the emulator at
/// once. Whether that was so.
fn grow(call: &Call<'_>, account: &mut Account, resource_rid: &str, partitions: usize) -> bool {
    if call.emulator.partitions.is_some() {
        return false;
    }
    let containers = account.databases.iter_mut().flat_map(|it| &mut it.containers);
    let container = containers.into_iter().find(|it| it.rules.rid.text() == resource_rid);
    let Some(container) = container else { return false };
    let before = container.partitions.len();
    while container.partitions.len() < partitions {
        let widest = container.partitions.iter().max_by_key(|it| it.span.1 - it.span.0);
        let Some(id) = widest.map(|it| it.id.clone()) else { break };
        if container.split(&id, Cut::Middle, call.now).is_none() {
            break;
        }
    }
    container.partitions.len() > before
}
