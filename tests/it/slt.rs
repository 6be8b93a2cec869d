//! The logic of each model, alone: rows go into the tables that it reads, and it is asked.
//!
//! `tests/slt/<model>.slt` is a `sqllogictest` file. Every source and every model is there as an
//! empty table that takes `insert into` with any of its columns; the file's own model is the real
//! SQL over them, rendered with the repository's field map and `more_fields.toml`. `project.run` says 2026-10-01T10:00Z.
//! Functions that map and check values know the users, fields and picklists of a generated company;
//! the metadata tables themselves start empty like all others. Who may be created and associated
//! stands as the field map says, and an example may add to it.
//!
//! ```sh
//! SLT_COMPLETE=1 cargo test --test it slt     # writes what the models give into the files
//! SLT_ONLY=int_pairs cargo test --test it slt # one file
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use concord::config::{Overrides, Period, load, read_field_map};
use concord::model::{Opened, Question, open_sources, register_batches, rendered_in_order};
use concord::sandbox::company::CompanyOptions;
use concord::warehouse::Warehouse;
use datafusion::arrow::array::{Array, RecordBatch, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

use crate::support::Company;

/// The story is told at this moment.
const AS_OF: &str = "2026-10-01T10:00:00Z";

/// A model with its SQL as run and the columns that it gives.
struct Known {
    sql: String,
    schema: SchemaRef,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_model_does_what_its_examples_say() {
    let files = slt_files();
    assert!(!files.is_empty());
    let company = Company::new(&CompanyOptions::small(1));
    company.good(&["pull", "--sandbox"]);
    let models = known_models(&company).await;
    let mut failures = Vec::new();
    for file in files {
        let model = stem(&file);
        assert!(models.contains_key(&model), "{} is no model", file.display());
        if let Err(failure) = run(&file, &model, &models, &company).await {
            failures.push(format!("{}: {failure}", file.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[expect(clippy::disallowed_methods, reason = "the test's own variables")]
async fn run(
    file: &Path,
    model: &str,
    models: &BTreeMap<String, Known>,
    company: &Company,
) -> Result<(), sqllogictest::TestError> {
    let opened = sources(company).await;
    insertable_sources(&opened.ctx).await;
    for (name, known) in models {
        register_batches(&opened.ctx, name.as_str(), Arc::clone(&known.schema), Vec::new())
            .expect("the model's table registers");
    }
    let session =
        Session { ctx: opened.ctx, model: model.to_owned(), sql: models[model].sql.clone() };
    let mut runner = Runner::new(|| {
        let session = session.clone();
        async move { Ok(session) }
    });
    if std::env::var("SLT_COMPLETE").is_ok() {
        let done = runner
            .update_test_file(
                file,
                " ",
                sqllogictest::default_validator,
                sqllogictest::default_normalizer,
                sqllogictest::default_column_validator,
            )
            .await;
        done.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return Ok(());
    }
    runner.run_file_async(file).await
}

/// Renders every model and learns its columns by planning all of them over nothing.
async fn known_models(company: &Company) -> BTreeMap<String, Known> {
    let opened = sources(company).await;
    let mut models = BTreeMap::new();
    let rendered = rendered_in_order(&opened.ctx, &opened.set, &opened.render_context);
    for (name, sql) in rendered.expect("the models render") {
        let frame = opened.ctx.sql(&sql).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let schema = nullable(frame.schema().as_arrow());
        register_batches(&opened.ctx, name.as_str(), Arc::clone(&schema), Vec::new())
            .expect("the model's table registers");
        models.insert(name, Known { sql, schema });
    }
    models
}

/// The repository's project over the company's snapshots.
async fn sources(company: &Company) -> Opened {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut project = load(root, &Overrides::default()).expect("the repository is a project");
    let map = ["field_map.toml", "tests/slt/more_fields.toml"]
        .map(|file| std::fs::read_to_string(root.join(file)).expect("the file is there"));
    project.field_map = read_field_map(&map.join("\n")).expect("the map is sound");
    let url = format!("file://{}", company.path(".concord/sandbox/warehouse").display());
    let warehouse = Warehouse::open(&url, root).expect("the warehouse opens");
    let question = Question {
        metric: "mql".to_owned(),
        period: Period::parse("2026-Q3").expect("a period"),
        memory_bytes_max: 256 * 1024 * 1024,
    };
    let opened = open_sources(&project, &warehouse, &question).await.expect("the sources open");
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Arc::new(Schema::new(vec![Field::new("as_of_at", utc, true)]));
    let moment: jiff::Timestamp = AS_OF.parse().expect("a time");
    let column =
        TimestampMicrosecondArray::from(vec![moment.as_microsecond()]).with_timezone("UTC");
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(column)]).expect("one row");
    register_batches(&opened.ctx, TableReference::partial("project", "run"), schema, vec![batch])
        .expect("the moment registers");
    opened
}

/// Registers every source again as a table in memory whose columns may all be left out.
async fn insertable_sources(ctx: &SessionContext) {
    let catalog = ctx.catalog("datafusion").expect("the default catalog");
    for schema in
        ["hubspot", "salesforce", "hubspot_metadata", "salesforce_metadata", "state", "ops"]
    {
        let provider = catalog.schema(schema).expect("the schema is there");
        for table in provider.table_names() {
            let provider = provider.table(&table).await.expect("readable").expect("there");
            let columns = nullable(&provider.schema());
            register_batches(
                ctx,
                TableReference::partial(schema, table.as_str()),
                columns,
                Vec::new(),
            )
            .expect("the source registers");
        }
    }
    // What the field map allows, to which an example may add.
    for table in ["create_policies", "associations"] {
        let name = TableReference::partial("project", table);
        let frame = ctx.table(name.clone()).await.expect("the project's table is there");
        let columns = nullable(frame.schema().as_arrow());
        let rows = frame.collect().await.expect("its rows are read");
        let rows = rows.into_iter().map(|batch| {
            RecordBatch::try_new(Arc::clone(&columns), batch.columns().to_vec()).expect("the same")
        });
        register_batches(ctx, name, Arc::clone(&columns), rows.collect()).expect("it registers");
    }
}

fn nullable(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A session in which one model is real.
#[derive(Clone)]
struct Session {
    ctx: SessionContext,
    model: String,
    sql: String,
}

#[async_trait]
impl AsyncDB for Session {
    type Error = DataFusionError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Self::ColumnType>, Self::Error> {
        // The model reads what was inserted up to now.
        let view = self.ctx.sql(&self.sql).await?.into_view();
        self.ctx.deregister_table(self.model.as_str())?;
        self.ctx.register_table(self.model.as_str(), view)?;
        let batches = self.ctx.sql(sql).await?.collect().await?;
        let is_insert = sql.trim_start().to_lowercase().starts_with("insert");
        if is_insert {
            return Ok(DBOutput::StatementComplete(0));
        }
        let n_columns = batches.first().map_or(0, RecordBatch::num_columns);
        let mut rows = Vec::new();
        for batch in &batches {
            rows.extend(cells(batch)?);
        }
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; n_columns], rows })
    }

    async fn shutdown(&mut self) {}
}

/// Formats rows: null is `NULL`, blank text `(empty)`, a space within a value `_`.
fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>, DataFusionError> {
    let options = FormatOptions::default();
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let cell = |column: usize, row: usize| {
        if batch.column(column).is_null(row) {
            return "NULL".to_owned();
        }
        let text = columns[column].value(row).to_string().replace(' ', "_");
        if text.is_empty() { "(empty)".to_owned() } else { text }
    };
    Ok((0..batch.num_rows())
        .map(|row| (0..columns.len()).map(|column| cell(column, row)).collect())
        .collect())
}

#[expect(clippy::disallowed_methods, reason = "the test's own variables")]
fn slt_files() -> Vec<PathBuf> {
    let only = std::env::var("SLT_ONLY").ok();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("tests/slt is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "slt"))
        .filter(|path| only.as_ref().is_none_or(|only| stem(path) == *only))
        .collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
