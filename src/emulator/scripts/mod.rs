//! A JavaScript engine for the scripts of a container, within bounds of memory, stack and time.
//!
//! [`udf`] calls user-defined functions, which see nothing but their arguments. [`session`] runs a stored procedure or
//! a trigger with the server-side API around it, which is written in JavaScript (`api/`) over a [`Host`] that carries
//! out what a script asks for. Nothing here knows where items are kept.

mod failure;
mod session;
mod udf;

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::context::EvalOptions;
use rquickjs::convert::Coerced;
use rquickjs::function::{Args, Function};
use rquickjs::{Context, Ctx, Error, Persistent, Runtime, Value as Script};

pub(crate) use self::failure::Failure;
pub(crate) use self::session::{Bodies, Host, Session, check};
pub(crate) use self::udf::StoredFunctions;
use crate::emulator::sql::value::{Number, Value};

/// What scripts may use up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of the engine's heap.
    pub(crate) memory: usize,
    /// Bytes of the thread's stack, beyond what is in use when a script is called.
    pub(crate) stack: usize,
    /// For all calls together.
    pub(crate) time: Duration,
    /// After this time no operation is accepted any more, so that a script can end in good order.
    pub(crate) last_call: Duration,
}

impl Limits {
    /// Limits with this much time.
    pub(crate) fn of(time: Duration) -> Self {
        Self { memory: 32 << 20, stack: 512 << 10, time, last_call: time / 5 * 4 }
    }
}

/// One engine with one global object. It belongs to the thread that made it.
struct Engine {
    /// Compiled functions by name. They stand before the context, since they have to be dropped before it.
    functions: HashMap<String, Persistent<Function<'static>>>,
    context: Context,
    /// When the script that runs is stopped; none is without end.
    deadline: Rc<Cell<Option<Instant>>>,
    time_left: Duration,
}

impl Engine {
    fn new(limits: Limits) -> Result<Self, String> {
        let deadline = Rc::new(Cell::new(None));
        let context = context(limits, Rc::clone(&deadline)).map_err(|it| it.to_string())?;
        Ok(Self { functions: HashMap::new(), context, deadline, time_left: limits.time })
    }

    /// Calls a function, or says what it threw. The body is compiled when the name is called first.
    fn call(&mut self, name: &str, body: &str, args: &[Value]) -> Result<Value, String> {
        let start = Instant::now();
        self.deadline.set(start.checked_add(self.time_left));
        let functions = &mut self.functions;
        let result = self.context.with(|ctx| {
            let function = match functions.get(name) {
                Some(function) => function.clone().restore(&ctx),
                None => compile(&ctx, name, body).inspect(|it| {
                    functions.insert(name.to_owned(), Persistent::save(&ctx, it.clone()));
                }),
            };
            let result = function.and_then(|it| apply(&ctx, &it, args));
            result.map_err(|it| thrown(&ctx, &it, name).text()).and_then(|it| read(&it))
        });
        self.time_left = self.time_left.saturating_sub(start.elapsed());
        result
    }
}

fn context(limits: Limits, deadline: Rc<Cell<Option<Instant>>>) -> Result<Context, Error> {
    let runtime = Runtime::new()?;
    runtime.set_memory_limit(limits.memory);
    runtime.set_max_stack_size(limits.stack);
    let is_over = move || deadline.get().is_some_and(|it| Instant::now() >= it);
    runtime.set_interrupt_handler(Some(Box::new(is_over)));
    Context::full(&runtime)
}

/// The function that a body is. On lines of its own a comment at its end does no harm; nor does a semicolon.
fn compile<'js>(ctx: &Ctx<'js>, id: &str, body: &str) -> Result<Function<'js>, Error> {
    let body = body.trim().trim_end_matches(';');
    ctx.eval_with_options(format!("(\n{body}\n)"), file(id))
}

/// Names the source in stacks. Scripts are not strict, unless they say so.
fn file(name: &str) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.replace('\0', ""));
    options
}

/// What a function returns.
enum Returned {
    Value(Value),
    Json(String),
}

fn apply<'js>(ctx: &Ctx<'js>, function: &Function<'js>, args: &[Value]) -> Result<Returned, Error> {
    let mut list = Args::new(ctx.clone(), args.len());
    for arg in args {
        list.push_arg(write(ctx, arg)?)?;
    }
    let returned: Script<'js> = list.apply(function)?;
    if let Some(number) = returned.as_number().filter(|it| it.is_finite()) {
        return Ok(Returned::Value(Value::Number(Number::from(number))));
    }
    // JSON knows what becomes of dates, of numbers that are none, and of undefined inside of arrays.
    match ctx.json_stringify(returned)? {
        Some(json) => Ok(Returned::Json(json.to_string()?)),
        None => Ok(Returned::Value(Value::Undefined)),
    }
}

/// A value as scripts see it. Members go by JSON, which makes even `__proto__` one as any other.
fn write<'js>(ctx: &Ctx<'js>, value: &Value) -> Result<Script<'js>, Error> {
    match value {
        Value::Undefined => Ok(Script::new_undefined(ctx.clone())),
        Value::Number(number) => Ok(Script::new_number(ctx.clone(), number.as_f64())),
        other => ctx.json_parse(other.to_json()),
    }
}

fn read(returned: &Returned) -> Result<Value, String> {
    match returned {
        Returned::Value(value) => Ok(value.clone()),
        Returned::Json(json) => Value::from_json(json.as_bytes())
            .map_err(|_| "RangeError: the returned value is nested too deeply".to_owned()),
    }
}

/// What was thrown, and where in the script with this id.
fn thrown(ctx: &Ctx<'_>, error: &Error, id: &str) -> Failure {
    if !error.is_exception() {
        return Failure::exception(error.to_string());
    }
    let thrown = ctx.catch();
    // What the script left behind may be all the memory there is, and words take some.
    ctx.run_gc();
    let text = match in_words(ctx, &thrown) {
        // Where there is no memory for an exception, there is none.
        _ if thrown.is_null() => return Failure::Memory,
        Some(text) if thrown.is_error() && text == OUT_OF_MEMORY => return Failure::Memory,
        text => text.unwrap_or_else(|| "an exception without a text".to_owned()),
    };
    let object = thrown.as_object();
    let number = object.and_then(|it| it.get::<_, f64>("number").ok());
    let stack = object.and_then(|it| it.get::<_, String>("stack").ok()).unwrap_or_default();
    // Reading these may have run the script again, and thrown.
    drop(ctx.catch());
    let own = format!("({id}:");
    let lines: Vec<&str> = stack.lines().filter(|it| it.contains(&own)).collect();
    let number = number.filter(|it| *it >= 1.0 && *it <= f64::from(u32::MAX));
    Failure::Exception { text, stack: lines.join("\n"), number: number.map(|it| it as u32) }
}

const OUT_OF_MEMORY: &str = "InternalError: out of memory";

/// A value as a text, which may run the script again, and throw.
fn in_words(ctx: &Ctx<'_>, value: &Script<'_>) -> Option<String> {
    let text = value.get::<Coerced<String>>();
    if text.is_err() {
        drop(ctx.catch());
    }
    text.ok().map(|it| it.0)
}

#[cfg(test)]
mod tests;
