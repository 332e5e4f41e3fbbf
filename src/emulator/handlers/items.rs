//! A POST on items: create, upsert, query, query plan or batch, as the headers say.

use super::{batch, item, query};
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::wire::header;

pub(crate) fn post(call: &Call<'_>) -> Result<Answer, Refusal> {
    let request = call.request;
    if request.is_set(&header::IS_QUERY_PLAN_REQUEST) {
        query::plan(call)
    } else if request.is_query() {
        query::run(call)
    } else if request.is_set(&header::IS_BATCH_REQUEST) {
        batch::run(call)
    } else {
        item::create(call)
    }
}
