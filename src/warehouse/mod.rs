//! Files of the warehouse: Parquet and JSON on an object store, every publish one atomic put.
//!
//! Layout (see the crate docs): `snapshots/`, `state/`, `builds/`, `plans/`, `runs/`. Paths given
//! to and returned by this module are relative to the warehouse root and use `/`.
//!
//! Chosen: a directory of files counts only once its manifest exists, and the manifest is put
//! last. Instead of: renaming directories, which object stores do not have.

//! The store is a directory or one of three clouds' ([`Address`]); nothing outside of this module
//! knows which. Who may write is settled by the [`Lease`], and kept by the [`Fence`].

mod address;
mod fence;
mod lease;
mod parquet_file;
mod rooted;
pub mod run_log;

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use address::Patience;

pub use address::{Address, StoreKind, StoreOptions};
pub use fence::Fence;
pub use lease::{Lease, LeaseError};
pub use parquet_file::ParquetFile;

/// Address under which DataFusion sessions know the warehouse's object store.
pub const STORE_URL: &str = "warehouse://files/";

/// How long a lease on an object store lasts where the project does not say.
pub const LEASE_TIME: Duration = Duration::from_mins(5);

/// Longest that one request to a store may take, and that it is tried again.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
const RETRIES_TIME_MAX: Duration = Duration::from_mins(3);

/// Small files that are read at the same time.
const READS_AT_ONCE: usize = 16;

/// A place that holds one project's snapshots, state, builds, plans and runs.
#[derive(Clone)]
pub struct Warehouse {
    address: Address,
    options: StoreOptions,
    lease_time: Duration,
    store: Arc<dyn ObjectStore>,
    fence: Fence,
}

#[derive(Debug, Error)]
pub enum WarehouseError {
    #[error("warehouse address is not understood: `{url}`")]
    Address { url: String },
    #[error("warehouse address has more than store and path: `{url}`")]
    AddressWithMore { url: String },
    #[error("snapshots would travel in the clear to `{host}`")]
    InTheClear { host: String },
    #[error("the warehouse's store has no such setting: `{name}`")]
    Setting { name: String },
    #[error("cannot open the warehouse `{url}`")]
    Open {
        url: String,
        #[source]
        source: object_store::Error,
    },
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
    /// Nothing was written: the lease does not allow it.
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

impl Warehouse {
    /// Opens the warehouse at `url`, by default settings; a relative directory begins at
    /// `project_dir`, and is made.
    ///
    /// # Errors
    /// When the address names no known store or the directory cannot be made.
    pub fn open(url: &str, project_dir: &Path) -> Result<Self, WarehouseError> {
        Self::open_with(Address::parse(url, project_dir)?, StoreOptions::default(), LEASE_TIME)
    }

    /// Opens the warehouse at `address`. A lease on it lasts `lease_time`, unless it is kept by
    /// the operating system.
    ///
    /// # Errors
    /// When the directory cannot be made, or the store's settings do not open it.
    pub fn open_with(
        mut address: Address,
        options: StoreOptions,
        lease_time: Duration,
    ) -> Result<Self, WarehouseError> {
        if address.kind() == StoreKind::Files {
            address = address.made()?;
        }
        let fence = Fence::default();
        let request = request_time(address.kind(), lease_time);
        let store =
            address.open(&options, Patience { request, retries: RETRIES_TIME_MAX }, &fence)?;
        Ok(Self { address, options, lease_time, store, fence })
    }

    /// Returns the store, rooted at the warehouse.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// Returns what every write passes, to the warehouse and to the CRMs.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Returns the longest that a write may take, so that a lease just renewed outlives it.
    pub fn call_time_max(&self) -> Duration {
        match self.address.kind() {
            StoreKind::Files => Duration::MAX,
            _ => self.lease_time / 2,
        }
    }

    /// Returns the address under which a session that knows this warehouse reads a path.
    pub fn url_of(&self, path: &str) -> String {
        format!("{STORE_URL}{path}")
    }

    /// Opens the place where a file from elsewhere lies, for reading, with the credentials of the
    /// environment. Gives the store and the file's path in it; a directory's is empty.
    ///
    /// # Errors
    /// When the address names no known store, or there is no such directory.
    pub fn place_of(
        &self,
        url: &str,
        project_dir: &Path,
    ) -> Result<(Arc<dyn ObjectStore>, String), WarehouseError> {
        let (place, file) = url.rsplit_once('/').unwrap_or((".", url));
        let address = Address::parse(place, project_dir)?;
        let environment = self.options.environment.clone();
        let options = StoreOptions { environment, settings: Vec::new() };
        let patience = Patience { request: REQUEST_TIME_MAX, retries: RETRIES_TIME_MAX };
        let store = address.open(&options, patience, &Fence::default())?;
        Ok((store, file.to_owned()))
    }

    /// Proves that one request which changes something may be sent now.
    async fn pass_fence(&self) -> Result<(), LeaseError> {
        self.fence.pass(request_time(self.address.kind(), self.lease_time)).await
    }

    /// Lists files below `prefix`, sorted, as paths relative to the root.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, WarehouseError> {
        let mut paths: Vec<String> = self
            .store
            .list(Some(&StorePath::from(prefix)))
            .map_ok(|meta| meta.location.to_string())
            .try_collect()
            .await
            .map_err(|source| store_error(prefix, source))?;
        paths.sort_unstable();
        Ok(paths)
    }

    /// Lists the names of the directories right below `prefix`, sorted.
    pub async fn list_directories(&self, prefix: &str) -> Result<Vec<String>, WarehouseError> {
        let listing = self
            .store
            .list_with_delimiter(Some(&StorePath::from(prefix)))
            .await
            .map_err(|source| store_error(prefix, source))?;
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
            .map_err(|source| store_error(prefix, source))?;
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

    /// Writes JSON only where no file is yet; returns whether it did. The content must name its
    /// writer: where a store's answer was lost, an equal file is taken for the one just written.
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
        self.pass_fence().await?;
        let payload = PutPayload::from(bytes);
        let location = StorePath::from(path);
        let put = self.store.put_opts(&location, payload.clone(), PutOptions::from(mode)).await;
        match put {
            Ok(_) => Ok(true),
            // A store that took the file and lost the answer is asked again by the client below
            // us, and finds its own file.
            Err(object_store::Error::AlreadyExists { .. })
                if self.address.kind() != StoreKind::Files =>
            {
                let there = self.get_bytes(path).await?;
                Ok(there.is_some_and(|there| payload.iter().flatten().eq(there.iter())))
            }
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(store_error(path, source)),
        }
    }

    /// Reads JSON; `None` when there is no such file.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, WarehouseError> {
        let Some(bytes) = self.get_bytes(path).await? else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| WarehouseError::Json { path: path.to_owned(), source })
    }

    /// Reads several JSON files side by side, in the order of `paths`; those that are not there are
    /// left out.
    pub async fn get_json_of<T: DeserializeOwned>(
        &self,
        paths: &[String],
    ) -> Result<Vec<T>, WarehouseError> {
        let found: Vec<Option<T>> = stream::iter(paths)
            .map(|path| self.get_json(path))
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn get_bytes(&self, path: &str) -> Result<Option<Vec<u8>>, WarehouseError> {
        let got = match self.store.get(&StorePath::from(path)).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(store_error(path, source)),
        };
        let bytes = got.bytes().await.map_err(|source| store_error(path, source))?;
        Ok(Some(bytes.to_vec()))
    }

    /// Copies a file; the copy appears whole.
    pub async fn copy(&self, from: &str, to: &str) -> Result<(), WarehouseError> {
        self.pass_fence().await?;
        let copied = self.store.copy(&StorePath::from(from), &StorePath::from(to)).await;
        copied.map_err(|source| store_error(to, source))
    }

    /// Deletes a file; one that is not there is no error.
    pub async fn delete(&self, path: &str) -> Result<(), WarehouseError> {
        self.pass_fence().await?;
        match self.store.delete(&StorePath::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(store_error(path, source)),
        }
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
        ParquetFile::create(self, path, schema)
    }

    /// Reads a Parquet file whole; for files whose size is known to be bounded.
    pub async fn read_parquet(&self, path: &str) -> Result<Vec<RecordBatch>, WarehouseError> {
        self.scan_parquet(path, None).await?.collect()
    }

    /// Reads a Parquet file batch by batch, with its compressed bytes and one batch in memory; some
    /// of its columns in the file's own order, or all of them.
    pub async fn scan_parquet(
        &self,
        path: &str,
        columns: Option<&[&str]>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, WarehouseError>> + use<>, WarehouseError>
    {
        let failed = |source| store_error(path, source);
        let parquet_error = |source| WarehouseError::Parquet { path: path.to_owned(), source };
        let got = self.store.get(&StorePath::from(path)).await.map_err(failed)?;
        let bytes = got.bytes().await.map_err(failed)?;
        let mut builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(parquet_error)?;
        if let Some(columns) = columns {
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        let reader = builder.build().map_err(parquet_error)?;
        let path = path.to_owned();
        Ok(reader.map(move |batch| {
            batch.map_err(|error: ArrowError| WarehouseError::Parquet {
                path: path.clone(),
                source: error.into(),
            })
        }))
    }
}

/// Shows where it lies and nothing of what it is opened with.
impl fmt::Debug for Warehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warehouse").field("address", &self.address).finish_non_exhaustive()
    }
}

impl WarehouseError {
    /// Says what a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Address { .. } => {
                "write a directory, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`"
            }
            Self::AddressWithMore { .. } => {
                "credentials come from the environment or from `[warehouse.settings]`, never in the address"
            }
            Self::InTheClear { .. } => {
                "write an `https://` endpoint, or set `allow_http = true` under `[warehouse.settings]`"
            }
            Self::Setting { .. } => {
                "settings have the names of the cloud's own variables, without `AWS_`, `GOOGLE_` or `AZURE_`"
            }
            Self::Open { .. } => {
                "the store's account and credentials come from the variables of the cloud's own tools, or from `[warehouse.settings]`"
            }
            Self::Lease(error) => return error.hint(),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn request_time(kind: StoreKind, lease_time: Duration) -> Duration {
    match kind {
        StoreKind::Files => Duration::ZERO,
        _ => REQUEST_TIME_MAX.min(lease_time / 2),
    }
}

/// Wraps what a store answered; where the fence stood in the way, that is the error.
fn store_error(path: &str, source: object_store::Error) -> WarehouseError {
    match lease::behind(&source) {
        Some(error) => error.into(),
        None => WarehouseError::Store { path: path.to_owned(), source },
    }
}

fn parquet_error(path: &str, source: parquet::errors::ParquetError) -> WarehouseError {
    match lease::behind(&source) {
        Some(error) => error.into(),
        None => WarehouseError::Parquet { path: path.to_owned(), source },
    }
}

/// Writes an error with its causes on one line.
fn in_words(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (**cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
