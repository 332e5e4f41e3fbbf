//! What scripts can do with the items of their partition key.

use std::time::SystemTime;

use super::super::query::inside::{Inside, Rows};
use crate::emulator::charge;
use crate::emulator::refusal::Refusal;
use crate::emulator::scripts::{Host, StoredFunctions};
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::store::transaction::{Target, Transaction};
use crate::emulator::store::write::{Verb, read_directive};
use crate::wire::sub_status;

/// The items of a partition key as a script sees them.
pub(super) struct PartitionHost {
    pub(super) transaction: Transaction,
    functions: StoredFunctions,
    now: SystemTime,
}

impl PartitionHost {
    pub(super) fn new(
        transaction: Transaction,
        functions: StoredFunctions,
        now: SystemTime,
    ) -> Self {
        Self { transaction, functions, now }
    }

    fn perform(&mut self, operation: &str, arguments: &Value) -> Result<Object, Refusal> {
        let id = text(arguments, "id").unwrap_or_default();
        let etag = text(arguments, "etag").filter(|it| !it.is_empty());
        let body = || {
            let text = arguments.get("body");
            let body = Value::from_json(text.as_str().unwrap_or_default().as_bytes());
            body.map_err(|_| Refusal::bad_payload())
        };
        let verb = match operation {
            "create" => Verb::Create(body()?),
            "upsert" => Verb::Upsert(body()?),
            "replace" => Verb::Replace(body()?),
            "delete" => Verb::Delete,
            "read" => Verb::Read,
            _ => return self.query(arguments),
        };
        let (if_match, if_none_match) =
            if operation == "read" { (None, etag) } else { (etag, None) };
        let is_indexed = text(arguments, "indexAction").as_deref().and_then(read_directive);
        let target = Target { verb, id, if_match, if_none_match, is_indexed };
        let done = self.transaction.apply(target).map_err(of_other_key)?;
        let mut reply = Object::new();
        reply.insert("status", u64::from(done.status).into());
        if let Some(item) = done.item.filter(|_| done.status != 304) {
            reply.insert("document", item.value.clone());
        }
        Ok(reply)
    }

    fn query(&mut self, arguments: &Value) -> Result<Object, Refusal> {
        let inside =
            Inside { rules: self.transaction.rules(), functions: &self.functions, now: self.now };
        // A list needs no index.
        let scans = arguments.get("query").is_undefined()
            || arguments.get("enableScan").as_bool() == Some(true);
        let Rows { rows, continuation, charge } =
            inside.read(arguments, self.transaction.items().filter(|it| scans || it.is_indexed))?;
        self.transaction.charge += charge;
        let mut reply = Object::new();
        reply.insert("status", 200_u64.into());
        reply.insert("documents", Value::array(rows));
        if let Some(token) = continuation {
            reply.insert("continuation", token.into());
        }
        Ok(reply)
    }
}

impl Host for PartitionHost {
    fn carry_out(&mut self, operation: &str, arguments: &Value) -> Value {
        match self.perform(operation, arguments) {
            Ok(reply) => reply.into(),
            Err(refusal) => {
                let error = Object::from_iter([
                    ("number", Value::from(u64::from(refusal.status()))),
                    ("body", refusal.as_script_error().into()),
                ]);
                Object::from_iter([("error", Value::from(error))]).into()
            }
        }
    }
}

/// A script cannot leave its partition key, which is not said in the words that clients are told.
fn of_other_key(refusal: Refusal) -> Refusal {
    if refusal.sub_status() != sub_status::PARTITION_KEY_MISMATCH {
        return refusal;
    }
    Refusal::replica(
        400,
        charge::REFUSED,
        "Requests originating from scripts cannot reference partition keys other than the one for which client request was submitted.",
    )
}

fn text(arguments: &Value, name: &str) -> Option<String> {
    arguments.get(name).as_str().map(str::to_owned)
}
