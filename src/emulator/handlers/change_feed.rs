//! A GET on items: the list of them, or what changed since a position, latest versions alone.

use super::change_page::{Page, Position};
use super::query;
use super::scope::Scope;
use super::versions;
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::store::item::Item;
use crate::wire::header;

pub(crate) fn list_or_changes(call: &Call<'_>) -> Result<Answer, Refusal> {
    match call.request.header(&header::A_IM) {
        None => query::list(call),
        Some(mode) if mode.eq_ignore_ascii_case("incremental feed") => changes(call),
        Some(mode) if mode.eq_ignore_ascii_case("full-fidelity feed") => versions::changes(call),
        Some(mode) => {
            Err(Refusal::gateway(400, format!("The change feed mode '{mode}' is not supported.")))
        }
    }
}

fn changes(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut page = Page::new(call)?;
    let account = call.read();
    let container = call.data(&account)?;
    let scope = Scope::read(call, container)?;
    let position = Position::read(call)?;
    for partition in scope.partitions(container) {
        call.check_session(partition)?;
        let start = position.start(partition);
        let is_wanted = |it: &Item| {
            let default_ttl = container.rules.definition.default_ttl;
            position.admits(it) && scope.admits(it) && !it.is_expired(default_ttl, call.now)
        };
        let items = partition.changes_after(start).filter(|it| is_wanted(it));
        page.take(partition, start, items);
    }
    let (rid, owner) = (container.rules.rid.text(), container.owner());
    drop(account);
    let structured = call.request.header(&header::CHANGE_FEED_WIRE_FORMAT).is_some();
    page.answer(&rid, owner, |it| shown(it, structured))
}

fn shown(item: &Item, structured: bool) -> Value {
    if structured {
        let metadata =
            Object::from_iter([("lsn", Value::from(item.lsn)), ("crts", item.timestamp.into())]);
        return Object::from_iter([("current", item.value.clone()), ("metadata", metadata.into())])
            .into();
    }
    let mut object = item.value.as_object().cloned().unwrap_or_default();
    object.insert("_lsn", item.lsn.into());
    object.into()
}
