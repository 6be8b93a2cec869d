//! Renders the few models that must follow the field map.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::{ModelError, ModelFile, ModelSet};
use crate::config::{Entity, FieldMap, is_currency_code};
use crate::crm::CrmKind;

/// What templates may name.
///
/// `entities` lists the field map's entities as they stand in `field_map.toml`;
/// `mapped_columns(crm, object)` lists the vendor's names of every mapped, key and link field.
#[derive(Clone, Debug, Default)]
pub struct RenderContext {
    pub entities: Value,
    /// `(crm, object)` → vendor field names, in the field map's order, each once.
    pub mapped_columns: BTreeMap<(String, String), Vec<String>>,
    /// Settings of the project that shape SQL, such as the inclusion rules.
    pub project: Value,
}

impl RenderContext {
    /// Makes the context of a field map and of the project's settings.
    pub fn new(field_map: &FieldMap, project: Value) -> Self {
        let mut mapped_columns: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for entity in &field_map.entities {
            let mut add = |crm: CrmKind, object: &str, column: &str| {
                let columns =
                    mapped_columns.entry((crm.as_str().to_owned(), object.to_owned())).or_default();
                if !columns.iter().any(|known| known == column) {
                    columns.push(column.to_owned());
                }
            };
            let currencies = |crm: CrmKind| {
                let named = entity.fields.iter().filter_map(|field| field.currency.as_ref());
                named.map(move |pair| pair.of(crm)).filter(|name| !is_currency_code(name))
            };
            for column in [entity.key.hubspot.as_str(), entity.link.hubspot.as_str()]
                .into_iter()
                .chain(entity.fields.iter().map(|field| field.hubspot.as_str()))
                .chain(currencies(CrmKind::HubSpot))
            {
                add(CrmKind::HubSpot, &entity.hubspot, column);
            }
            // A key or link is evidence in every object that may carry it, mapped or not.
            for object in entity.name.salesforce_objects() {
                add(CrmKind::Salesforce, object, &entity.key.salesforce);
                add(CrmKind::Salesforce, object, &entity.link.salesforce);
                let fields = entity.fields.iter();
                for column in fields.filter_map(|field| field.salesforce.get(*object)) {
                    add(CrmKind::Salesforce, object, column);
                }
                for column in currencies(CrmKind::Salesforce) {
                    add(CrmKind::Salesforce, object, column);
                }
            }
        }
        let entities: BTreeMap<&str, &Entity> =
            field_map.entities.iter().map(|entity| (entity.name.as_str(), entity)).collect();
        Self { entities: Value::from(Serde(&entities)), mapped_columns, project }
    }
}

/// Renders a model; one without template marks is returned as it stands.
///
/// # Errors
/// When the template is wrong or names something that does not exist.
pub fn render(
    set: &ModelSet,
    model: &ModelFile,
    render_context: &RenderContext,
) -> Result<String, ModelError> {
    if !model.template.contains("{%") && !model.template.contains("{{") {
        return Ok(model.template.clone());
    }
    let render_error =
        |source| ModelError::Render { path: format!("models/{}", model.path), source };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(render_error)?;
    environment.set_syntax(syntax);
    // Names come from the field map, which allows only identifiers; SQL is not HTML.
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    for (path, text) in &set.macros {
        environment.add_template_owned(path.clone(), text.clone()).map_err(render_error)?;
    }
    let mapped_columns = render_context.mapped_columns.clone();
    environment.add_function("mapped_columns", move |crm: String, object: String| {
        mapped_columns.get(&(crm, object)).cloned().unwrap_or_default()
    });
    environment.add_filter("quote", |text: String| format!("'{}'", text.replace('\'', "''")));
    environment
        .add_template_owned(model.path.clone(), model.template.clone())
        .map_err(render_error)?;
    environment
        .get_template(&model.path)
        .map_err(render_error)?
        .render(context! {
            entities => render_context.entities.clone(),
            project => render_context.project.clone(),
        })
        .map_err(render_error)
}
