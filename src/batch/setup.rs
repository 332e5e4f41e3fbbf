//! What is set on a call that makes many requests side by side.

use http::HeaderMap;

use crate::error::Result;
use crate::options::Tunable;
use crate::pipeline::CallOptions;

/// Requests at once, unless the caller says otherwise.
const DEFAULT_CONCURRENCY: usize = 16;

/// What each request is like, and how many there are at once.
pub(crate) struct Setup {
    pub(super) headers: HeaderMap,
    pub(super) options: CallOptions,
    pub(super) threads: usize,
}

impl Setup {
    pub(super) fn new(options: CallOptions) -> Self {
        Self { headers: HeaderMap::new(), options, threads: DEFAULT_CONCURRENCY }
    }

    pub(super) fn max_concurrency(&mut self, requests: usize) -> Result<()> {
        self.threads = requests.max(1);
        Ok(())
    }
}

impl Tunable for Setup {
    fn request(&mut self) -> (&mut HeaderMap, &mut CallOptions) {
        (&mut self.headers, &mut self.options)
    }
}
