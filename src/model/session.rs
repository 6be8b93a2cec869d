//! The DataFusion session that models and analysts' queries run in.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::TableReference;
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::lit;
use datafusion::prelude::{
    CsvReadOptions, JsonReadOptions, ParquetReadOptions, SessionConfig, SessionContext, cast,
};
use datafusion::scalar::ScalarValue;

use crate::config::{Project, SourceFormat};
use crate::warehouse::{STORE_URL, Warehouse};

/// Room for one batch of each of the files that a sort merges at a time.
const SORT_RESERVATION_BYTES: usize = 2 * 1024 * 1024;

/// Schemas that exist in every session, empty or not.
pub struct Namespaces;

impl Namespaces {
    pub const ALL: [&'static str; 10] = [
        "hubspot",
        "salesforce",
        "hubspot_metadata",
        "salesforce_metadata",
        "seeds",
        "project",
        "state",
        "ops",
        "plan",
        "sources",
    ];
}

/// Opens a session over the warehouse with a memory limit, past which operators spill to disk.
///
/// # Errors
/// When DataFusion cannot set up its runtime.
pub fn new_session(
    warehouse: &Warehouse,
    memory_bytes_max: usize,
) -> Result<SessionContext, DataFusionError> {
    let mut config = SessionConfig::new().with_information_schema(true);
    let options = config.options_mut();
    // Every text column is Utf8, so that our functions see one string type.
    options.execution.parquet.schema_force_view_types = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.collect_spans = true;
    // Long chains of conditions over many mapped fields nest deeper than the default of 50.
    options.sql_parser.recursion_limit = ConfigNonZeroUsize::try_new(2_000)?;
    // A hash join must hold its smaller side in memory; a sort-merge join spills instead.
    options.optimizer.prefer_hash_join = false;
    // Each sort keeps this much aside for merging what it spilled. A model has a hundred sorts, few
    // of them large: the default of 10 MB would be more than the whole memory.
    options.execution.sort_spill_reservation_bytes = SORT_RESERVATION_BYTES;
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory_bytes_max)))
        .build_arc()?;
    let ctx = SessionContext::new_with_config_rt(config, runtime);
    let url = ObjectStoreUrl::parse(STORE_URL)?;
    ctx.register_object_store(url.as_ref(), warehouse.store());
    let catalog = ctx
        .catalog("datafusion")
        .ok_or_else(|| DataFusionError::Internal("the default catalog is missing".into()))?;
    for schema in Namespaces::ALL {
        catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
    }
    Ok(ctx)
}

/// Registers Parquet files of the warehouse as a table; columns in `expected` that the files lack
/// are added as null text.
///
/// # Errors
/// When a file cannot be read as Parquet.
pub async fn register_parquet(
    ctx: &SessionContext,
    table: impl Into<TableReference>,
    files: &[String],
    expected: &[String],
) -> Result<(), DataFusionError> {
    let urls: Vec<String> = files.iter().map(|file| format!("{STORE_URL}{file}")).collect();
    let mut frame = ctx.read_parquet(urls, ParquetReadOptions::default()).await?;
    let present: Vec<String> =
        frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    for column in expected.iter().filter(|column| !present.contains(column)) {
        let null = cast(lit(ScalarValue::Null), DataType::Utf8).alias(column);
        let mut columns: Vec<_> = frame
            .schema()
            .columns()
            .into_iter()
            .map(datafusion::logical_expr::Expr::Column)
            .collect();
        columns.push(null);
        frame = frame.select(columns)?;
    }
    let table = table.into();
    ctx.deregister_table(table.clone())?;
    ctx.register_table(table, frame.into_view())?;
    Ok(())
}

/// Registers rows held in memory as a table of text columns.
///
/// # Errors
/// When rows and columns do not fit.
pub fn register_rows(
    ctx: &SessionContext,
    table: impl Into<TableReference>,
    columns: &[&str],
    rows: &[Vec<Option<String>>],
) -> Result<(), DataFusionError> {
    let schema: SchemaRef = Arc::new(Schema::new(
        columns.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect::<Vec<_>>(),
    ));
    let arrays = (0..columns.len())
        .map(|index| {
            let values = rows.iter().map(|row| row.get(index).and_then(Option::as_deref));
            Arc::new(values.collect::<StringArray>()) as _
        })
        .collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    register_batches(ctx, table, schema, vec![batch])
}

/// Registers batches held in memory as a table.
///
/// # Errors
/// When a batch does not fit the schema.
pub fn register_batches(
    ctx: &SessionContext,
    table: impl Into<TableReference>,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<(), DataFusionError> {
    let table = table.into();
    ctx.deregister_table(table.clone())?;
    ctx.register_table(table, Arc::new(MemTable::try_new(schema, vec![batches])?))?;
    Ok(())
}

/// Registers files from elsewhere as `sources.<name>`: columns of CSV are text, others keep their types.
///
/// # Errors
/// When a file is not there or not of its format.
pub async fn register_extra_sources(
    ctx: &SessionContext,
    project: &Project,
    warehouse: &Warehouse,
) -> Result<(), super::ModelError> {
    for (name, source) in &project.sources {
        let (store, path) = warehouse
            .place_of(&source.url, &project.dir)
            .map_err(|source| super::ModelError::SourcePlace { name: name.clone(), source })?;
        // Each has a store of its own, so that each may lie elsewhere.
        let root = format!("source://{name}/");
        ctx.register_object_store(ObjectStoreUrl::parse(&root)?.as_ref(), store);
        let url = format!("{root}{path}");
        let ending = source.format.endings().iter().find(|end| path.ends_with(**end));
        let ending = ending.or(source.format.endings().first()).copied().unwrap_or_default();
        let frame = match source.format {
            SourceFormat::Csv => {
                let options = CsvReadOptions::new().schema_infer_max_records(0);
                ctx.read_csv(url, options.file_extension(ending)).await
            }
            SourceFormat::Json => {
                ctx.read_json(url, JsonReadOptions::default().file_extension(ending)).await
            }
            SourceFormat::Parquet => {
                let options = ParquetReadOptions::default();
                ctx.read_parquet(url, ParquetReadOptions { file_extension: ending, ..options })
                    .await
            }
        };
        let unreadable = |error| super::ModelError::Source {
            name: name.clone(),
            url: source.url.clone(),
            source: Box::new(error),
        };
        let frame = frame.map_err(unreadable)?;
        if frame.schema().fields().is_empty() {
            return Err(super::ModelError::NoSource {
                name: name.clone(),
                url: source.url.clone(),
            });
        }
        ctx.register_table(TableReference::partial("sources", name.as_str()), frame.into_view())?;
    }
    Ok(())
}

/// Registers the seed files (stem → CSV text) as `seeds.<stem>`, every column text, blank null.
///
/// # Errors
/// When a seed is not CSV with a header.
pub fn register_seeds(
    ctx: &SessionContext,
    seeds: &BTreeMap<String, String>,
) -> Result<(), super::ModelError> {
    for (name, text) in seeds {
        let seed_error =
            |source| super::ModelError::Seed { path: format!("data/seeds/{name}.csv"), source };
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().map_err(seed_error)?.clone();
        let columns: Vec<&str> = header.iter().collect();
        let rows = reader
            .records()
            .map(|record| {
                let record = record.map_err(seed_error)?;
                Ok(record.iter().map(|v| (!v.is_empty()).then(|| v.to_owned())).collect())
            })
            .collect::<Result<Vec<Vec<Option<String>>>, super::ModelError>>()?;
        register_rows(ctx, TableReference::partial("seeds", name.as_str()), &columns, &rows)?;
    }
    Ok(())
}
