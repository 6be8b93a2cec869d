//! Opens a project's files.

use std::path::Path;

use toml::de::DeTable;

use super::reader::{Reader, lines_by_name};
use super::setting::{Overrides, list_settings};
use super::{ConfigError, FieldMap, Problem, Project, field_map_file, project_file};

pub const PROJECT_FILE: &str = "concord.toml";
pub const FIELD_MAP_FILE: &str = "field_map.toml";

/// Reads the project in `dir`.
///
/// # Errors
/// When a file is missing, or holds a mistake; all mistakes of both files are reported together.
pub fn load(dir: &Path, overrides: &Overrides) -> Result<Project, ConfigError> {
    let project_path = dir.join(PROJECT_FILE);
    if !project_path.is_file() {
        return Err(ConfigError::NoProject { dir: dir.to_owned() });
    }
    let read = |path: std::path::PathBuf| {
        std::fs::read_to_string(&path).map_err(|source| ConfigError::Read { path, source })
    };
    let map_path = dir.join(FIELD_MAP_FILE);
    let field_map = if map_path.is_file() { Some(read(map_path)?) } else { None };
    read_project(dir, &read(project_path)?, field_map.as_deref(), overrides)
}

/// Reads a project from the text of its two files. A project without a field map maps nothing.
///
/// # Errors
/// When either holds a mistake.
pub fn read_project(
    dir: &Path,
    project_text: &str,
    field_map_text: Option<&str>,
    overrides: &Overrides,
) -> Result<Project, ConfigError> {
    let (field_map, map_problems) = match field_map_text.map(read_field_map) {
        None => (Some(FieldMap::empty()), Vec::new()),
        Some(Ok(map)) => (Some(map), Vec::new()),
        Some(Err(problems)) => (None, problems),
    };
    let reader = Reader::new(PROJECT_FILE, project_text);
    let mut lines = std::collections::BTreeMap::new();
    let root = DeTable::parse(project_text);
    let project = match &root {
        Ok(root) => {
            lines = lines_by_name(&reader, root.get_ref());
            project_file::read(reader.root(root.get_ref()), dir, field_map)
        }
        Err(error) => {
            reader.syntax_problem(error);
            None
        }
    };
    let mut problems = reader.into_problems();
    problems.extend(map_problems);
    match project {
        Some(mut project) if problems.is_empty() => {
            project.settings = list_settings(&mut project, &lines, overrides);
            Ok(project)
        }
        _ => Err(ConfigError::Invalid { problems }),
    }
}

/// Reads a field map from its text.
///
/// # Errors
/// Every mistake, in the order of the file.
pub fn read_field_map(text: &str) -> Result<FieldMap, Vec<Problem>> {
    let reader = Reader::new(FIELD_MAP_FILE, text);
    let root = DeTable::parse(text);
    let map = match &root {
        Ok(root) => field_map_file::read(&reader, root.get_ref()),
        Err(error) => {
            reader.syntax_problem(error);
            None
        }
    };
    let problems = reader.into_problems();
    match map {
        Some(map) if problems.is_empty() => Ok(map),
        _ => Err(problems),
    }
}
