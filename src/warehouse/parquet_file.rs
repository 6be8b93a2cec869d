//! A Parquet file that is written batch by batch and appears whole or not at all.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path as StorePath;
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::WarehouseError;

/// Rows a row group holds; bounds the writer's memory whatever the table's size.
const ROWS_PER_GROUP_MAX: usize = 64 * 1024;

/// A file under way. Dropping it unfinished leaves nothing behind.
pub struct ParquetFile {
    path: String,
    writer: AsyncArrowWriter<BufWriter>,
    n_rows: u64,
}

impl ParquetFile {
    pub(super) fn create(
        store: Arc<dyn ObjectStore>,
        path: &str,
        schema: SchemaRef,
    ) -> Result<Self, WarehouseError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROWS_PER_GROUP_MAX))
            .build();
        let sink = BufWriter::new(store, StorePath::from(path));
        let writer = AsyncArrowWriter::try_new(sink, schema, Some(properties))
            .map_err(|source| WarehouseError::Parquet { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), writer, n_rows: 0 })
    }

    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), WarehouseError> {
        self.n_rows += batch.num_rows() as u64;
        self.writer
            .write(batch)
            .await
            .map_err(|source| WarehouseError::Parquet { path: self.path.clone(), source })
    }

    /// Publishes the file and returns its rows.
    pub async fn finish(self) -> Result<u64, WarehouseError> {
        let Self { path, writer, n_rows } = self;
        writer.close().await.map_err(|source| WarehouseError::Parquet { path, source })?;
        Ok(n_rows)
    }
}
