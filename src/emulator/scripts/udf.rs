//! The user-defined functions of a container, as queries call them.

use std::cell::RefCell;

use super::{Engine, Limits};
use crate::emulator::sql::environment::{NoUserFunctions, UserFunctions};
use crate::emulator::sql::error::SqlError;
use crate::emulator::sql::value::Value;
use crate::emulator::store::script::Script;

/// The stored functions of a container, for one execution of a query.
pub(crate) struct StoredFunctions {
    /// Id and body.
    functions: Vec<(String, Value)>,
    limits: Limits,
    /// Made for the first call, since most queries have none.
    engine: RefCell<Option<Engine>>,
}

impl StoredFunctions {
    pub(crate) fn new(scripts: &[Script], limits: Limits) -> Self {
        let functions = scripts.iter().map(|it| (it.id.clone(), it.value.get("body"))).collect();
        Self { functions, limits, engine: RefCell::new(None) }
    }

    fn run(&self, name: &str, body: &str, args: &[Value]) -> Result<Value, String> {
        // Scripts cannot run queries, so that nothing borrows the engine twice.
        let mut engine = self.engine.borrow_mut();
        match &mut *engine {
            Some(engine) => engine.call(name, body, args),
            none => none.insert(Engine::new(self.limits)?).call(name, body, args),
        }
    }
}

impl UserFunctions for StoredFunctions {
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, SqlError> {
        let Some((_, body)) = self.functions.iter().find(|(id, _)| id == name) else {
            return NoUserFunctions.call(name, args);
        };
        self.run(name, body.as_str().unwrap_or_default(), args).map_err(|exception| {
            SqlError::Refused(format!(
                "Encountered exception while executing Javascript. Exception = {exception}"
            ))
        })
    }

    fn has_run(&self) -> bool {
        self.engine.borrow().is_some()
    }
}
