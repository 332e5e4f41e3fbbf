//! Conflicts. An account that takes writes in one region has none.

use super::feed::Feed;
use super::item::at_first;
use crate::emulator::call::Call;
use crate::emulator::charge::REFUSED;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let container = call.container(&account)?;
    let partition = container.first().ok_or_else(Refusal::range_gone)?;
    let feed = Feed {
        name: "Conflicts",
        rid: container.rules.rid.text(),
        owner: Some(container.rules.owner.clone()),
        replica: partition.replica(),
        charge: 1.0,
        quota: Some(("conflicts=0;", "conflicts=0;".to_owned())),
        values: Vec::new(),
    };
    drop(account);
    feed.answer(call)
}

/// Conflicts are not made by clients, so that a POST can only be a query.
pub(crate) fn query(call: &Call<'_>) -> Result<Answer, Refusal> {
    if call.request.is_query() {
        list(call)
    } else {
        Err(Refusal::method_not_allowed(call.request))
    }
}

pub(crate) fn missing(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let container = call.container(&account)?;
    Err(at_first(Refusal::item_not_found(REFUSED), container))
}
