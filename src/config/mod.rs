//! Configuration: a project's settings and its field map, checked once, plain types afterwards.
//!
//! A project is a directory with `concord.toml` (connections, warehouse, inclusion rule, metrics,
//! guardrails, budgets, alerts) and `field_map.toml` (who owns which field of whom). [`load()`] reads
//! both, reports every mistake at once with its file, line and column, and hands out a [`Project`]
//! in which nothing needs checking again.
//!
//! Left out on purpose: whether the objects and fields named here exist. That takes the live
//! metadata of both CRMs, and is judged by [`crate::check`].
//!
//! Chosen: a walk over the spanned TOML tables. Instead of: derived deserializers. Because: a
//! derived reader stops at the first mistake, and its words name types of ours rather than the
//! field that a person wrote.

mod claim;
mod connection;
mod error;
mod field_map;
mod field_map_file;
mod field_map_rules;
mod json_schema;
mod load;
mod period;
mod project;
mod project_file;
mod reader;
mod secret;
mod setting;
mod values;

pub use claim::{Claim, Metric};
pub use connection::{Access, Connection, Credentials};
pub use error::{ConfigError, Problem};
pub use field_map::{
    Create, CreatePolicy, Entity, EntityName, Field, FieldMap, FieldType, ModelColumn, Owner,
    PercentForm, SidePair, SignOff, WriteMode,
};
pub(crate) use field_map_file::is_currency_code;
pub use json_schema::{field_map_schema, project_schema};
pub use load::{FIELD_MAP_FILE, PROJECT_FILE, load, read_field_map, read_project};
pub use period::{Period, PeriodError};
pub use project::{
    Alerts, Apply, Budget, ExtraSource, Guardrails, Handoff, Inclusion, InclusionRule, Mode,
    NativeConnector, Project, Pull, Retry, SandboxAccount, SourceFormat, StoreSetting,
    WarehouseSettings, WriteRoute,
};
pub use reader::suggestion;
pub use secret::{Secret, SecretError, SecretValue};
pub use setting::{Origin, Overrides, Setting};

#[cfg(test)]
mod tests;
