//! Salesforce's stand-in: REST API v50.0 to v68.0 over a world kept in SQLite.
//!
//! Written from the vendor's documentation and recorded answers (read 2026-11). Covered: OAuth
//! client credentials, describe, SOQL queries with paging, single records, upserts by external
//! id, collections, composite, bulk query and ingest, limits and the daily allowance. Left out:
//! composite batch, graph and tree, search, `updated`/`deleted`, SOAP, duplicate rules, triggers,
//! per-user permissions and gzip.
//!
//! *Chosen*: one SQLite table an object with a column a field, instead of records as JSON,
//! because a query then becomes SQL and the 2,000th page costs what the first does.

mod admin;
mod answer;
mod bulk;
mod call;
mod collections;
mod composite;
mod cursors;
mod describe;
mod dispatch;
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
mod rows;
mod rules;
mod schema;
mod server;
mod soql;
mod stages;
mod validate;
mod wire;
mod writes;

#[cfg(test)]
mod tests;

pub use dispatch::family_of as family;
pub use errors::ServerError;
pub use server::Server;
