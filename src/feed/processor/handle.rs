//! A worker that runs.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use serde::de::DeserializeOwned;

use super::board::Board;
use super::keeper::Keeper;
use super::pump::Pump;
use crate::error::{Error, ErrorKind, Result};
use crate::feed::StopHandle;
use crate::routing::FeedRange;

/// A worker of a change feed processor. Dropping it stops the worker as well, and waits for that.
#[must_use = "the worker stops when its handle is dropped"]
pub struct ProcessorHandle {
    worker: String,
    board: Arc<Board>,
    stop: StopHandle,
    threads: Option<Threads>,
}

struct Threads {
    keeper: JoinHandle<Keeper>,
    pump: JoinHandle<()>,
}

/// Stops the worker when its handler panics, so that its leases go to others.
struct StopOnDrop(StopHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl ProcessorHandle {
    pub(super) fn spawn<T: DeserializeOwned + 'static>(
        keeper: Keeper,
        pump: Pump<T>,
    ) -> Result<Self> {
        let (worker, board, stop) =
            (keeper.worker.clone(), Arc::clone(&keeper.board), StopHandle::new());
        let on_error = Arc::clone(&pump.on_error);
        let keeping = StopOnDrop(stop.clone());
        let keeper = spawn(&worker, "keeper", move || {
            let mut keeper = keeper;
            while keeping.0.sleep(&*keeper.clock, keeper.timing.round) {
                if let Err(error) = keeper.round() {
                    on_error(&error);
                }
            }
            keeper
        })?;
        let pumping = StopOnDrop(stop.clone());
        let pump = spawn(&worker, "pump", move || {
            let mut pump = pump;
            while !pumping.0.is_stopped() {
                if !pump.pass(&pumping.0) {
                    pumping.0.sleep(&*pump.clock, pump.timing.poll);
                }
            }
        })?;
        Ok(Self { worker, board, stop, threads: Some(Threads { keeper, pump }) })
    }

    /// The name of the worker.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// The parts of the container that the worker has just now.
    pub fn feed_ranges(&self) -> Vec<FeedRange> {
        self.board.all().into_iter().map(|it| it.range).collect()
    }

    /// Whether the worker runs. It ends by itself only where its handler panics.
    pub fn is_running(&self) -> bool {
        !self.stop.is_stopped()
    }

    /// Stops the worker after the page that it is at, and gives its leases back, so that others have them with their
    /// next look at the leases.
    ///
    /// # Errors
    /// A lease could not be given back; others then take it after the lease's duration. Or the handler panicked.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        self.stop.stop();
        let Some(Threads { keeper, pump }) = self.threads.take() else { return Ok(()) };
        let pump = pump.join();
        let keeper = keeper.join().map_err(|_| panicked("the thread that keeps the leases"))?;
        keeper.release_all()?;
        pump.map_err(|_| panicked("the handler"))
    }
}

fn spawn<R: Send + 'static>(
    worker: &str,
    part: &str,
    run: impl FnOnce() -> R + Send + 'static,
) -> Result<JoinHandle<R>> {
    let builder = std::thread::Builder::new().name(format!("cosmosdb {part} of {worker}"));
    builder.spawn(run).map_err(|error| {
        Error::new(ErrorKind::Transport, "the system gives no thread for the processor")
            .with_source(error)
    })
}

fn panicked(what: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("{what} of the change feed processor panicked"))
}

impl Drop for ProcessorHandle {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::warn!("{} was stopped: {error}", self.worker);
        }
    }
}

impl fmt::Debug for ProcessorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessorHandle")
            .field("worker", &self.worker)
            .field("is_running", &self.is_running())
            .finish_non_exhaustive()
    }
}
