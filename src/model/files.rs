//! The SQL files: those the binary carries, overlaid by the project's own.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::{ModelError, Sidecar};

static MODELS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/models");
static SEEDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/data/seeds");

/// One model as written, before rendering.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// File stem, which is the table's name.
    pub name: String,
    /// Path below `models/`, for messages.
    pub path: String,
    pub template: String,
    pub sidecar: Sidecar,
}

/// All models of a project, by name.
#[derive(Clone, Debug, Default)]
pub struct ModelSet {
    pub models: BTreeMap<String, ModelFile>,
    /// Macros that templates may import, by path below `models/`.
    pub macros: BTreeMap<String, String>,
    /// Columns that models name of each source, by `(schema, table)`.
    pub sources: BTreeMap<(String, String), SourceColumns>,
}

/// What models expect of a source that may lack some columns, or be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceColumns {
    /// Text columns.
    pub columns: Vec<String>,
    /// Columns that hold instants.
    #[serde(default)]
    pub timestamps: Vec<String>,
}

type Files = BTreeMap<String, String>;

impl ModelSet {
    /// Loads the default models and lays the project's `models/` directory over them.
    ///
    /// # Errors
    /// When a file cannot be read, a sidecar is wrong, or two files carry one model name.
    pub fn load(project_dir: &Path) -> Result<Self, ModelError> {
        let mut files = embedded(&MODELS);
        let own = read_directory(&project_dir.join("models"))?;
        // A project's file replaces the default of the same name, wherever either lies.
        for path in own.keys() {
            let name = file_name(path);
            files.retain(|default, _| file_name(default) != name);
        }
        files.extend(own);
        Self::from_files(&files)
    }

    /// Lists every word of the models' SQL that may name a column.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let templates = self.models.values().map(|model| &model.template);
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        templates
            .chain(self.macros.values())
            .flat_map(move |text| text.split(move |c: char| !is_of_word(c)))
            .filter(|word| !word.is_empty())
    }

    fn from_files(files: &Files) -> Result<Self, ModelError> {
        let mut set = Self::default();
        for (path, text) in files {
            if path.ends_with(".sql") && file_name(path).starts_with('_') {
                set.macros.insert(path.clone(), text.clone());
            } else if path.ends_with(".sql") {
                let name = file_name(path).trim_end_matches(".sql").to_owned();
                let sidecar_path = path.trim_end_matches(".sql").to_owned() + ".toml";
                let sidecar = Sidecar::parse(
                    &sidecar_path,
                    files.get(&sidecar_path).map_or("", String::as_str),
                )?;
                let file = ModelFile {
                    name: name.clone(),
                    path: path.clone(),
                    template: text.clone(),
                    sidecar,
                };
                if let Some(other) = set.models.insert(name.clone(), file) {
                    return Err(ModelError::DuplicateName {
                        name,
                        first: other.path,
                        second: path.clone(),
                    });
                }
            } else if file_name(path) == "sources.toml" {
                set.add_sources(path, text)?;
            }
        }
        Ok(set)
    }

    fn add_sources(&mut self, path: &str, text: &str) -> Result<(), ModelError> {
        let sources: BTreeMap<String, BTreeMap<String, SourceColumns>> = toml::from_str(text)
            .map_err(|source| ModelError::Sidecar { path: path.to_owned(), source })?;
        for (schema, tables) in sources {
            for (table, source) in tables {
                self.sources.insert((schema.clone(), table), source);
            }
        }
        Ok(())
    }
}

/// Reads the seed tables: the CSV files the binary carries, overlaid by the project's own
/// `data/seeds`. File stem → CSV text.
///
/// # Errors
/// When a file of the project cannot be read.
pub fn seeds(project_dir: &Path) -> Result<BTreeMap<String, String>, ModelError> {
    let mut files = embedded(&SEEDS);
    files.extend(read_directory(&project_dir.join("data/seeds"))?);
    Ok(files
        .into_iter()
        .filter_map(|(path, text)| Some((file_name(&path).strip_suffix(".csv")?.to_owned(), text)))
        .collect())
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn embedded(directory: &Dir<'_>) -> Files {
    let mut files = Files::new();
    let mut open = vec![directory];
    while let Some(directory) = open.pop() {
        open.extend(directory.dirs());
        for file in directory.files() {
            if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
                files.insert(path.to_owned(), text.to_owned());
            }
        }
    }
    files
}

fn read_directory(root: &Path) -> Result<Files, ModelError> {
    let mut files = Files::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let read_error =
            |source| ModelError::Read { path: directory.display().to_string(), source };
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(read_error(error)),
        };
        for entry in entries {
            let path = entry.map_err(read_error)?.path();
            if path.is_dir() {
                open.push(path);
            } else if let Some(relative) = path.strip_prefix(root).ok().and_then(Path::to_str)
                && [".sql", ".toml", ".csv"].iter().any(|end| relative.ends_with(end))
            {
                let text = std::fs::read_to_string(&path).map_err(|source| ModelError::Read {
                    path: path.display().to_string(),
                    source,
                })?;
                files.insert(relative.to_owned(), text);
            }
        }
    }
    Ok(files)
}
