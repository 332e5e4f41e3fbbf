//! What takes a JavaScript engine, in an emulator without one: refused, and the reason said.

pub(crate) mod procedure {
    use super::refused;
    use crate::emulator::call::Call;
    use crate::emulator::refusal::Refusal;
    use crate::emulator::response::Answer;

    pub(crate) fn execute(_: &Call<'_>) -> Result<Answer, Refusal> {
        Err(refused("Stored procedures are"))
    }
}

pub(crate) mod resolver {
    use crate::emulator::Inner;

    /// What a procedure would settle stays in the feed.
    pub(crate) fn resolve(_: &Inner) -> bool {
        false
    }
}

pub(crate) mod trigger {
    use super::refused;
    use crate::emulator::call::Call;
    use crate::emulator::refusal::Refusal;
    use crate::emulator::response::Answer;
    use crate::emulator::sql::value::Value;
    use crate::emulator::store::write::Verb;

    pub(crate) fn write(
        _: &Call<'_>,
        _: &'static str,
        _: &Result<Value, Refusal>,
        _: impl Fn(Value) -> Result<Verb, Refusal>,
    ) -> Result<Answer, Refusal> {
        Err(refused("Triggers are"))
    }
}

use super::super::refusal::Refusal;

fn refused(what: &str) -> Refusal {
    let text = format!("{what} run by emulators with the feature `scripts` only.");
    Refusal::gateway(400, text)
}
