//! A Parquet file that is written batch by batch and appears whole or not at all.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use object_store::buffered::BufWriter;
use object_store::path::Path as StorePath;
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Warehouse, WarehouseError, parquet_error};

/// Rows a row group holds; bounds the writer's memory whatever the table's size.
const ROWS_PER_GROUP_MAX: usize = 64 * 1024;

/// A file under way: one put, or where it is large, parts that one more request makes a file.
///
/// Dropping it unfinished leaves nothing to be seen. An object store keeps the parts of a large file
/// until it is told to drop them, which a rule of the bucket does best.
pub struct ParquetFile {
    path: String,
    warehouse: Warehouse,
    writer: AsyncArrowWriter<BufWriter>,
    n_rows: u64,
}

impl ParquetFile {
    pub(super) fn create(
        warehouse: &Warehouse,
        path: &str,
        schema: SchemaRef,
    ) -> Result<Self, WarehouseError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROWS_PER_GROUP_MAX))
            .build();
        let sink = BufWriter::new(warehouse.store(), StorePath::from(path));
        let writer = AsyncArrowWriter::try_new(sink, schema, Some(properties))
            .map_err(|source| parquet_error(path, source))?;
        let warehouse = warehouse.clone();
        Ok(Self { path: path.to_owned(), warehouse, writer, n_rows: 0 })
    }

    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), WarehouseError> {
        self.n_rows += batch.num_rows() as u64;
        self.writer.write(batch).await.map_err(|source| parquet_error(&self.path, source))
    }

    /// Publishes the file and returns its rows.
    pub async fn finish(self) -> Result<u64, WarehouseError> {
        let Self { path, warehouse, writer, n_rows } = self;
        warehouse.pass_fence().await?;
        writer.close().await.map_err(|source| parquet_error(&path, source))?;
        Ok(n_rows)
    }
}
