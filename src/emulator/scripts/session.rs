//! One run of a stored procedure or trigger: the server-side API around it, and its operations one after the other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use rquickjs::function::{Function, IntoArgs};
use rquickjs::{Ctx, Error, FromJs, Object as ScriptObject};

use super::failure::Failure;
use super::{Limits, compile, context, file, thrown};
use crate::emulator::sql::value::{Object, Value};

/// The files of the API, in the order in which they build on each other.
const API: [(&str, &str); 4] = [
    ("api/runtime.js", include_str!("api/runtime.js")),
    ("api/context.js", include_str!("api/context.js")),
    ("api/collection.js", include_str!("api/collection.js")),
    ("api/query.js", include_str!("api/query.js")),
];

/// What a script acts on.
pub(crate) trait Host {
    /// Carries out an operation and answers in the form that the API reads.
    fn carry_out(&mut self, operation: &str, arguments: &Value) -> Value;
}

/// A script to run once.
pub(crate) struct Session<'a> {
    pub(crate) id: &'a str,
    pub(crate) body: &'a str,
    /// What the API needs to know, as its files read it.
    pub(crate) setup: Object,
    pub(crate) arguments: &'a Value,
}

/// What a script leaves behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The bodies of request and response, or why there are none.
    pub(crate) outcome: Result<Bodies, Failure>,
    /// What it logged, also if it failed.
    pub(crate) log: String,
}

/// The bodies of request and response in the end, where the script has changed them.
#[derive(Debug, PartialEq)]
pub(crate) struct Bodies {
    pub(crate) request: Option<Value>,
    pub(crate) response: Option<Value>,
}

impl Session<'_> {
    /// Runs the script until nothing of it is left to do.
    pub(crate) fn run<H: Host + 'static>(self, host: &Rc<RefCell<H>>, limits: Limits) -> Ended {
        let deadline = Rc::new(Cell::new(None));
        let context = match context(limits, Rc::clone(&deadline)) {
            Ok(context) => context,
            Err(error) => return Ended::without_start(Failure::exception(error.to_string())),
        };
        let last_call = Rc::new(Cell::new(None));
        context.with(|ctx| {
            let api = match Api::new(&ctx, self.setup, Rc::clone(host), Rc::clone(&last_call)) {
                Ok(api) => api,
                Err(error) => return Ended::without_start(thrown(&ctx, &error, self.id)),
            };
            // The time that the engine takes for itself is not the script's.
            let start = Instant::now();
            deadline.set(start.checked_add(limits.time));
            last_call.set(start.checked_add(limits.last_call));
            let is_over = || deadline.get().is_some_and(|it| Instant::now() >= it);
            let outcome = api.run(&ctx, (self.id, self.body), self.arguments, &is_over);
            // It may have had its time, but what it logged is still to be asked for.
            deadline.set(None);
            Ended { outcome, log: api.text("logged").unwrap_or_default() }
        })
    }
}

impl Ended {
    /// A script that did not even begin.
    fn without_start(failure: Failure) -> Self {
        Self { outcome: Err(failure), log: String::new() }
    }
}

/// The API in an engine.
struct Api<'js> {
    shared: ScriptObject<'js>,
}

impl<'js> Api<'js> {
    fn new<H: Host + 'static>(
        ctx: &Ctx<'js>,
        setup: Object,
        host: Rc<RefCell<H>>,
        last_call: Rc<Cell<Option<Instant>>>,
    ) -> Result<Self, Error> {
        let carry_out = Function::new(ctx.clone(), move |operation: String, arguments: String| {
            let arguments = Value::from_json(arguments.as_bytes()).unwrap_or_default();
            // Operations do not call scripts that could come back here.
            host.try_borrow_mut()
                .map(|mut host| host.carry_out(&operation, &arguments))
                .unwrap_or_default()
                .to_json()
        })?;
        let accepts = Function::new(ctx.clone(), move || {
            last_call.get().is_none_or(|it| Instant::now() < it)
        })?;
        let setup = ctx.json_parse(Value::from(setup).to_json())?;
        let shared = ScriptObject::new(ctx.clone())?;
        for (name, text) in API {
            let install: Function<'js> = ctx.eval_with_options(text, file(name))?;
            install.call::<_, ()>((
                shared.clone(),
                setup.clone(),
                carry_out.clone(),
                accepts.clone(),
            ))?;
        }
        Ok(Self { shared })
    }

    fn run(
        &self,
        ctx: &Ctx<'js>,
        (id, body): (&str, &str),
        arguments: &Value,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Bodies, Failure> {
        let failed =
            |error: &Error| if is_over() { Failure::Timeout } else { thrown(ctx, error, id) };
        let script = compile(ctx, id, body).map_err(|error| match failed(&error) {
            Failure::Exception { text, .. } => Failure::Compile(text),
            other => other,
        })?;
        self.call::<()>("start", (script, arguments.to_json())).map_err(|it| failed(&it))?;
        loop {
            // A promise goes on by itself after each operation, and may abort the script.
            while !is_over() && ctx.execute_pending_job() {}
            if is_over() {
                return Err(Failure::Timeout);
            }
            self.call::<()>("checkAborted", ()).map_err(|it| failed(&it))?;
            if !self.call::<bool>("step", ()).map_err(|it| failed(&it))? {
                break;
            }
        }
        self.bodies().map_err(|it| failed(&it))?.ok_or_else(|| {
            Failure::exception("RangeError: the body is nested too deeply to be sent")
        })
    }

    /// The bodies; `None` where they are no JSON that the emulator reads.
    fn bodies(&self) -> Result<Option<Bodies>, Error> {
        let text = self.text("finish")?;
        Ok(Value::from_json(text.as_bytes()).ok().map(|it| {
            let part = |name| Some(it.get(name)).filter(|it| !it.is_undefined());
            Bodies { request: part("request"), response: part("response") }
        }))
    }

    fn text(&self, name: &str) -> Result<String, Error> {
        self.call(name, ())
    }

    fn call<R: FromJs<'js>>(&self, name: &str, arguments: impl IntoArgs<'js>) -> Result<R, Error> {
        self.shared.get::<_, Function<'js>>(name)?.call(arguments)
    }
}

/// Why a body is no function; `Ok` if it is one.
pub(crate) fn check(id: &str, body: &str, limits: Limits) -> Result<(), Failure> {
    let deadline = Rc::new(Cell::new(None));
    let context = context(limits, Rc::clone(&deadline));
    let context = context.map_err(|it| Failure::exception(it.to_string()))?;
    context.with(|ctx| {
        deadline.set(Instant::now().checked_add(limits.time));
        let compiled = compile(&ctx, id, body);
        compiled.map(drop).map_err(|it| Failure::Compile(thrown(&ctx, &it, id).text()))
    })
}
