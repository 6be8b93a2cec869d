//! Writes the Salesforce half of a world from a landed snapshot (see [`crate::sandbox::mirror`]).

use std::path::Path;

use serde::Deserialize;

use crate::crm::salesforce::table_name;
use crate::sandbox::company::{salesforce_id, salesforce_schema};
use crate::sandbox::mirror::{CsvFile, Landed, MirrorError, write_text};
use crate::schema::{Stage, UserType};

type WriteRows = fn(&Landed<'_>, &Path) -> Result<(), MirrorError>;

/// Objects that describe the org itself. Where they are not pulled as records, the metadata tells
/// their rows; their fields are the same in every org.
const OF_THE_ORG: [(&str, WriteRows); 6] = [
    ("User", write_users),
    ("Group", write_queues),
    ("Organization", write_organization),
    ("LeadStatus", write_lead_statuses),
    ("OpportunityStage", write_opportunity_stages),
    ("RecordType", write_record_types),
];

/// User of an org whose users were not pulled.
const NO_USER: &str = "005000000000000AAA";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectDefinition {
    #[serde(default)]
    record_type_infos: Vec<RecordType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordType {
    record_type_id: String,
    name: String,
    developer_name: Option<String>,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    master: bool,
}

/// Returns the user as whom the mirror's clients write.
pub fn integration_user(landed: &Landed<'_>) -> String {
    let mut users = landed.schema.users.iter();
    users
        .find(|user| user.user_type == UserType::Person && user.is_active)
        .map_or_else(|| NO_USER.to_owned(), |user| user.user_id.clone())
}

/// Writes every file of `<world>/salesforce` into `dir`.
pub async fn write(landed: &Landed<'_>, dir: &Path) -> Result<(), MirrorError> {
    for info in &landed.schema.objects {
        write_schema(landed, &info.object, dir)?;
        write_records(landed, &info.object, dir).await?;
    }
    for (object, write_rows) in OF_THE_ORG {
        let schema = salesforce_schema(object).filter(|_| landed.schema.object(object).is_none());
        let Some(schema) = schema else { continue };
        write_text(&dir.join("schema").join(format!("{object}.json")), schema)?;
        write_rows(landed, &dir.join("objects").join(format!("{object}.csv")))?;
    }
    Ok(())
}

fn write_schema(landed: &Landed<'_>, object: &str, dir: &Path) -> Result<(), MirrorError> {
    let info = landed.schema.object(object);
    let definition = info.and_then(|info| info.definition.as_ref());
    let head = landed.definition(object, definition)?.trim_end_matches('}');
    let mut fields = Vec::new();
    for field in landed.schema.fields_of(object) {
        let name = format!("{object}.{}", field.field);
        fields.push(landed.definition(&name, field.definition.as_ref())?);
    }
    let text = format!("{head},\"fields\":[\n{}\n]}}\n", fields.join(",\n"));
    write_text(&dir.join("schema").join(format!("{object}.json")), &text)
}

async fn write_records(landed: &Landed<'_>, object: &str, dir: &Path) -> Result<(), MirrorError> {
    let Some(table) = landed.manifest.table(&table_name(object)) else { return Ok(()) };
    let path = dir.join("objects").join(format!("{object}.csv"));
    let mut file = CsvFile::create(&path, &table.columns)?;
    landed
        .each_row(table, &table.columns, |values, _| {
            file.write(values.iter().map(|value| value.unwrap_or_default()))
        })
        .await?;
    file.finish()
}

fn write_users(landed: &Landed<'_>, path: &Path) -> Result<(), MirrorError> {
    let mut file = CsvFile::create(path, ["Id", "Email", "LastName", "Name", "IsActive"])?;
    for user in landed.schema.users.iter().filter(|user| user.user_type == UserType::Person) {
        let email = user.email.as_deref().unwrap_or_default();
        file.write([&user.user_id, email, &user.name, &user.name, flag(user.is_active)])?;
    }
    file.finish()
}

fn write_queues(landed: &Landed<'_>, path: &Path) -> Result<(), MirrorError> {
    let mut file = CsvFile::create(path, ["Id", "Name", "Type", "Email"])?;
    for user in landed.schema.users.iter().filter(|user| user.user_type == UserType::Queue) {
        let email = user.email.as_deref().unwrap_or_default();
        file.write([&user.user_id, user.name.as_str(), "Queue", email])?;
    }
    file.finish()
}

fn write_organization(landed: &Landed<'_>, path: &Path) -> Result<(), MirrorError> {
    let account = &landed.manifest.account;
    let mut file = CsvFile::create(path, ["Id", "Name", "TimeZoneSidKey"])?;
    file.write([&account.id, &account.name, &account.time_zone])?;
    file.finish()
}

fn write_lead_statuses(landed: &Landed<'_>, path: &Path) -> Result<(), MirrorError> {
    let columns = ["Id", "ApiName", "MasterLabel", "IsConverted", "SortOrder"];
    let mut file = CsvFile::create(path, columns)?;
    for (number, stage) in stages(landed, "Lead") {
        let id = salesforce_id("01I", number);
        let sort_order = stage.sort_order.to_string();
        file.write([&id, &stage.stage, &stage.label, flag(stage.is_closed), &sort_order])?;
    }
    file.finish()
}

fn write_opportunity_stages(landed: &Landed<'_>, path: &Path) -> Result<(), MirrorError> {
    let columns = [
        "Id",
        "ApiName",
        "MasterLabel",
        "DefaultProbability",
        "ForecastCategory",
        "ForecastCategoryName",
        "IsActive",
        "IsClosed",
        "IsWon",
        "SortOrder",
    ];
    let mut file = CsvFile::create(path, columns)?;
    for (number, stage) in stages(landed, "Opportunity") {
        let id = salesforce_id("01J", number);
        let category = match (stage.is_closed, stage.is_won) {
            (_, true) => "Closed",
            (true, false) => "Omitted",
            (false, false) => "Pipeline",
        };
        file.write([
            &id,
            &stage.stage,
            &stage.label,
            &percent(stage.probability.as_deref()),
            category,
            category,
            flag(stage.is_active),
            flag(stage.is_closed),
            flag(stage.is_won),
            &stage.sort_order.to_string(),
        ])?;
    }
    file.finish()
}

fn write_record_types(landed: &Landed<'_>, path: &Path) -> Result<(), MirrorError> {
    let columns = ["Id", "Name", "DeveloperName", "SobjectType", "IsActive"];
    let mut file = CsvFile::create(path, columns)?;
    for info in &landed.schema.objects {
        let definition = landed.definition(&info.object, info.definition.as_ref())?;
        let parsed: ObjectDefinition = serde_json::from_str(definition)
            .map_err(|source| MirrorError::Definition { name: info.object.clone(), source })?;
        for record_type in parsed.record_type_infos.iter().filter(|one| !one.master) {
            let developer_name = record_type.developer_name.as_deref().unwrap_or_default();
            file.write([
                &record_type.record_type_id,
                &record_type.name,
                developer_name,
                &info.object,
                flag(record_type.active),
            ])?;
        }
    }
    file.finish()
}

fn stages<'a>(landed: &'a Landed<'_>, object: &'a str) -> impl Iterator<Item = (u64, &'a Stage)> {
    (1..).zip(landed.schema.stages.iter().filter(move |stage| stage.object == object))
}

/// Turns a probability from 0 to 1 into a percentage, free of what a division left behind.
fn percent(probability: Option<&str>) -> String {
    let number = probability.and_then(|text| text.parse::<f64>().ok());
    number.map(|number| ((number * 1.0e8).round() / 1.0e6).to_string()).unwrap_or_default()
}

fn flag(is_true: bool) -> &'static str {
    if is_true { "true" } else { "false" }
}
