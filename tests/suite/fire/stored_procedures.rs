//! Executions of stored procedures: writes that nobody may repeat, of the regions that take writes.

use cosmosdb::{Container, Response, Result, RetryOptions};

use super::account::{Account, EAST, WEST};
use super::fault::{Effect, Fault};

const TENTATIVE: &str = "x-ms-cosmos-allow-tentative-writes";

fn execute(items: &Container) -> Result<Response> {
    items.scripts().stored_procedure("run").execute("1", ()).send()
}

#[test]
fn an_execution_whose_outcome_is_unknown_is_said_to_be_in_doubt_and_never_repeated() {
    for (fault, ran) in [
        (Fault::on("execute", Effect::Drop { after: false }), 0),
        (Fault::on("execute", Effect::Drop { after: true }), 1),
        (Fault::on("execute", Effect::Hang), 0),
        (Fault::status("execute", 408, 0).after(), 1),
        (Fault::status("execute", 500, 0).after(), 1),
        (Fault::status("execute", 502, 0), 0),
    ] {
        for account in [Account::new([EAST, WEST]), Account::multi_write([EAST, WEST])] {
            let fault = fault.clone();
            account.fault(fault.times(1));
            let retry = RetryOptions::new().retry_writes(true);
            let items = account.container(|it| {
                it.preferred_regions([EAST, WEST]).multiple_write_locations(true).retry(retry)
            });
            let error = execute(&items).unwrap_err();
            assert!(error.may_have_been_applied(), "{error}");
            assert_eq!(account.log("execute").len(), 1, "{error}");
            assert_eq!(account.versions("ran"), ran, "{error}");
        }
    }
}

#[test]
fn what_was_surely_not_executed_is_repeated_and_no_doubt() {
    let account = Account::new([EAST, WEST]);
    account.fault(Fault::throttle("execute", "10").times(1));
    account.fault(Fault::status("execute", 503, 0).times(1));
    execute(&account.preferring([EAST])).unwrap();
    assert_eq!(account.log("execute"), ["East US 429/3200", "East US 503", "East US 200"]);
    assert_eq!(account.versions("ran"), 1);
}

#[test]
fn with_one_write_region_executions_go_there_and_are_final() {
    let account = Account::new([EAST, WEST]);
    execute(&account.preferring([WEST, EAST])).unwrap();
    assert_eq!(account.log("execute"), ["East US 200"]);
    assert!(!account.entries("execute")[0].headers.contains_key(TENTATIVE));
}

#[test]
fn with_several_they_go_to_the_preferred_one_as_tentative_writes() {
    let account = Account::multi_write([EAST, WEST]);
    let items = account.preferring([WEST, EAST]);
    execute(&items).unwrap();
    assert_eq!(account.log("execute"), ["West US 200"]);
    assert_eq!(account.entries("execute")[0].headers[TENTATIVE], "true");
    account.fault(Fault::status("execute", 503, 0).at(WEST));
    execute(&items).unwrap();
    assert_eq!(account.log("execute")[1..], ["West US 503", "East US 200"]);
}
