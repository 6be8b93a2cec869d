//! What an opportunity takes over from its stage.

use rusqlite::types::Value as Cell;

use super::errors::Fault;
use super::org::Org;
use super::schema::{FieldKind, Object};
use super::validate::Change;

/// Fields of an opportunity and those of `OpportunityStage` that they follow.
const FOLLOWED: [(&str, &str); 5] = [
    ("Probability", "DefaultProbability"),
    ("ForecastCategory", "ForecastCategory"),
    ("ForecastCategoryName", "ForecastCategoryName"),
    ("IsClosed", "IsClosed"),
    ("IsWon", "IsWon"),
];

/// Resets what a stage decides when `StageName` is written, except what the same write gives.
///
/// # Errors
/// When the database fails.
pub fn follow(
    org: &Org<'_>,
    object: &Object,
    changes: &[Change],
    cells: &mut [Cell],
) -> Result<(), Fault> {
    if object.name != "Opportunity" {
        return Ok(());
    }
    let is_given =
        |name: &str| changes.iter().any(|(index, _)| object.position(name) == Some(*index));
    let stage = object.position("StageName").and_then(|index| cells.get(index)).cloned();
    if let (true, Some(stage @ Cell::Text(_)), Some(stages)) =
        (is_given("StageName"), stage, org.whole.object("OpportunityStage"))
    {
        let by = stages.field("ApiName").or_else(|| stages.field("MasterLabel"));
        let row = match by {
            Some(by) => org.rows_by(stages, by, &stage)?.into_iter().next(),
            None => None,
        };
        if let Some(row) = row {
            for (field, source) in FOLLOWED {
                if let (Some(index), Some(_), false) =
                    (object.position(field), stages.position(source), is_given(field))
                    && let Some(slot) = cells.get_mut(index)
                {
                    *slot = row.cell(stages, source).clone();
                }
            }
        }
    }
    expect_revenue(object, cells);
    Ok(())
}

fn expect_revenue(object: &Object, cells: &mut [Cell]) {
    let number = |name: &str| match object.position(name).and_then(|index| cells.get(index)) {
        Some(Cell::Real(number)) => Some(*number),
        _ => None,
    };
    let revenue = match (number("Amount"), number("Probability")) {
        (Some(amount), Some(probability)) => Cell::Real(amount * probability / 100.0),
        _ => Cell::Null,
    };
    if let Some(index) = object.position("ExpectedRevenue")
        && object.fields.get(index).is_some_and(|field| field.kind == FieldKind::Number)
        && let Some(slot) = cells.get_mut(index)
    {
        *slot = revenue;
    }
}
