//! Where a secret lies; it is fetched when it is needed and never kept in a project.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

/// The source of a secret value: `{ env = "…" }`, `{ file = "…" }` or `{ command = ["…"] }`.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file, relative to the project; white space around its content is dropped.
    File(PathBuf),
    /// A helper program and its arguments, run in the project; the first line it prints counts.
    Command(Vec<String>),
    /// A value made by the program itself, such as the sandbox's token. No file can hold one.
    Known(SecretValue),
}

/// A secret in hand. It has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

/// What kept a secret from being fetched; never carries the secret.
#[derive(Debug, Error)]
pub enum SecretError {
    #[error("environment variable is not set: `{name}`")]
    EnvMissing { name: String },
    #[error("cannot read secret file: `{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot run secret helper: `{program}`")]
    Command {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("secret helper ended with {status}: `{program}`")]
    CommandFailed { program: String, status: String },
    #[error("secret is blank: {place}")]
    Blank { place: String },
}

impl SecretValue {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the secret itself; every call is a place to look at.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl Secret {
    /// Fetches the value.
    ///
    /// # Errors
    /// When the variable, file or helper is missing, fails or yields a blank.
    pub fn resolve(&self, project_dir: &Path) -> Result<SecretValue, SecretError> {
        let text = match self {
            Self::Env(name) => {
                read_variable(name).ok_or_else(|| SecretError::EnvMissing { name: name.clone() })?
            }
            Self::File(path) => std::fs::read_to_string(project_dir.join(path))
                .map_err(|source| SecretError::File { path: path.clone(), source })?,
            Self::Command(words) => run_helper(words, project_dir)?,
            Self::Known(value) => return Ok(value.clone()),
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(SecretError::Blank { place: self.to_string() });
        }
        Ok(SecretValue::new(text))
    }
}

/// Says where the secret lies, never what it is.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
            Self::Command(words) => {
                write!(f, "helper `{}`", words.first().map_or("", String::as_str))
            }
            Self::Known(_) => f.write_str("made by the sandbox"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl SecretError {
    /// Says what a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::EnvMissing { name } => {
                format!("set `{name}` for this command, or point at a file or helper instead")
            }
            Self::File { .. } => "paths of secret files are relative to the project".to_owned(),
            Self::Command { .. } | Self::CommandFailed { .. } => {
                "the helper must print the secret on its first line and end with 0".to_owned()
            }
            Self::Blank { .. } => "a blank secret is never sent".to_owned(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads secrets from variables")]
fn read_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs the helper with its errors going to our own, so that it can say what it lacks.
fn run_helper(words: &[String], project_dir: &Path) -> Result<String, SecretError> {
    let program = words.first().cloned().unwrap_or_default();
    let output = Command::new(&program)
        .args(words.iter().skip(1))
        .current_dir(project_dir)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|source| SecretError::Command { program: program.clone(), source })?;
    if !output.status.success() {
        let status = output.status.to_string();
        return Err(SecretError::CommandFailed { program, status });
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_itself() {
        let known = Secret::Known(SecretValue::new("pat-na1-abc"));
        assert!(!format!("{known:?} {known}").contains("pat-na1"));
        assert_eq!(format!("{:?}", SecretValue::new("pat-na1-abc")), "[REDACTED]");
    }

    #[test]
    fn a_file_is_read_at_the_last_moment_and_trimmed() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let secret = Secret::File("token".into());
        assert!(matches!(secret.resolve(dir.path()), Err(SecretError::File { .. })));
        std::fs::write(dir.path().join("token"), "abc\n")?;
        assert_eq!(secret.resolve(dir.path())?.expose(), "abc");
        std::fs::write(dir.path().join("token"), " \n")?;
        assert!(matches!(secret.resolve(dir.path()), Err(SecretError::Blank { .. })));
        Ok(())
    }

    #[test]
    fn a_helper_prints_the_secret_on_its_first_line() -> anyhow::Result<()> {
        let words = ["sh", "-c", "echo abc; echo note"].map(str::to_owned).to_vec();
        assert_eq!(Secret::Command(words).resolve(Path::new("."))?.expose(), "abc");
        let words = ["sh", "-c", "exit 3"].map(str::to_owned).to_vec();
        let refused = Secret::Command(words).resolve(Path::new("."));
        assert!(matches!(refused, Err(SecretError::CommandFailed { .. })));
        Ok(())
    }
}
