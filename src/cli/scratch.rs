//! A directory of the project for copies that end with the command.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::CliError;

/// Where scratch directories lie, below the project.
const SCRATCH: &str = ".concord/scratch";

/// A directory that is this command's alone, and gone when the command ends.
pub struct Scratch {
    path: PathBuf,
    /// Locked for as long as it is open.
    _lock: File,
}

impl Scratch {
    /// Makes the directory `name`, empty: what a killed command left in it is removed.
    ///
    /// # Errors
    /// When another command uses it, or it cannot be made.
    pub fn take(project_dir: &Path, name: &str) -> Result<Self, CliError> {
        let root = project_dir.join(SCRATCH);
        let path = root.join(name);
        let failed = |source| CliError::Scratch { path: path.clone(), source };
        fs::create_dir_all(&root).map_err(failed)?;
        let lock = File::create(root.join(format!("{name}.lock"))).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => CliError::ScratchTaken { path: path.clone() },
            fs::TryLockError::Error(source) => failed(source),
        })?;
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => fs::create_dir_all(&path).map_err(failed)?,
        }
        Ok(Self { path, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a scratch directory");
        }
    }
}
