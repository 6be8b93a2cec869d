//! The one integration binary: linking DataFusion once is slow enough.

mod config;
mod duckdb;
mod edits;
mod gap;
mod laws;
mod night;
mod support;
mod tidy;
mod trouble;
