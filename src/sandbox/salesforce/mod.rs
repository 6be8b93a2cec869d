//! Salesforce's stand-in: REST API v50.0 to v68.0 over a world kept in SQLite.
//!
//! Written from the vendor's documentation and recorded answers (read 2026-11). Covered: logging in
//! by client credentials, JWT bearer and refresh; describe; SOQL with paging; single records,
//! upserts by external id, collections, composite with batch, graph and tree; bulk query and
//! ingest; `updated` and `deleted`; a plain search; limits and the daily allowance; rules of an org
//! (`rules.json`): permissions, sharing, record types, validation, triggers, duplicates, assignment,
//! locks. Left out: SOAP, events, files, approval, and everything of Apex.
//!
//! *Chosen*: one SQLite table an object with a column a field, instead of records as JSON,
//! because a query then becomes SQL and the 2,000th page costs what the first does.

mod admin;
mod answer;
mod automation;
mod bulk;
mod call;
mod collections;
mod composite;
mod conditional;
mod cursors;
mod describe;
mod dispatch;
mod duplicates;
mod errors;
mod field_defaults;
mod history;
mod ids;
mod limits;
mod load;
pub(super) mod mirror;
mod names;
mod oauth;
mod one_row;
mod org;
mod query;
mod references;
mod replication;
mod rows;
mod rules;
mod schema;
mod search;
mod server;
mod soql;
mod stages;
mod unpack;
mod validate;
mod wire;
mod writes;

#[cfg(test)]
mod tests;

pub use dispatch::family_of as family;
pub use errors::ServerError;
pub use server::Server;
pub use unpack::unpack;
