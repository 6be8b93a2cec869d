//! The one integration binary: linking DataFusion once is slow enough.

mod alerts;
mod bulk;
mod config;
mod duckdb;
mod edge;
mod edits;
mod gap;
mod laws;
mod night;
<<<<<<< HEAD
mod part;
=======
mod rehearse;
>>>>>>> 1b61aa7 (rehearse: a plan carried out on a copy of both CRMs, before a production call)
mod resume;
mod secrets;
mod slt;
mod support;
mod tidy;
mod trouble;
mod undo;
