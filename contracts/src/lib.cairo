//! The contracts that a starkd chain starts with, and samples. Nothing but the corelib is used.

mod account;
mod counter;
mod erc20;
mod factorial;
mod fibonacci;
mod universal_deployer;
