//! Users of a database.

use super::feed::Feed;
use crate::emulator::call::{Call, not_found};
use crate::emulator::charge::REFUSED;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::store::definition::read_id;
use crate::emulator::store::user::User;
use crate::emulator::store::{Account, Database, rid};
use crate::link::IdOf;
use crate::wire::header;

const QUOTA: &str = "users=500000;";
const WRITE_CHARGE: f64 = 4.95;

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let database = call.database(&account)?;
    let feed = Feed {
        name: "Users",
        rid: database.owner().rid,
        owner: Some(database.owner()),
        replica: account.replica(),
        charge: 2.0,
        quota: Some((QUOTA, format!("users={};", database.users.len()))),
        values: database.users.iter().map(User::to_value).collect(),
    };
    drop(account);
    feed.answer(call)
}

pub(crate) fn create(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let master = account.replica();
    let refuse = |it: Refusal| it.at(master.clone());
    call.database(&account)?;
    let id = read_id(&call.body().map_err(refuse)?, IdOf::Container).map_err(refuse)?;
    let database = database_mut(call, &mut account)?;
    if let Some(index) = database.users.iter().position(|it| it.id == id) {
        if call.request.is_set(&header::IS_UPSERT) {
            return rename(call, &mut account, index, id);
        }
        return Err(refuse(Refusal::resource_exists(REFUSED)));
    }
    let rid = database.next_user_rid();
    let self_link = format!("{}users/{}/", database.self_link(), rid::text(&rid));
    account.advance();
    let user = User {
        id,
        rid,
        self_link,
        permissions: Vec::new(),
        permission_count: 0,
        etag: account.etag(call.now),
        timestamp: call.now,
    };
    database_mut(call, &mut account)?.users.push(user.clone());
    answer(call, &account, 201, &user)
}

pub(crate) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let user = find(call, &account)?;
    answer(call, &account, 200, user).map(|it| Answer { charge: Some(2.0), ..it })
}

pub(crate) fn replace(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let master = account.replica();
    find(call, &account)?;
    let body = call.body().map_err(|it| it.at(master.clone()))?;
    let id = read_id(&body, IdOf::Container).map_err(|it| it.at(master.clone()))?;
    let database = call.database(&account)?;
    let index = database.user_index(call.request.segment(3)).unwrap_or_default();
    if database.users.iter().enumerate().any(|(other, it)| other != index && it.id == id) {
        return Err(Refusal::resource_exists(REFUSED).at(master));
    }
    rename(call, &mut account, index, id)
}

/// Writes a user anew; all that a user has is a name.
fn rename(
    call: &Call<'_>,
    account: &mut Account,
    index: usize,
    id: String,
) -> Result<Answer, Refusal> {
    let missing = not_found(account);
    let existing = call.database(account)?.users.get(index).ok_or_else(|| missing.clone())?;
    call.check_etag(&existing.etag).map_err(|it| it.at(account.replica()))?;
    account.advance();
    let etag = account.etag(call.now);
    let user = database_mut(call, account)?.users.get_mut(index).ok_or(missing)?;
    user.id = id;
    user.etag = etag;
    user.timestamp = call.now;
    let user = user.clone();
    answer(call, account, 200, &user)
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let user = find(call, &account)?;
    call.check_etag(&user.etag).map_err(|it| it.at(account.replica()))?;
    let rid = user.rid;
    let database = database_mut(call, &mut account)?;
    database.users.retain(|it| it.rid != rid);
    let owner = database.owner();
    account.advance();
    Ok(Answer::new(204, account.replica(), WRITE_CHARGE).owner(owner))
}

/// The user of the path.
pub(crate) fn find<'a>(call: &Call<'_>, account: &'a Account) -> Result<&'a User, Refusal> {
    let database = call.database(account)?;
    let index = database.user_index(call.request.segment(3));
    index.and_then(|it| database.users.get(it)).ok_or_else(|| not_found(account))
}

/// The user of the path, to write to.
pub(crate) fn find_mut<'a>(
    call: &Call<'_>,
    account: &'a mut Account,
) -> Result<&'a mut User, Refusal> {
    let missing = not_found(account);
    let database = database_mut(call, account)?;
    let index = database.user_index(call.request.segment(3));
    index.and_then(|it| database.users.get_mut(it)).ok_or(missing)
}

fn database_mut<'a>(
    call: &Call<'_>,
    account: &'a mut Account,
) -> Result<&'a mut Database, Refusal> {
    let missing = not_found(account);
    account.database_mut(call.request.segment(1)).ok_or(missing)
}

fn answer(call: &Call<'_>, account: &Account, status: u16, user: &User) -> Result<Answer, Refusal> {
    let owner = call.database(account)?.owner();
    Ok(Answer::new(status, account.replica(), WRITE_CHARGE)
        .owner(owner)
        .etag(&user.etag)
        .body(user.to_value().to_json()))
}
