//! The one integration binary: linking DataFusion once is slow enough.

mod alerts;
mod bulk;
mod clients;
mod config;
mod contested;
mod crash;
mod creates;
mod duckdb;
mod edge;
mod edits;
mod faults;
mod gap;
mod laws;
mod night;
mod part;
mod pull;
mod quarantine;
mod rehearse;
mod resume;
mod secrets;
mod slt;
mod stores;
mod support;
mod tidy;
mod trouble;
mod undo;
