//! Where a script runs: the items of a partition key, and what is known of the request.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::host::PartitionHost;
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{ITEM_QUOTA, Owner, Replica};
use crate::emulator::scripts::{Bodies, Limits, Session, StoredFunctions};
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::store::container::Rules;
use crate::emulator::store::partition::{Partition, Stamp};
use crate::emulator::store::script::Script;
use crate::emulator::store::transaction::{Target, Transaction};
use crate::emulator::store::write::Done;
use crate::emulator::{Inner, date};
use crate::link::encode_path;
use crate::partition_key::PartitionKey;
use crate::routing::epk::Epk;
use crate::wire::header;

/// The longest body of a request or response that a script may make, in UTF-16 units.
const MAX_BODY: u64 = 4 * 1024 * 1024;
/// The longest text that a script may log, in UTF-16 units; its escaped form has to pass as a header.
const MAX_LOG: u64 = 4096;

/// What scripts act on, for one attempt.
pub(super) struct Stage {
    host: Rc<RefCell<PartitionHost>>,
    pub(super) epk: Epk,
    /// The partition as it was in the beginning.
    pub(super) replica: Replica,
    /// What every script is told.
    setup: Object,
    occasion: Occasion,
}

/// On what occasion a script runs.
#[derive(Clone)]
pub(super) struct Occasion {
    /// When it began, and how long its scripts may run in all.
    start: Instant,
    timeout: Duration,
    /// The account's time, in two forms.
    now: SystemTime,
    pub(super) seconds: u64,
    /// The headers of the request, if there is one.
    headers: Value,
    is_logging: bool,
}

/// One script and what it is told.
pub(super) struct Part<'a> {
    pub(super) script: &'a Script,
    /// `procedure`, `pre` or `post`
    pub(super) role: &'static str,
    /// What a trigger is about: `Create`.
    pub(super) operation: Option<&'static str>,
    pub(super) arguments: Value,
    pub(super) request: Value,
    pub(super) response: Value,
}

/// What a script answered and logged.
pub(super) struct Performed {
    pub(super) bodies: Bodies,
    pub(super) log: String,
}

impl Occasion {
    /// A request.
    pub(super) fn of(call: &Call<'_>) -> Self {
        let is_logging = call.request.is_set(&header::SCRIPT_ENABLE_LOGGING);
        Self { headers: headers(call), is_logging, ..Self::without_request(call.emulator) }
    }

    /// The account's own business.
    pub(super) fn without_request(emulator: &Inner) -> Self {
        let now = emulator.now();
        Self {
            start: Instant::now(),
            timeout: emulator.script_timeout,
            now,
            seconds: date::unix_seconds(now),
            headers: Object::new().into(),
            is_logging: false,
        }
    }

    fn time_left(&self) -> Duration {
        self.timeout.saturating_sub(self.start.elapsed())
    }
}

impl Stage {
    pub(super) fn new(
        occasion: &Occasion,
        (partition, owner): (&Partition, Owner),
        (rules, key): (Arc<Rules>, PartitionKey),
        functions: &[Script],
    ) -> Self {
        let epk = rules.epk(&key);
        let transaction = Transaction::begin(&rules, partition, key, occasion.seconds);
        let usage = owner.fill.map(|it| it.to_string()).unwrap_or_default();
        let setup = Object::from_iter([
            ("selfLink", Value::from(rules.self_link.as_str())),
            ("altLink", owner.path.into()),
            ("headers", occasion.headers.clone()),
            ("isLogging", occasion.is_logging.into()),
            ("usage", usage.into()),
            ("quota", ITEM_QUOTA.into()),
            ("maxBody", MAX_BODY.into()),
            ("maxLog", MAX_LOG.into()),
        ]);
        let functions = StoredFunctions::new(functions, Limits::of(occasion.timeout));
        let host = PartitionHost::new(transaction, functions, occasion.now);
        let host = Rc::new(RefCell::new(host));
        Self { host, epk, replica: partition.replica(), setup, occasion: occasion.clone() }
    }

    /// Runs a script to its end. What it logged is in the answer also if it fails.
    pub(super) fn perform(&self, part: Part<'_>) -> Result<Performed, Refusal> {
        let Part { script, role, operation, arguments, request, response } = part;
        let mut setup = self.setup.clone();
        setup.insert("role", role.into());
        setup.insert("operation", operation.map_or(Value::Null, Value::from));
        setup.insert("requestBody", request);
        setup.insert("responseBody", response);
        let body = script.value.get("body");
        let session = Session {
            id: &script.id,
            body: body.as_str().unwrap_or_default(),
            setup,
            arguments: &arguments,
        };
        let limits = Limits::of(self.occasion.time_left());
        let ended = session.run(&self.host, limits);
        match ended.outcome {
            Ok(bodies) => Ok(Performed { bodies, log: ended.log }),
            Err(failure) => {
                let refusal = Refusal::script(failure, &script.id, self.charge());
                Err(match log_header(&ended.log) {
                    Some(log) => refusal.with_header(header::SCRIPT_LOG_RESULTS, log),
                    None => refusal,
                })
            }
        }
    }

    /// Reads or writes an item.
    pub(super) fn apply(&self, target: Target) -> Result<Done, Refusal> {
        self.host.borrow_mut().transaction.apply(target)
    }

    /// The item with this id or rid; undefined if there is none.
    pub(super) fn item(&self, id: &str) -> Value {
        let host = self.host.borrow();
        host.transaction.find(id).map(|it| it.value.clone()).unwrap_or_default()
    }

    /// The item with this rid and its number, if it is there.
    pub(super) fn current(&self, rid: &str) -> Option<(u64, Value)> {
        self.host.borrow().transaction.find(rid).map(|it| (it.number, it.value.clone()))
    }

    /// Stores what was written; false if somebody else has written in between.
    pub(super) fn commit(&self, partition: &mut Partition, stamp: Stamp) -> bool {
        self.host.borrow_mut().transaction.commit(partition, stamp).is_ok()
    }

    /// What all operations cost so far.
    pub(super) fn charge(&self) -> f64 {
        self.host.borrow().transaction.charge
    }
}

/// What was logged as a header has it; `None` if it was nothing.
pub(super) fn log_header(log: &str) -> Option<String> {
    if log.is_empty() {
        return None;
    }
    let mut out = String::new();
    encode_path(log, &mut out);
    Some(out.replace('/', "%2F"))
}

/// The headers that scripts may read: all but the credentials.
fn headers(call: &Call<'_>) -> Value {
    let headers = call.request.headers.iter();
    headers
        .filter(|(name, _)| **name != http::header::AUTHORIZATION)
        .filter_map(|(name, value)| Some((name.as_str(), Value::from(value.to_str().ok()?))))
        .collect::<Object>()
        .into()
}
