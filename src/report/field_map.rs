//! The field map as a page that both teams can read and sign.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ReportError, render};
use crate::check::vendor;
use crate::config::{
    CreatePolicy, Entity, EntityName, Field, FieldType, InclusionRule, Owner, Project, WriteMode,
};
use crate::crm::CrmKind;
use crate::schema::Schema;

/// Characters of a digest that a signature needs.
const DIGEST_SHOWN: usize = 8;

/// What the vendors' metadata calls things; a CRM that was never pulled has none.
#[derive(Clone, Debug, Default)]
pub struct Labels<'a> {
    pub schemas: BTreeMap<CrmKind, &'a Schema>,
    /// When the metadata was read.
    pub read_at: Option<String>,
}

impl Labels<'_> {
    fn field(&self, kind: CrmKind, object: &str, name: &str) -> Option<String> {
        let info = self.schemas.get(&kind)?.field(object, name)?;
        Some(info.label.clone()).filter(|label| !label.is_empty() && label != name)
    }

    fn value(&self, kind: CrmKind, object: &str, name: &str, value: &str) -> Option<String> {
        let values = self.schemas.get(&kind)?.picklist_values.iter();
        let mut of_field = values.filter(|v| v.object == object && v.field == name);
        let label = of_field.find(|v| v.value == value)?.label.clone();
        Some(label).filter(|label| label != value)
    }
}

#[derive(Serialize)]
struct Page {
    project: String,
    digest: String,
    digest_shown: String,
    read_at: Option<String>,
    entities: Vec<EntityView>,
    sign_offs: Vec<SignOffView>,
}

#[derive(Serialize)]
struct SignOffView {
    name: String,
    date: String,
    digest: String,
    covers: bool,
}

#[derive(Serialize)]
struct EntityView {
    id: &'static str,
    title: &'static str,
    objects: String,
    creates: Vec<CreateView>,
    follows_account: bool,
    key: Vec<String>,
    link: Vec<String>,
    fields: Vec<FieldView>,
}

#[derive(Serialize)]
struct CreateView {
    sentence: String,
    /// Why somebody is not created.
    barriers: Vec<String>,
}

#[derive(Serialize)]
struct FieldView {
    name: String,
    field_type: &'static str,
    hubspot: NamesView,
    salesforce: Vec<NamesView>,
    owner: &'static str,
    owner_word: &'static str,
    owner_words: String,
    written: &'static str,
    blanks: String,
    options: Vec<String>,
    because: Vec<(&'static str, String)>,
    values: Vec<ValueView>,
}

/// Fields of one label.
#[derive(Serialize)]
struct NamesView {
    label: Option<String>,
    names: Vec<String>,
}

#[derive(Serialize)]
struct ValueView {
    hubspot: String,
    hubspot_label: Option<String>,
    salesforce: String,
    salesforce_label: Option<String>,
}

/// Writes the map as one HTML file.
///
/// # Errors
/// When the template is wrong.
pub fn field_map_page(project: &Project, labels: &Labels<'_>) -> Result<String, ReportError> {
    let map = &project.field_map;
    let entities = map.entities.iter().filter(|entity| entity.is_mapped);
    let sign_offs = map.sign_offs.iter().map(|sign_off| SignOffView {
        name: sign_off.name.clone(),
        date: sign_off.date.clone(),
        digest: shown(&sign_off.digest),
        covers: sign_off.covers(map),
    });
    let page = Page {
        project: project.name.clone(),
        digest: map.digest.clone(),
        digest_shown: shown(&map.digest),
        read_at: labels.read_at.clone(),
        entities: entities.map(|entity| entity_view(project, entity, labels)).collect(),
        sign_offs: sign_offs.collect(),
    };
    render("field_map.html", include_str!("field_map.html"), &page)
}

fn shown(digest: &str) -> String {
    digest.chars().take(DIGEST_SHOWN).collect()
}

fn entity_view(project: &Project, entity: &Entity, labels: &Labels<'_>) -> EntityView {
    let title = match entity.name {
        EntityName::Person => "People",
        EntityName::Company => "Companies",
        EntityName::Deal => "Deals",
    };
    let pair = |pair: &crate::config::SidePair| {
        let of = |kind: CrmKind| format!("{}: {}", vendor(kind), pair.of(kind));
        vec![of(CrmKind::HubSpot), of(CrmKind::Salesforce)]
    };
    EntityView {
        id: entity.name.as_str(),
        title,
        objects: format!(
            "HubSpot {}; Salesforce {}",
            entity.hubspot,
            entity.salesforce.join(" and ")
        ),
        creates: creates(project, entity),
        follows_account: entity.follows_account,
        key: pair(&entity.key),
        link: pair(&entity.link),
        fields: entity.fields.iter().map(|field| field_view(entity, field, labels)).collect(),
    }
}

fn creates(project: &Project, entity: &Entity) -> Vec<CreateView> {
    let inclusion = &project.inclusion;
    let of_side = |to: CrmKind, object: &str, rules: &[InclusionRule]| {
        let from = vendor(match to {
            CrmKind::HubSpot => CrmKind::Salesforce,
            CrmKind::Salesforce => CrmKind::HubSpot,
        });
        let to_name = vendor(to);
        match entity.create.of(to) {
            CreatePolicy::Never => CreateView {
                sentence: format!("Nothing is created in {to_name}."),
                barriers: Vec::new(),
            },
            CreatePolicy::Included => CreateView {
                sentence: format!(
                    "Whoever lives in {from} alone is created in {to_name} ({object}), except whoever"
                ),
                barriers: rules.iter().map(|rule| rule.sentence.clone()).collect(),
            },
        }
    };
    vec![
        of_side(CrmKind::Salesforce, &entity.create.as_object, &inclusion.rules),
        of_side(CrmKind::HubSpot, &entity.hubspot, &inclusion.to_hubspot),
    ]
}

fn field_view(entity: &Entity, field: &Field, labels: &Labels<'_>) -> FieldView {
    let mut salesforce: Vec<NamesView> = Vec::new();
    for (object, name) in &field.salesforce {
        let label = labels.field(CrmKind::Salesforce, object, name);
        let name = format!("{object}.{name}");
        match salesforce.last_mut().filter(|last| last.label == label) {
            Some(last) => last.names.push(name),
            None => salesforce.push(NamesView { label, names: vec![name] }),
        }
    }
    let because = field.because.iter().map(|(kind, text)| (vendor(*kind), text.clone()));
    let values = field.values.iter().map(|(hubspot, salesforce)| ValueView {
        hubspot_label: labels.value(CrmKind::HubSpot, &entity.hubspot, &field.hubspot, hubspot),
        salesforce_label: field
            .salesforce
            .iter()
            .find_map(|(object, name)| labels.value(CrmKind::Salesforce, object, name, salesforce)),
        hubspot: hubspot.clone(),
        salesforce: salesforce.clone(),
    });
    FieldView {
        name: field.name.clone(),
        field_type: type_words(field.field_type),
        hubspot: NamesView {
            names: vec![field.hubspot.clone()],
            label: labels.field(CrmKind::HubSpot, &entity.hubspot, &field.hubspot),
        },
        salesforce,
        owner: field.owner.as_str(),
        owner_word: match field.owner {
            Owner::Hubspot => "HubSpot",
            Owner::Salesforce => "Salesforce",
            Owner::TwoWay => "Both",
            Owner::Handoff => "One, then the other",
            Owner::Warehouse => "The warehouse",
            Owner::Compare => "Nobody",
        },
        owner_words: owner_words(field),
        written: match (field.owner, field.write) {
            (Owner::Compare, _) => "never; differences are reported",
            (_, WriteMode::Always) => "every night, where it differs",
            (_, WriteMode::WhenBlank) => "only where the other side is blank",
            (_, WriteMode::OnCreate) => "only with a new record",
        },
        blanks: blanks(field),
        options: options(field),
        because: because.collect(),
        values: values.collect(),
    }
}

fn owner_words(field: &Field) -> String {
    match field.owner {
        Owner::Hubspot => {
            "Its value is written to Salesforce. Edits in Salesforce are reported and overwritten."
                .to_owned()
        }
        Owner::Salesforce => {
            "Its value is written to HubSpot. Edits in HubSpot are reported and overwritten."
                .to_owned()
        }
        Owner::TwoWay => format!(
            "The side that changed since the two last agreed wins. When both did, {} wins.",
            field.tie.map_or("neither", vendor)
        ),
        Owner::Handoff => "HubSpot before the handoff, Salesforce after it.".to_owned(),
        Owner::Warehouse => "A model's value is written to both.".to_owned(),
        Owner::Compare => "The two sides are compared, and neither is written.".to_owned(),
    }
}

fn blanks(field: &Field) -> String {
    let mut words = match (field.owner, field.clear) {
        (Owner::Compare, _) => String::new(),
        (_, true) => "a blank in the owner erases the other side".to_owned(),
        (_, false) => "a blank erases nothing".to_owned(),
    };
    if field.blank_is_false {
        let comma = if words.is_empty() { "" } else { "; " };
        words.push_str(comma);
        words.push_str("blank means no");
    }
    words
}

fn options(field: &Field) -> Vec<String> {
    let mut options = Vec::new();
    if field.truncate {
        options.push("What is too long is cut, and marked.".to_owned());
    }
    if let Some(scale) = field.scale {
        options.push(match scale {
            0 => "Whole numbers.".to_owned(),
            1 => "Compared to 1 digit after the point.".to_owned(),
            digits => format!("Compared to {digits} digits after the point."),
        });
    }
    if let Some(zone) = &field.zone {
        options.push(format!("Days are those of {zone}."));
    }
    if let Some(default) = &field.create_default {
        options
            .push(format!("A new record in Salesforce gets “{default}” where HubSpot is blank."));
    }
    if let Some(codes) = &field.currency {
        options.push(if codes.hubspot == codes.salesforce {
            format!("Amounts are in {}.", codes.hubspot)
        } else {
            format!(
                "The currency is what HubSpot says in {} and Salesforce in {}.",
                codes.hubspot, codes.salesforce
            )
        });
    }
    if let Some(form) = field.hubspot_keeps {
        options.push(format!("HubSpot keeps it as a {}.", form.as_str()));
    }
    for (kind, name) in &field.fallback {
        options.push(format!("Whoever is not in {kind} is stood in for by {name} there."));
    }
    if let Some(from) = &field.from {
        options
            .push(format!("The value is the column {} of the model {}.", from.column, from.model));
    }
    if field.is_mapped_by_label {
        options.push("Values of one label are one value.".to_owned());
    }
    if field.field_type == FieldType::Consent {
        let no = if field.restrictive { "yes" } else { "no" };
        options.push(format!("A “{no}” in one record goes to every record of the person."));
    }
    options
}

fn type_words(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Text => "text",
        FieldType::Email => "e-mail address",
        FieldType::Phone => "phone number",
        FieldType::Picklist => "one value of a list",
        FieldType::MultiPicklist => "several values of a list",
        FieldType::Bool => "yes or no",
        FieldType::Number => "number",
        FieldType::Currency => "amount of money",
        FieldType::Percent => "percentage",
        FieldType::Date => "day",
        FieldType::Datetime => "time",
        FieldType::Owner => "record owner",
        FieldType::Reference => "another record",
        FieldType::Country => "country",
        FieldType::Consent => "consent",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Overrides, read_project};
    use crate::schema::{FieldInfo, PicklistValue};

    const PROJECT: &str = include_str!("../../concord.toml");
    const FIELD_MAP: &str = include_str!("../../field_map.toml");

    fn page(map: &str, schema: &Schema) -> String {
        let project = read_project(Path::new("."), PROJECT, Some(map), &Overrides::default());
        let project = project.unwrap_or_else(|error| panic!("{error}"));
        let labels =
            Labels { schemas: BTreeMap::from([(CrmKind::HubSpot, schema)]), read_at: None };
        field_map_page(&project, &labels).expect("the page renders")
    }

    fn schema() -> Schema {
        let mut schema = Schema::default();
        schema.fields.push(FieldInfo {
            object: "contacts".to_owned(),
            field: "segment".to_owned(),
            label: "Segment <script>alert(1)</script>".to_owned(),
            vendor_type: "enumeration".to_owned(),
            length_max: None,
            scale: None,
            is_required: false,
            is_createable: true,
            is_updateable: true,
            is_unique: false,
            is_calculated: false,
            is_restricted: true,
            is_custom: true,
            references: None,
            definition: None,
        });
        schema.picklist_values.push(PicklistValue {
            object: "contacts".to_owned(),
            field: "segment".to_owned(),
            value: "smb".to_owned(),
            label: "Small & medium".to_owned(),
            is_active: true,
            sort_order: 0,
        });
        schema
    }

    #[test]
    fn every_field_is_on_the_page_and_nothing_is_fetched() {
        let page = page(FIELD_MAP, &schema());
        for part in [
            "People",
            "Companies",
            "Deals",
            "lead_source_detail",
            "Opportunity.CloseDate",
            "reps correct numbers on calls",
            "When both did, Salesforce wins.",
            "has a lead score below 50, or none",
            "Small &amp; medium",
            "Concord_Key__c",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        for fetched in ["http:", "https:", "src=", "url(", "@import", "<script"] {
            assert!(!page.contains(fetched), "{fetched}");
        }
        assert!(page.contains("&lt;script&gt;"), "labels are escaped");
    }

    #[test]
    fn a_signature_covers_the_map_that_was_signed() {
        let digest = crate::config::read_field_map(FIELD_MAP).expect("valid").digest;
        let signed = |digest: &str| {
            format!(
                "{FIELD_MAP}\n[[sign_offs]]\nname = \"Ana <b>\"\ndate = \"2026-10-01\"\ndigest = \"{digest}\"\n"
            )
        };
        let current = page(&signed(&digest[..8]), &Schema::default());
        assert!(current.contains("Ana &lt;b&gt;") && current.contains("this map"), "{current}");
        let earlier = page(&signed("0123456789"), &Schema::default());
        assert!(earlier.contains("an earlier map"), "{earlier}");
    }
}
