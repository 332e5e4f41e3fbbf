//! Permissions of a user.

use super::feed::Feed;
use super::user::{find as find_user, find_mut as find_user_mut};
use crate::emulator::auth::validity;
use crate::emulator::call::{Call, not_found};
use crate::emulator::charge::REFUSED;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Owner};
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::store::definition::read_id;
use crate::emulator::store::user::{Permission, User};
use crate::emulator::store::{Account, rid};
use crate::link::IdOf;
use crate::wire::header;

const WRITE_CHARGE: f64 = 4.95;

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let seconds = validity(call.request)?;
    let account = call.read();
    let user = find_user(call, &account)?;
    let feed = Feed {
        name: "Permissions",
        rid: rid::text(&user.rid),
        owner: Some(owner(call, &account, user)?),
        replica: account.replica(),
        charge: 2.0,
        quota: None,
        values: user.permissions.iter().map(|it| with_token(call, it, seconds)).collect(),
    };
    drop(account);
    feed.answer(call)
}

pub(crate) fn create(call: &Call<'_>) -> Result<Answer, Refusal> {
    validity(call.request)?;
    let mut account = call.write();
    let master = account.replica();
    find_user(call, &account)?;
    let body = read_body(call).map_err(|it| it.at(master.clone()))?;
    let id = body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let resource = resource(&body);
    let user = find_user_mut(call, &mut account)?;
    let same_id = user.permissions.iter().position(|it| it.id == id);
    let is_taken = user.permissions.iter().any(|it| it.id != id && it.resource == resource);
    let index = match same_id {
        Some(index) if call.request.is_set(&header::IS_UPSERT) && !is_taken => index,
        None if !is_taken => {
            user.permission_count += 1;
            let rid = rid::permission(user.rid, user.permission_count);
            user.permissions.push(Permission {
                id,
                rid,
                resource,
                etag: String::new(),
                properties: Object::new(),
            });
            user.permissions.len() - 1
        }
        _ => return Err(Refusal::resource_exists(REFUSED).at(master)),
    };
    let status = if same_id.is_some() { 200 } else { 201 };
    store(call, &mut account, index, &body, status)
}

pub(crate) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let user = find_user(call, &account)?;
    let permission = user.permissions.get(index(call, user)).ok_or_else(|| not_found(&account))?;
    let answer = answer(call, &account, user, permission, 200)?;
    Ok(Answer { charge: Some(2.0), ..answer })
}

pub(crate) fn replace(call: &Call<'_>) -> Result<Answer, Refusal> {
    validity(call.request)?;
    let mut account = call.write();
    let master = account.replica();
    let user = find_user(call, &account)?;
    let index = index(call, user);
    user.permissions.get(index).ok_or_else(|| not_found(&account))?;
    let body = read_body(call).map_err(|it| it.at(master.clone()))?;
    let (id, resource) = (body.get("id").and_then(Value::as_str), resource(&body));
    let mut others = user.permissions.iter().enumerate().filter(|it| it.0 != index);
    if others.any(|(_, it)| Some(it.id.as_str()) == id || it.resource == resource) {
        return Err(Refusal::resource_exists(REFUSED).at(master));
    }
    store(call, &mut account, index, &body, 200)
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let user = find_user(call, &account)?;
    let index = index(call, user);
    let permission = user.permissions.get(index).ok_or_else(|| not_found(&account))?;
    call.check_etag(&permission.etag).map_err(|it| it.at(account.replica()))?;
    let owner = owner(call, &account, user)?;
    find_user_mut(call, &mut account)?.permissions.remove(index);
    account.advance();
    Ok(Answer::new(204, account.replica(), WRITE_CHARGE).owner(owner))
}

/// Writes the permission at `index` anew.
fn store(
    call: &Call<'_>,
    account: &mut Account,
    index: usize,
    body: &Object,
    status: u16,
) -> Result<Answer, Refusal> {
    let missing = not_found(account);
    let existing = find_user(call, account)?.permissions.get(index).map(|it| it.etag.as_str());
    // A permission that is just being made has no version yet.
    if let Some(etag) = existing.filter(|it| !it.is_empty()) {
        call.check_etag(etag).map_err(|it| it.at(account.replica()))?;
    }
    account.advance();
    let etag = account.etag(call.now);
    let user = find_user_mut(call, account)?;
    let self_link = user.self_link.clone();
    let permission = user.permissions.get_mut(index).ok_or(missing.clone())?;
    let mut properties = Object::new();
    for name in ["id", "permissionMode", "resource", "resourcePartitionKey"] {
        if let Some(value) = body.get(name) {
            properties.insert(name, value.clone());
        }
    }
    properties.insert("_rid", permission.rid.as_str().into());
    properties.insert("_self", format!("{self_link}permissions/{}/", permission.rid).into());
    properties.insert("_etag", etag.as_str().into());
    properties.insert("_ts", call.now.into());
    permission.id = body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    permission.resource = resource(body);
    permission.etag = etag;
    permission.properties = properties;
    let user = find_user(call, account)?;
    let permission = user.permissions.get(index).ok_or(missing)?;
    answer(call, account, user, permission, status)
}

/// The place of the permission of the path, by its id or rid; past the end if there is none.
fn index(call: &Call<'_>, user: &User) -> usize {
    let id = call.request.segment(5);
    let by_id = user.permissions.iter().position(|it| it.id == id);
    by_id
        .or_else(|| user.permissions.iter().position(|it| it.rid == id))
        .unwrap_or(user.permissions.len())
}

fn read_body(call: &Call<'_>) -> Result<Object, Refusal> {
    let body = call.body()?;
    let object = body.as_object().ok_or_else(Refusal::bad_input)?;
    read_id(&body, IdOf::Container).map_err(|it| it.with_charge(REFUSED))?;
    let mode = body.get("permissionMode");
    let is_known = mode
        .as_str()
        .is_some_and(|it| it.eq_ignore_ascii_case("read") || it.eq_ignore_ascii_case("all"));
    if !is_known || body.get("resource").as_str().is_none() {
        return Err(Refusal::bad_input());
    }
    Ok(object.clone())
}

/// The link of the resource, without slashes at its ends.
fn resource(body: &Object) -> String {
    let link = body.get("resource").and_then(Value::as_str).unwrap_or_default();
    link.trim_matches('/').to_owned()
}

fn owner(call: &Call<'_>, account: &Account, user: &User) -> Result<Owner, Refusal> {
    let database = call.database(account)?.owner();
    Ok(Owner {
        path: format!("{}/users/{}", database.path, user.id),
        rid: rid::text(&user.rid),
        fill: None,
    })
}

fn answer(
    call: &Call<'_>,
    account: &Account,
    user: &User,
    permission: &Permission,
    status: u16,
) -> Result<Answer, Refusal> {
    let owner = owner(call, account, user)?;
    Ok(Answer::new(status, account.replica(), WRITE_CHARGE)
        .owner(owner)
        .etag(&permission.etag)
        .body(with_token(call, permission, validity(call.request)?).to_json()))
}

/// The permission as it is shown, each time with a new token, which is valid for so many seconds.
fn with_token(call: &Call<'_>, permission: &Permission, seconds: u64) -> Value {
    let mut properties = permission.properties.clone();
    let token = call.emulator.key.issue(&permission.rid, call.now, seconds);
    properties.insert("_token", token.into());
    properties.into()
}
