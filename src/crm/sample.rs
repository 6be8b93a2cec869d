//! A few rows of a file, held against what the records say of themselves.
//!
//! Files of exports and bulk jobs write values in forms of their own, some of which no document
//! states. They are converted, and then a sample is read again by id: one call that proves the
//! conversion on this account's own data, or refuses the file before anybody reads it.

use std::collections::{BTreeMap, HashSet};

use super::{Record, Row};

/// Records that are read again; one call.
const RECORDS_MAX: usize = 100;

/// Rows that between them fill as many columns as can be.
#[derive(Debug, Default)]
pub struct Sample {
    rows: BTreeMap<String, Vec<Option<String>>>,
    filled: HashSet<usize>,
}

impl Sample {
    /// Takes a row when it shows a column that no row before it showed.
    pub fn offer(&mut self, id: &str, row: &Row) {
        if self.rows.len() >= RECORDS_MAX {
            return;
        }
        let filled = |(index, value): (usize, &Option<String>)| value.as_ref().map(|_| index);
        let new: Vec<usize> = row
            .values
            .iter()
            .enumerate()
            .filter_map(filled)
            .filter(|index| !self.filled.contains(index))
            .collect();
        // The first rows come in any case: what is blank in them must be blank there too.
        if new.is_empty() && self.rows.len() >= RECORDS_MAX / 10 {
            return;
        }
        self.filled.extend(new);
        self.rows.insert(id.to_owned(), row.values.clone());
    }

    pub fn ids(&self) -> Vec<String> {
        self.rows.keys().cloned().collect()
    }

    /// Returns what the rows say in one column, by id.
    pub fn values_of(
        &self,
        columns: &[String],
        column: Option<&str>,
    ) -> BTreeMap<&str, Option<&str>> {
        let position = columns.iter().position(|name| Some(name.as_str()) == column);
        self.rows
            .iter()
            .map(|(id, row)| {
                let value = position.and_then(|at| row.get(at)).and_then(Option::as_deref);
                (id.as_str(), value)
            })
            .collect()
    }

    /// Returns a column in which a record differs from its row. Records that are gone, or were
    /// modified after the file was begun (`is_newer`), say nothing.
    pub fn difference<'a>(
        &self,
        columns: &'a [String],
        records: &[Record],
        is_newer: impl Fn(&str) -> bool,
    ) -> Option<&'a str> {
        let found = records.iter().filter(|record| !is_newer(&record.id));
        for record in found {
            let Some(row) = self.rows.get(&record.id) else { continue };
            for (column, value) in columns.iter().zip(row) {
                let live = record.values.get(column).cloned().flatten();
                if live != *value {
                    return Some(column);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: [Option<&str>; 2]) -> Row {
        Row { values: values.map(|value| value.map(str::to_owned)).into(), is_archived: false }
    }

    #[test]
    fn a_value_in_another_form_is_named_by_its_column() {
        let columns = ["Id", "Amount"].map(str::to_owned);
        let mut sample = Sample::default();
        sample.offer("1", &row([Some("1"), None]));
        sample.offer("2", &row([Some("2"), Some("10")]));
        let record = |id: &str, amount: Option<&str>| Record {
            id: id.to_owned(),
            modified_at: None,
            values: [
                ("Id".to_owned(), Some(id.to_owned())),
                ("Amount".to_owned(), amount.map(str::to_owned)),
            ]
            .into(),
        };
        let same = [record("1", None), record("2", Some("10"))];
        assert_eq!(sample.difference(&columns, &same, |_| false), None);
        let other = [record("1", None), record("2", Some("10.0"))];
        assert_eq!(sample.difference(&columns, &other, |_| false), Some("Amount"));
        assert_eq!(sample.difference(&columns, &other, |id| id == "2"), None);
    }
}
