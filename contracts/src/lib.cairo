//! The contracts that a starkd chain starts with, and samples. They use only the corelib.

mod account;
mod counter;
mod erc20;
mod factorial;
mod fibonacci;
mod universal_deployer;
