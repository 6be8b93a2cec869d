//! What a command can end with, judged into an exit code and hints.

use std::path::PathBuf;

use thiserror::Error;

use crate::config::{ConfigError, PeriodError, SecretError};

use super::ExitCode;

#[derive(Debug, Error)]
pub enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Period(#[from] PeriodError),
    #[error("cannot read `{}`", path.display())]
    ReadFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot write `{}`", path.display())]
    WriteFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot make or empty `{}`", path.display())]
    Scratch {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("another command is at work in `{}`", path.display())]
    ScratchTaken { path: PathBuf },
    #[error("cannot write to the terminal or pipe")]
    Output(#[source] std::io::Error),
    #[error("cannot start the runtime")]
    Runtime(#[source] std::io::Error),
    #[error("no such connection: `{name}`")]
    NoSuchConnection { name: String, known: String },
    #[error("no such metric: `{name}`")]
    NoSuchMetric { name: String, known: String },
    #[error("no such field: `{name}`")]
    NoSuchField { name: String, known: String },
    #[error("`{command}` does not write `{format}`")]
    NoSuchFormat { format: &'static str, command: &'static str },
    #[error("nobody is known by `{person}`")]
    NoSuchPerson { person: String },
    #[error("no such run: `{run}`")]
    NoSuchRun { run: String },
    #[error("{}", match run { Some(run) => format!("run has no plan to go on with: `{run}`"), None => "no run left a plan to go on with".to_owned() })]
    NothingToResume { run: Option<String> },
    #[error("interrupted; nothing was written to a CRM")]
    Interrupted,
    #[error("{message}")]
    Refused { message: String, hint: String },
    /// A stage failed; its own words come with it.
    #[error("{message}")]
    Stage {
        message: String,
        code: ExitCode,
        hints: Vec<String>,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl CliError {
    /// Wraps the error of a stage, which carries the words and the chain.
    pub fn stage<E>(error: E, code: ExitCode, hints: Vec<String>) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        Self::Stage {
            message: error.to_string(),
            code,
            hints,
            source: error.source().map(|cause| Box::from(chain(cause))),
        }
    }

    /// Says how the process ends.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_)
            | Self::Period(_)
            | Self::ReadFile { .. }
            | Self::NoSuchConnection { .. }
            | Self::NoSuchMetric { .. }
            | Self::NoSuchField { .. }
            | Self::NoSuchFormat { .. }
            | Self::NoSuchPerson { .. }
            | Self::NoSuchRun { .. }
            | Self::NothingToResume { .. } => ExitCode::Usage,
            Self::Refused { .. } | Self::ScratchTaken { .. } => ExitCode::Refused,
            Self::Secret(_)
            | Self::Scratch { .. }
            | Self::WriteFile { .. }
            | Self::Output(_)
            | Self::Runtime(_)
            | Self::Interrupted => ExitCode::Failed,
            Self::Stage { code, .. } => *code,
        }
    }

    /// Says what a person can do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Config(error) => error.hints(),
            Self::Secret(error) => vec![error.hint()],
            Self::Period(error) => vec![error.hint().to_owned()],
            Self::NoSuchConnection { known, .. } | Self::NoSuchMetric { known, .. } => {
                vec![format!("`concord.toml` has {known}")]
            }
            Self::NoSuchField { known, .. } => vec![format!("`field_map.toml` has {known}")],
            Self::Refused { hint, .. } => vec![hint.clone()],
            Self::NoSuchPerson { .. } => {
                vec!["give an e-mail address, a record id of either CRM, or a golden id".to_owned()]
            }
            Self::ScratchTaken { .. } => vec!["wait for it to end, or stop it".to_owned()],
            Self::NoSuchRun { .. } | Self::NothingToResume { .. } => vec![
                "list what was run with\n    concord query \"select run_id, command, status from ops.runs\""
                    .to_owned(),
            ],
            Self::NoSuchFormat { .. }
            | Self::Scratch { .. }
            | Self::Interrupted
            | Self::ReadFile { .. }
            | Self::WriteFile { .. }
            | Self::Output(_)
            | Self::Runtime(_) => Vec::new(),
            Self::Stage { hints, .. } => hints.clone(),
        }
    }

    /// Says whether whoever read our output went away, which ends a command quietly.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// One link of an error chain, kept as text because borrowed causes cannot be moved.
#[derive(Debug, Error)]
#[error("{message}")]
struct Cause {
    message: String,
    #[source]
    source: Option<Box<Cause>>,
}

fn chain(error: &dyn std::error::Error) -> Cause {
    Cause { message: error.to_string(), source: error.source().map(|next| Box::new(chain(next))) }
}
