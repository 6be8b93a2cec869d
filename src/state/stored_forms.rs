//! Forms in which a CRM is known to store what it is sent.

use std::collections::HashSet;

use datafusion::arrow::array::AsArray;

use super::State;
use crate::crm::CrmKind;
use crate::warehouse::{Warehouse, WarehouseError};

/// Table of the state, and its text columns.
const TABLE: &str = "stored_forms";
const COLUMNS: [&str; 5] = ["source_system", "object", "field", "sent", "stored"];

/// The (sent, stored) pairs of the latest state.
#[derive(Clone, Debug, Default)]
pub struct StoredForms(HashSet<[String; 5]>);

impl StoredForms {
    /// Reads the pairs that the latest state remembers; none before the first build.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn read(warehouse: &Warehouse) -> Result<Self, WarehouseError> {
        let mut forms = HashSet::new();
        let Some(state) = State::latest(warehouse).await? else { return Ok(Self(forms)) };
        let Some(file) = state.tables.get(TABLE) else { return Ok(Self(forms)) };
        for batch in warehouse.read_parquet(file).await? {
            let columns = COLUMNS.map(|name| {
                batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>())
            });
            for row in 0..batch.num_rows() {
                forms.insert(columns.map(|column| {
                    column.map(|column| column.value(row).to_owned()).unwrap_or_default()
                }));
            }
        }
        Ok(Self(forms))
    }

    /// Says whether a field that was sent one value is known to hold the other then.
    pub fn holds(
        &self,
        system: CrmKind,
        object: &str,
        field: &str,
        sent: &str,
        stored: &str,
    ) -> bool {
        self.0.contains(&[system.as_str(), object, field, sent, stored].map(str::to_owned))
    }
}
