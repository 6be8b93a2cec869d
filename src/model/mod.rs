//! Builds the marts: loads `models/`, orders them by what they read, runs them in DataFusion.
//!
//! A model is one SQL file, named by its stem. The graph is inferred from the SQL itself: a table
//! name that is another model's is an edge. Each model is materialised as Parquet in the build's
//! directory, its checks run right after, and the SQL as run is kept beside the result. A file of
//! the same name in the project's own `models/` wins over the one the binary carries.
//!
//! What a model may read besides models: `hubspot.*` and `salesforce.*` (latest snapshots, text
//! verbatim), `hubspot_metadata.*` and `salesforce_metadata.*`, `seeds.*`, `sources.*` (files from
//! elsewhere), `project.*`
//! (configuration as tables), `state.*` (what the previous build remembered) and `ops.*` (run log
//! and outcomes).
//!
//! Left out on purpose: incremental models. A build is a pure function of snapshots, state,
//! journals and configuration, so that the same inputs give the same tables.

mod aggregate;
mod checks;
mod files;
pub mod functions;
mod graph;
mod preview;
mod project_tables;
mod render;
mod run;
mod session;
mod sidecar;
mod stage;

use datafusion::error::DataFusionError;
use thiserror::Error;

use crate::warehouse::WarehouseError;

pub use checks::CheckFailure;
pub use files::{ModelFile, ModelSet, SourceColumns, seeds};
pub use graph::order;
pub use preview::{empty_session, plan_model};
pub use project_tables::{register_project, render_context};
pub use render::RenderContext;
pub use run::{
    Build, BuildInputs, BuiltModel, ModelProgress, build, rendered_in_order, run_models, snake_case,
};
pub use session::{
    Namespaces, new_session, register_batches, register_extra_sources, register_parquet,
    register_rows, register_seeds,
};
pub use sidecar::{Check, Joins, Sidecar};
pub use stage::{
    Opened, Question, StageError, connection, open_anything, open_latest, open_sources, run_build,
};

#[derive(Debug, Error)]
pub enum ModelError {
    #[error("model file cannot be read: `{path}`")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("two models have one name: `{name}` in `{first}` and `{second}`")]
    DuplicateName { name: String, first: String, second: String },
    #[error("model's sidecar is not understood: `{path}`")]
    Sidecar {
        path: String,
        #[source]
        source: toml::de::Error,
    },
    #[error("template of the model does not render: `{path}`")]
    Render {
        path: String,
        #[source]
        source: minijinja::Error,
    },
    #[error("SQL is wrong: `{path}`{}", at(.line, .column))]
    Sql {
        path: String,
        /// 1-based position in the SQL as run, where DataFusion tells it.
        line: Option<u64>,
        column: Option<u64>,
        #[source]
        source: SqlError,
    },
    #[error("models depend on each other in a circle: `{}`", .models.join(" -> "))]
    Circle { models: Vec<String> },
    #[error("checks failed: {}", .failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Checks { failures: Vec<CheckFailure> },
    #[error("seed file is not understood: `{path}`")]
    Seed {
        path: String,
        #[source]
        source: csv::Error,
    },
    #[error("source cannot be opened: `sources.{name}`")]
    SourcePlace {
        name: String,
        #[source]
        source: WarehouseError,
    },
    #[error("source `sources.{name}` cannot be read: `{url}`")]
    Source {
        name: String,
        url: String,
        #[source]
        source: Box<DataFusionError>,
    },
    #[error("source `sources.{name}` has no file: `{url}`")]
    NoSource { name: String, url: String },
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    #[error(transparent)]
    DataFusion(#[from] DataFusionError),
}

/// DataFusion's own words. Its error types repeat one text at every link of their chain.
#[derive(Debug, Error)]
#[error("{}", .0.find_root().message())]
pub struct SqlError(Box<DataFusionError>);

impl SqlError {
    pub fn new(error: DataFusionError) -> Self {
        Self(Box::new(error))
    }
}

#[expect(clippy::ref_option, reason = "the error's format hands out references to its fields")]
fn at(line: &Option<u64>, column: &Option<u64>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!(" at line {line}, column {column}"),
        (Some(line), None) => format!(" at line {line}"),
        _ => String::new(),
    }
}
