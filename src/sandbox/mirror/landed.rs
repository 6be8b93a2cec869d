//! Reading what was landed, and writing a world's files, row by row.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::{Array, AsArray, StringArray};

use super::MirrorError;
use crate::schema::Schema;
use crate::snapshot::{Manifest, TableManifest};
use crate::warehouse::Warehouse;

/// One CRM's snapshot with its metadata.
pub struct Landed<'a> {
    warehouse: &'a Warehouse,
    pub manifest: &'a Manifest,
    pub schema: Schema,
}

impl<'a> Landed<'a> {
    pub async fn open(
        warehouse: &'a Warehouse,
        manifest: &'a Manifest,
    ) -> Result<Self, MirrorError> {
        Ok(Self { warehouse, manifest, schema: manifest.read_schema(warehouse).await? })
    }

    /// Walks a table's rows in the order in which they were landed. `each` gets the values of
    /// `columns`, and whether the row is archived.
    pub async fn each_row(
        &self,
        table: &TableManifest,
        columns: &[String],
        mut each: impl FnMut(&[Option<&str>], bool) -> Result<(), MirrorError>,
    ) -> Result<(), MirrorError> {
        for path in &table.files {
            for batch in self.warehouse.scan_parquet(path, None).await? {
                let batch = batch?;
                let missing = |column: &str| MirrorError::Column {
                    path: path.clone(),
                    column: column.into(),
                };
                let arrays: Vec<&StringArray> = columns
                    .iter()
                    .map(|column| {
                        let array = batch.column_by_name(column);
                        array.and_then(|array| array.as_string_opt()).ok_or_else(|| missing(column))
                    })
                    .collect::<Result<_, _>>()?;
                let archived = batch.column_by_name("_archived");
                let archived = archived
                    .and_then(|array| array.as_boolean_opt())
                    .ok_or_else(|| missing("_archived"))?;
                let mut values = Vec::with_capacity(arrays.len());
                for row in 0..batch.num_rows() {
                    values.clear();
                    let cells = arrays.iter();
                    values.extend(cells.map(|a| a.is_valid(row).then(|| a.value(row))));
                    each(&values, archived.value(row))?;
                }
            }
        }
        Ok(())
    }

    /// Returns a vendor's definition that was landed, or says whose is missing.
    pub fn definition<'d>(
        &self,
        name: &str,
        definition: Option<&'d String>,
    ) -> Result<&'d str, MirrorError> {
        definition.map(String::as_str).ok_or_else(|| MirrorError::NoDefinition {
            snapshot_id: self.manifest.snapshot_id.clone(),
            name: name.to_owned(),
        })
    }
}

/// A CSV file of a world, written row by row.
pub struct CsvFile {
    path: PathBuf,
    writer: csv::Writer<fs::File>,
}

impl CsvFile {
    pub fn create<I>(path: &Path, header: I) -> Result<Self, MirrorError>
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        let path = path.to_path_buf();
        make_parent(&path)?;
        let writer = csv::Writer::from_path(&path).map_err(|error| failed(&path, error.into()))?;
        let mut file = Self { path, writer };
        file.write(header)?;
        Ok(file)
    }

    pub fn write<I>(&mut self, cells: I) -> Result<(), MirrorError>
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        let Self { path, writer } = self;
        writer.write_record(cells).map_err(|error| failed(path, error.into()))
    }

    pub fn finish(mut self) -> Result<(), MirrorError> {
        self.writer.flush().map_err(|source| failed(&self.path, source))
    }
}

/// Writes a whole file, and its directories where there are none.
pub fn write_text(path: &Path, text: &str) -> Result<(), MirrorError> {
    make_parent(path)?;
    fs::write(path, text).map_err(|source| failed(path, source))
}

fn make_parent(path: &Path) -> Result<(), MirrorError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|source| failed(parent, source))
}

fn failed(path: &Path, source: io::Error) -> MirrorError {
    MirrorError::Write { path: path.to_path_buf(), source }
}
