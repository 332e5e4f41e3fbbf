//! Where the examples get their account from.

use cosmosdb::{CosmosClient, Emulator};

/// The account of `COSMOS_CONNECTION_STRING`, or one in memory.
pub(crate) fn client() -> cosmosdb::Result<CosmosClient> {
    if std::env::var_os("COSMOS_CONNECTION_STRING").is_some() {
        println!("running on the account of COSMOS_CONNECTION_STRING");
        return CosmosClient::from_env();
    }
    println!("running on an account in memory");
    Ok(Emulator::new().client())
}
