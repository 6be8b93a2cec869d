//! Files of the warehouse: Parquet and JSON on an object store, every publish one atomic put.
//!
//! Layout (see the crate docs): `snapshots/`, `state/`, `builds/`, `plans/`, `runs/`. Paths given
//! to and returned by this module are relative to the warehouse root and use `/`.
//!
//! Chosen: a directory of files counts only once its manifest exists, and the manifest is put
//! last. Instead of: renaming directories, which object stores do not have.

mod lease;
mod parquet_file;
pub mod run_log;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

pub use lease::{Lease, LeaseError};
pub use parquet_file::ParquetFile;

/// Address under which DataFusion sessions know the warehouse's object store.
pub const STORE_URL: &str = "warehouse://files/";

/// A place that holds one project's snapshots, state, builds, plans and runs.
#[derive(Clone, Debug)]
pub struct Warehouse {
    store: Arc<dyn ObjectStore>,
    root: PathBuf,
}

#[derive(Debug, Error)]
pub enum WarehouseError {
    #[error("warehouse address is not understood: `{url}`")]
    Address { url: String },
    #[error("cannot make the warehouse directory `{path}`")]
    Directory {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot read or write `{path}` in the warehouse")]
    Store {
        path: String,
        #[source]
        source: object_store::Error,
    },
    #[error("file is not valid JSON of the expected shape: `{path}`")]
    Json {
        path: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot read or write Parquet: `{path}`")]
    Parquet {
        path: String,
        #[source]
        source: parquet::errors::ParquetError,
    },
}

impl Warehouse {
    /// Opens the warehouse at `url` (`file:///…`, or `file://./…` relative to `project_dir`) and
    /// makes its directory.
    ///
    /// # Errors
    /// When the address names no known store or the directory cannot be made.
    pub fn open(url: &str, project_dir: &Path) -> Result<Self, WarehouseError> {
        let path = url
            .strip_prefix("file://")
            .ok_or_else(|| WarehouseError::Address { url: url.to_owned() })?;
        let root = project_dir.join(path);
        let directory_error =
            |source| WarehouseError::Directory { path: root.display().to_string(), source };
        std::fs::create_dir_all(&root).map_err(directory_error)?;
        let root = root.canonicalize().map_err(directory_error)?;
        let store = LocalFileSystem::new_with_prefix(&root)
            .map_err(|source| WarehouseError::Store { path: String::new(), source })?
            .with_automatic_cleanup(true);
        Ok(Self { store: Arc::new(store), root })
    }

    /// Returns the store, rooted at the warehouse.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// Returns the address under which a session that knows this warehouse reads a path.
    pub fn url_of(&self, path: &str) -> String {
        format!("{STORE_URL}{path}")
    }

    /// Returns where a relative path lies on disk, for messages and for locks.
    pub fn local_path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Lists files below `prefix`, sorted, as paths relative to the root.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, WarehouseError> {
        let mut paths: Vec<String> = self
            .store
            .list(Some(&StorePath::from(prefix)))
            .map_ok(|meta| meta.location.to_string())
            .try_collect()
            .await
            .map_err(|source| WarehouseError::Store { path: prefix.to_owned(), source })?;
        paths.sort_unstable();
        Ok(paths)
    }

    /// Lists the names of the directories right below `prefix`, sorted.
    pub async fn list_directories(&self, prefix: &str) -> Result<Vec<String>, WarehouseError> {
        let listing = self
            .store
            .list_with_delimiter(Some(&StorePath::from(prefix)))
            .await
            .map_err(|source| WarehouseError::Store { path: prefix.to_owned(), source })?;
        let mut names: Vec<String> = listing
            .common_prefixes
            .iter()
            .filter_map(|path| path.filename().map(str::to_owned))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Lists the names of the files right below `prefix`, sorted.
    pub async fn list_files(&self, prefix: &str) -> Result<Vec<String>, WarehouseError> {
        let listing = self
            .store
            .list_with_delimiter(Some(&StorePath::from(prefix)))
            .await
            .map_err(|source| WarehouseError::Store { path: prefix.to_owned(), source })?;
        let mut names: Vec<String> = listing
            .objects
            .iter()
            .filter_map(|meta| meta.location.filename().map(str::to_owned))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Writes JSON in one atomic put, replacing what was there.
    pub async fn put_json<T: Serialize + Sync>(
        &self,
        path: &str,
        value: &T,
    ) -> Result<(), WarehouseError> {
        self.put_with(path, value, PutMode::Overwrite).await.map(|_| ())
    }

    /// Writes JSON only where no file is yet; returns whether it did.
    pub async fn create_json<T: Serialize + Sync>(
        &self,
        path: &str,
        value: &T,
    ) -> Result<bool, WarehouseError> {
        self.put_with(path, value, PutMode::Create).await
    }

    async fn put_with<T: Serialize + Sync>(
        &self,
        path: &str,
        value: &T,
        mode: PutMode,
    ) -> Result<bool, WarehouseError> {
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|source| WarehouseError::Json { path: path.to_owned(), source })?;
        text.push(b'\n');
        self.put_bytes(path, text, mode).await
    }

    /// Writes text in one atomic put, replacing what was there.
    pub async fn put_text(&self, path: &str, text: &str) -> Result<(), WarehouseError> {
        self.put_bytes(path, text.as_bytes().to_vec(), PutMode::Overwrite).await.map(|_| ())
    }

    /// Writes a file in one atomic put, only where none is yet; returns whether it did.
    pub async fn create_file(&self, path: &str, bytes: Vec<u8>) -> Result<bool, WarehouseError> {
        self.put_bytes(path, bytes, PutMode::Create).await
    }

    async fn put_bytes(
        &self,
        path: &str,
        bytes: Vec<u8>,
        mode: PutMode,
    ) -> Result<bool, WarehouseError> {
        let put = self
            .store
            .put_opts(&StorePath::from(path), PutPayload::from(bytes), PutOptions::from(mode))
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(WarehouseError::Store { path: path.to_owned(), source }),
        }
    }

    /// Reads JSON; `None` when there is no such file.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, WarehouseError> {
        let got = match self.store.get(&StorePath::from(path)).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(WarehouseError::Store { path: path.to_owned(), source }),
        };
        let bytes = got
            .bytes()
            .await
            .map_err(|source| WarehouseError::Store { path: path.to_owned(), source })?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| WarehouseError::Json { path: path.to_owned(), source })
    }

    /// Starts a Parquet file that appears only when it is finished.
    ///
    /// # Errors
    /// When the schema cannot be written as Parquet.
    pub fn create_parquet(
        &self,
        path: &str,
        schema: datafusion::arrow::datatypes::SchemaRef,
    ) -> Result<ParquetFile, WarehouseError> {
        ParquetFile::create(self.store(), path, schema)
    }

    /// Reads a Parquet file whole; for files whose size is known to be bounded.
    pub async fn read_parquet(&self, path: &str) -> Result<Vec<RecordBatch>, WarehouseError> {
        self.scan_parquet(path).await?.collect()
    }

    /// Reads a Parquet file batch by batch, with its compressed bytes and one batch in memory.
    pub async fn scan_parquet(
        &self,
        path: &str,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, WarehouseError>> + use<>, WarehouseError>
    {
        let store_error = |source| WarehouseError::Store { path: path.to_owned(), source };
        let parquet_error = |source| WarehouseError::Parquet { path: path.to_owned(), source };
        let got = self.store.get(&StorePath::from(path)).await.map_err(store_error)?;
        let bytes = got.bytes().await.map_err(store_error)?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .map_err(parquet_error)?;
        let path = path.to_owned();
        Ok(reader.map(move |batch| {
            batch.map_err(|error: ArrowError| WarehouseError::Parquet {
                path: path.clone(),
                source: error.into(),
            })
        }))
    }
}
