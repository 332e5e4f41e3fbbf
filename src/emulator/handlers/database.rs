//! Databases.

use super::feed::Feed;
use crate::emulator::call::{Call, not_found};
use crate::emulator::charge::REFUSED;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Replica};
use crate::emulator::store::definition::read_id;
use crate::emulator::store::log::Log;
use crate::emulator::store::offer::Throughput;
use crate::emulator::store::{Account, Database, rid};
use crate::link::IdOf;
use crate::wire::header;

const QUOTA: &str = "databases=1000;";
const READ_CHARGE: f64 = 2.0;

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let feed = Feed {
        name: "Databases",
        rid: String::new(),
        owner: None,
        replica: account.replica(),
        charge: READ_CHARGE,
        quota: None,
        values: account.databases.iter().map(Database::to_value).collect(),
    };
    drop(account);
    feed.answer(call)
}

pub(crate) fn create(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let master = account.replica();
    let refuse = |it: Refusal| it.at(master.clone());
    let body = call.body().map_err(refuse)?;
    let id = read_id(&body, IdOf::Database).map_err(refuse)?;
    let throughput = Throughput::of_request(call.request).map_err(refuse)?;
    if account.databases.iter().any(|it| it.id == id) {
        return Err(refuse(Refusal::resource_exists(REFUSED)));
    }
    let shared = throughput.as_ref().map(|_| shared_logs(call));
    let first = shared.as_ref().and_then(|it| it.first().map(Log::lsn));
    let database = account.create_database(id, shared, call.now);
    let (value, etag) = (database.to_value(), database.etag().to_owned());
    let resource = (database.self_link(), rid::text(&database.rid));
    if let Some(throughput) = throughput {
        account.create_offer(resource, throughput, call.now);
    }
    let replica = match first {
        Some(lsn) => Replica { session_token: format!("0:-1#{lsn}"), lsn, range_id: None },
        None => account.replica(),
    };
    let usage = usage(&account);
    drop(account);
    Ok(Answer::new(201, replica, 1.0).etag(&etag).quota(QUOTA, usage).body(value.to_json()))
}

/// The partitions of a database with throughput. Making the database is the first step of each.
fn shared_logs(call: &Call<'_>) -> Vec<Log> {
    let logs: Vec<Log> = (0..call.emulator.partitions.unwrap_or(1))
        .map(|_| Log::new(&call.request.topology))
        .collect();
    for log in &logs {
        log.advance();
    }
    logs
}

pub(crate) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let database = call.database(&account)?;
    let answer = Answer::new(200, account.replica(), READ_CHARGE)
        .etag(database.etag())
        .header(header::ITEM_LSN, database.lsn)
        .quota(QUOTA, usage(&account))
        .body(database.to_value().to_json());
    Ok(answer)
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let index = account.database_index(call.request.segment(1));
    let index = index.ok_or_else(|| not_found(&account))?;
    let etag = account.databases.get(index).map_or("", Database::etag);
    call.check_etag(etag).map_err(|it| it.at(account.replica()))?;
    account.remove_database(index);
    Ok(Answer::new(204, account.replica(), 4.95).quota(QUOTA, usage(&account)))
}

fn usage(account: &Account) -> String {
    format!("databases={};", account.databases.len())
}
