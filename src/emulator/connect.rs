//! The emulator's door to the client: the one file that knows both.

use super::Emulator;
use crate::CosmosClient;

impl Emulator {
    /// A client of this account, with its key and its clock. Nothing has to be installed or started.
    ///
    /// ```
    /// use cosmosdb::Emulator;
    ///
    /// let client = Emulator::new().client();
    /// client.create_database("shop").send()?;
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    ///
    /// For a client with settings of its own use [`CosmosClient::builder`] with [`endpoint`](Self::endpoint),
    /// [`key`](Self::key) and [`transport`](Self::transport).
    pub fn client(&self) -> CosmosClient {
        CosmosClient::builder(self.endpoint())
            .key(self.key())
            .shared_transport(self.transport())
            .clock(std::sync::Arc::clone(&self.inner.clock))
            .build()
            .expect("the emulator's own endpoint and key are valid")
    }
}
