//! A cell that one thread fills while the others wait.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// A cached value that is fetched over the network by one thread at a time.
///
/// Readers of a value that is there never wait for a fetch. An error is the fetching caller's alone and is not kept:
/// each waiter that finds no value afterwards makes its own attempt, one after the other.
///
/// Lock order: `state`, then `value`. Neither is held while something is fetched.
#[derive(Debug)]
pub(crate) struct Flight<T> {
    value: RwLock<Option<Arc<T>>>,
    state: Mutex<State>,
    landed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    in_flight: bool,
    /// How often the cell was cleared. What was fetched before that is not kept.
    clearings: u64,
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self { value: RwLock::new(None), state: Mutex::default(), landed: Condvar::new() }
    }
}

impl<T> Flight<T> {
    /// The value, if there is one.
    pub(crate) fn get(&self) -> Option<Arc<T>> {
        self.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The value, fetched by this thread or another one if there is none.
    ///
    /// `timeout` bounds the wait for another thread's fetch; a fetch of its own bounds itself.
    pub(crate) fn get_or_fetch(
        &self,
        timeout: Duration,
        fetch: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        self.get_or_fetch_if(|_| true, timeout, fetch)
    }

    /// A value other than `seen`, which the caller found to be out of date.
    ///
    /// Where another thread has replaced it already, that value is returned and nothing is fetched.
    pub(crate) fn refresh_if_same(
        &self,
        seen: &Arc<T>,
        timeout: Duration,
        fetch: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        self.get_or_fetch_if(|value| !Arc::ptr_eq(value, seen), timeout, fetch)
    }

    /// Puts a value in place of what there is. A fetch under way replaces it when it ends.
    pub(crate) fn set(&self, value: T) {
        self.put(Some(Arc::new(value)));
    }

    /// Forgets the value, and also what a fetch under way is about to bring.
    pub(crate) fn clear(&self) {
        self.lock().clearings += 1;
        self.put(None);
    }

    fn get_or_fetch_if(
        &self,
        is_wanted: impl Fn(&Arc<T>) -> bool,
        timeout: Duration,
        fetch: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        if let Some(value) = self.get().filter(&is_wanted) {
            return Ok(value);
        }
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            if let Some(value) = self.get().filter(&is_wanted) {
                return Ok(value);
            }
            if !state.in_flight {
                break;
            }
            state = self.wait(state, timeout.saturating_sub(start.elapsed()))?;
        }
        state.in_flight = true;
        let clearings = state.clearings;
        drop(state);

        let landing = Landing(self);
        let value = Arc::new(fetch()?);
        self.keep(&value, clearings);
        drop(landing);
        Ok(value)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        left: Duration,
    ) -> Result<MutexGuard<'a, State>> {
        if left.is_zero() {
            return Err(Error::timeout(
                "the time was up while another thread was fetching what this call needs",
            ));
        }
        Ok(self.landed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0)
    }

    fn keep(&self, value: &Arc<T>, clearings: u64) {
        let state = self.lock();
        if state.clearings == clearings {
            self.put(Some(Arc::clone(value)));
        }
    }

    fn put(&self, value: Option<Arc<T>>) {
        *self.value.write().unwrap_or_else(PoisonError::into_inner) = value;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the flight on every way out, a panic included, so that nobody waits for it any longer.
struct Landing<'a, T>(&'a Flight<T>);

impl<T> Drop for Landing<'_, T> {
    fn drop(&mut self) {
        self.0.lock().in_flight = false;
        self.0.landed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Runs `meanwhile` while another thread is in the middle of a fetch, which then ends with `outcome`.
    fn during_a_fetch<R>(
        cell: &Flight<u32>,
        outcome: impl FnOnce() -> Result<u32> + Send,
        meanwhile: impl FnOnce(&dyn Fn()) -> R,
    ) -> R {
        let (started, has_started) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let fetched = cell.get_or_fetch(LONG, || {
                    started.send(()).unwrap();
                    released.recv().unwrap();
                    outcome()
                });
                drop(fetched);
            });
            has_started.recv().unwrap();
            meanwhile(&|| release.send(()).unwrap())
        })
    }

    #[test]
    fn one_thread_fetches_for_all() {
        let cell = Flight::default();
        let others = AtomicUsize::new(0);
        during_a_fetch(
            &cell,
            || Ok(7),
            |release| {
                thread::scope(|scope| {
                    for _ in 0..8 {
                        scope.spawn(|| {
                            let value = cell.get_or_fetch(LONG, || {
                                others.fetch_add(1, Ordering::SeqCst);
                                Ok(8)
                            });
                            assert_eq!(*value.unwrap(), 7);
                        });
                    }
                    release();
                });
            },
        );
        assert_eq!(others.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn an_error_is_not_kept() {
        let cell = Flight::default();
        assert!(cell.get_or_fetch(LONG, || Err(Error::timeout("no"))).is_err());
        assert_eq!(*cell.get_or_fetch(LONG, || Ok(1)).unwrap(), 1);
    }

    #[test]
    fn a_waiter_tries_for_itself_after_an_error() {
        let cell = Flight::default();
        during_a_fetch(
            &cell,
            || Err(Error::timeout("no")),
            |release| {
                thread::scope(|scope| {
                    scope.spawn(|| assert_eq!(*cell.get_or_fetch(LONG, || Ok(2)).unwrap(), 2));
                    release();
                });
            },
        );
    }

    #[test]
    fn waiting_ends_with_the_time_given() {
        let cell = Flight::default();
        let error = during_a_fetch(
            &cell,
            || Ok(1),
            |release| {
                let error = cell.get_or_fetch(Duration::ZERO, || Ok(2)).unwrap_err();
                release();
                error
            },
        );
        assert!(error.is_timeout());
    }

    #[test]
    fn a_refresh_fetches_only_what_nobody_else_has_refreshed() {
        let cell = Flight::default();
        let first = cell.get_or_fetch(LONG, || Ok(1)).unwrap();
        let second = cell.refresh_if_same(&first, LONG, || Ok(2)).unwrap();
        let again = cell.refresh_if_same(&first, LONG, || Ok(3)).unwrap();
        assert!(Arc::ptr_eq(&second, &again));
        assert_eq!(*cell.refresh_if_same(&second, LONG, || Ok(3)).unwrap(), 3);
        assert!(
            cell.refresh_if_same(&cell.get().unwrap(), LONG, || Err(Error::timeout("no"))).is_err()
        );
        assert_eq!(*cell.get().unwrap(), 3, "a failed refresh leaves the value");
    }

    #[test]
    fn what_was_under_way_when_the_cell_was_cleared_is_not_kept() {
        let cell = Flight::default();
        during_a_fetch(
            &cell,
            || Ok(1),
            |release| {
                cell.clear();
                release();
            },
        );
        assert_eq!(cell.get(), None);
        assert_eq!(*cell.get_or_fetch(LONG, || Ok(2)).unwrap(), 2);
        cell.clear();
        assert_eq!(cell.get(), None);
    }

    #[test]
    fn a_panicking_fetch_wakes_the_waiters() {
        let cell = Flight::<u32>::default();
        thread::scope(|scope| {
            let (started, has_started) = mpsc::channel();
            let cell = &cell;
            let panicking = scope.spawn(move || {
                cell.get_or_fetch(LONG, || {
                    started.send(()).unwrap();
                    panic!("on purpose")
                })
            });
            has_started.recv().unwrap();
            assert_eq!(*cell.get_or_fetch(LONG, || Ok(4)).unwrap(), 4);
            assert!(panicking.join().is_err());
        });
    }
}
