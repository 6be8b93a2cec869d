//! Mistakes in a project's files, each with its place and a way out.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("no project here: `{}`", dir.display())]
    NoProject { dir: PathBuf },
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// At least one; in the order of the files.
    #[error("{}", summary(problems))]
    Invalid { problems: Vec<Problem> },
}

impl ConfigError {
    /// Says what a person can do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoProject { .. } => vec![
                "a project is a directory with `concord.toml`, and `field_map.toml` once fields are agreed; name it with `--project DIR`"
                    .to_owned(),
            ],
            Self::Read { .. } => Vec::new(),
            Self::Invalid { problems } => match problems.as_slice() {
                [only] => only.hint.iter().cloned().collect(),
                _ => Vec::new(),
            },
        }
    }
}

/// One mistake in a file that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: String,
    /// Counted from one.
    pub line: usize,
    /// Counted from one, in characters.
    pub column: usize,
    /// Dotted name of what is wrong, or empty when the file is no TOML at all.
    pub name: String,
    pub message: String,
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.name.is_empty() {
            write!(f, "{}: ", self.name)?;
        }
        f.write_str(&self.message)
    }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [only] => only.to_string(),
        several => format!("{} mistakes in the project's files", several.len()),
    }
}
