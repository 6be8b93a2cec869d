//! What was found, where, and what to do about it.

use serde::Serialize;

use crate::config::{Entity, FIELD_MAP_FILE, Field, Origin, PROJECT_FILE, Project};

/// How much a finding weighs; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It cannot work as it stands.
    Error,
    /// Some records would be held back, or compared wrongly.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// Returns the word used on the screen and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Where in the project's files a finding belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: &'static str,
    /// Counted from one; `None` where the file does not say it.
    pub line: Option<usize>,
    /// `person.phone`, `connections.hubspot`.
    pub name: String,
}

impl Place {
    pub fn field(entity: &Entity, field: &Field) -> Self {
        let name = format!("{}.{}", entity.name, field.name);
        Self { file: FIELD_MAP_FILE, line: Some(field.line), name }
    }

    pub fn entity(entity: &Entity, key: &str) -> Self {
        let line = Some(entity.line).filter(|line| *line > 0);
        Self { file: FIELD_MAP_FILE, line, name: format!("{}.{key}", entity.name) }
    }

    pub fn setting(project: &Project, name: &str) -> Self {
        let setting = project.settings.iter().find(|setting| setting.name == name);
        let line = match setting.map(|setting| &setting.origin) {
            Some(Origin::File { line, .. }) => Some(*line),
            _ => None,
        };
        Self { file: PROJECT_FILE, line, name: name.to_owned() }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// Stable word for programs.
    pub code: &'static str,
    pub place: Place,
    pub sentence: String,
    pub todo: String,
}

/// Findings being collected: what is true of several objects of one field becomes one finding.
#[derive(Debug, Default)]
pub struct Findings(Vec<(Finding, Vec<String>)>);

impl Findings {
    /// Adds a finding about the project as a whole.
    pub fn add(
        &mut self,
        (severity, code): (Severity, &'static str),
        place: &Place,
        sentence: impl Into<String>,
        todo: impl Into<String>,
    ) {
        self.add_about((severity, code), place, None, sentence.into(), todo.into());
    }

    /// Adds a finding about a vendor's object or field, which stands where the sentence ends in
    /// `{}`.
    pub fn about(
        &mut self,
        (severity, code): (Severity, &'static str),
        place: &Place,
        about: &str,
        sentence: impl Into<String>,
        todo: impl Into<String>,
    ) {
        self.add_about((severity, code), place, Some(about), sentence.into(), todo.into());
    }

    fn add_about(
        &mut self,
        (severity, code): (Severity, &'static str),
        place: &Place,
        about: Option<&str>,
        sentence: String,
        todo: String,
    ) {
        let finding = Finding { severity, code, place: place.clone(), sentence, todo };
        let about = about.map(|name| format!("`{name}`"));
        match self.0.iter_mut().find(|(known, _)| *known == finding) {
            Some((_, names)) => {
                names.extend(about.filter(|name| !names.contains(name)).into_iter().take(1));
            }
            None => self.0.push((finding, about.into_iter().collect())),
        }
    }

    pub fn finish(self) -> Vec<Finding> {
        let named = |(mut finding, names): (Finding, Vec<String>)| {
            if let Some((before, after)) = finding.sentence.rsplit_once("{}") {
                finding.sentence = format!("{before}{}{after}", names.join(" and "));
            }
            finding
        };
        self.0.into_iter().map(named).collect()
    }
}

/// Quotes values for a sentence, and says how many were left out.
pub fn quoted(values: &[&str]) -> String {
    let shown = values.iter().take(VALUES_SHOWN_MAX).map(|value| format!("`{value}`"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match values.len().saturating_sub(VALUES_SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A longer list is read in the CRM.
const VALUES_SHOWN_MAX: usize = 12;
