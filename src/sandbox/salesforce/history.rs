//! History rows that the platform writes beside a change of a tracked field.

use rusqlite::types::Value as Cell;

use super::errors::Fault;
use super::org::{Org, StoredRow};
use super::schema::Object;
use super::wire;

/// Fields whose changes leave a history row, where the object has a history.
const TRACKED: [&str; 7] =
    ["Status", "OwnerId", "Email", "MQL_Date__c", "StageName", "Amount", "Lifecycle_Stage__c"];
/// Fields whose change adds a snapshot row to `OpportunityHistory`.
const STAGE_FIELDS: [&str; 5] =
    ["StageName", "Amount", "CloseDate", "Probability", "ForecastCategory"];

/// Writes the history rows between a record before and after a change.
///
/// `before` is `None` for a new record.
///
/// # Errors
/// When the database fails.
pub fn write(
    org: &Org<'_>,
    object: &Object,
    before: Option<&StoredRow>,
    after: &[Cell],
) -> Result<(), Fault> {
    let cell = |name: &str| object.position(name).and_then(|index| after.get(index));
    let Some(Cell::Text(id)) = cell("Id") else { return Ok(()) };
    let history_name = match object.name.as_str() {
        "Opportunity" => "OpportunityFieldHistory".to_owned(),
        name => format!("{name}History"),
    };
    if let Some(history) = org.whole.object(&history_name) {
        let parent = format!("{}Id", object.name);
        match before {
            None => add(org, history, &parent, id, "created", &Cell::Null, &Cell::Null)?,
            Some(before) => {
                for name in TRACKED {
                    let (Some(new), Some(index)) = (cell(name), object.position(name)) else {
                        continue;
                    };
                    let old = before.cell(object, name);
                    let kind =
                        object.fields.get(index).map_or(super::schema::FieldKind::Text, |f| f.kind);
                    if old != new {
                        let old = wire::as_history_text(kind, old);
                        let new = wire::as_history_text(kind, new);
                        let shown = if name == "OwnerId" { "Owner" } else { name };
                        add(org, history, &parent, id, shown, &old, &new)?;
                    }
                }
            }
        }
    }
    if object.name == "Opportunity" {
        let is_changed = before.is_none_or(|before| {
            STAGE_FIELDS
                .iter()
                .any(|name| cell(name).is_some_and(|new| before.cell(object, name) != new))
        });
        if let (true, Some(history)) = (is_changed, org.whole.object("OpportunityHistory")) {
            let mut values = vec![("OpportunityId", Cell::Text(id.clone()))];
            for name in STAGE_FIELDS.into_iter().chain(["ExpectedRevenue"]) {
                values.push((name, cell(name).cloned().unwrap_or(Cell::Null)));
            }
            insert(org, history, &values)?;
        }
    }
    Ok(())
}

/// Writes the row that marks a lead as converted.
pub fn write_converted(org: &Org<'_>, lead_id: &str) -> Result<(), Fault> {
    match org.whole.object("LeadHistory") {
        Some(history) => {
            add(org, history, "LeadId", lead_id, "leadConverted", &Cell::Null, &Cell::Null)
        }
        None => Ok(()),
    }
}

fn add(
    org: &Org<'_>,
    history: &Object,
    parent: &str,
    id: &str,
    field: &str,
    old: &Cell,
    new: &Cell,
) -> Result<(), Fault> {
    insert(
        org,
        history,
        &[
            (parent, Cell::Text(id.to_owned())),
            ("Field", Cell::Text(field.to_owned())),
            ("DataType", Cell::Text("Text".to_owned())),
            ("OldValue", old.clone()),
            ("NewValue", new.clone()),
        ],
    )
}

fn insert(org: &Org<'_>, history: &Object, values: &[(&str, Cell)]) -> Result<(), Fault> {
    let mut cells: Vec<Cell> = history.fields.iter().map(|field| wire::empty(field.kind)).collect();
    let now = Cell::Text(wire::moment(org.now));
    let user = Cell::Text(org.user_id.to_owned());
    let system = [
        ("Id", Cell::Text(org.mint(history)?)),
        ("CreatedDate", now.clone()),
        ("LastModifiedDate", now.clone()),
        ("SystemModstamp", now),
        ("CreatedById", user.clone()),
        ("LastModifiedById", user),
    ];
    for (name, value) in values.iter().chain(&system) {
        if let Some(slot) = history.position(name).and_then(|index| cells.get_mut(index)) {
            *slot = value.clone();
        }
    }
    org.insert(history, &cells)?;
    Ok(())
}
