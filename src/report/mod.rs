//! Pages for people: values in, HTML out.
//!
//! A page is one file without a script and without anything to fetch, so that it can be mailed,
//! printed and signed. The same template engine as for SQL, here with every value escaped: anyone can
//! type `<script>` into a web form, and labels are typed by people too.

mod field_map;
mod merges;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use thiserror::Error;

pub use field_map::{Labels, field_map_page};
pub use merges::{MergeRow, merges_page};

#[derive(Debug, Error)]
#[error("page does not render: `{page}`")]
pub struct ReportError {
    pub page: &'static str,
    #[source]
    pub source: minijinja::Error,
}

/// Looks of every page.
const STYLE: &str = include_str!("page.css");

/// Renders a template over one value, with every text escaped.
fn render(
    page: &'static str,
    template: &str,
    value: &impl Serialize,
) -> Result<String, ReportError> {
    let failed = |source| ReportError { page, source };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(failed)?);
    environment.add_template(page, template).map_err(failed)?;
    let template = environment.get_template(page).map_err(failed)?;
    let value = minijinja::Value::from(minijinja::value::Serde(value));
    template.render(minijinja::context! { page => value, style => STYLE }).map_err(failed)
}
