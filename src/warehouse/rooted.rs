//! A part of a bucket as a store of its own.
//!
//! `object_store`'s own [`PrefixStore`] (0.13) answers a get, and so a head, with the path as the
//! bucket knows it; DataFusion then takes the file for one that it did not ask for. Here every path
//! is relative to the root.
//!
//! DataFusion asks for a file's size before each scan, a thousand times a build; for files that
//! never change it is asked of the store once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Directories whose files never change once they are there.
const IMMUTABLE: [&str; 4] = ["builds", "plans", "snapshots", "state"];

/// The objects of a store below a prefix.
#[derive(Debug)]
pub(super) struct Rooted<T: ObjectStore> {
    store: PrefixStore<T>,
    known: Mutex<HashMap<Path, ObjectMeta>>,
}

impl<T: ObjectStore> Rooted<T> {
    pub fn new(store: T, prefix: Path) -> Self {
        Self { store: PrefixStore::new(store, prefix), known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Path, ObjectMeta>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ObjectStore> fmt::Display for Rooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl<T: ObjectStore> ObjectStore for Rooted<T> {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.known().remove(location);
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.known().remove(location);
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let is_plain_head = options.head && options.version.is_none() && options.if_match.is_none();
        if is_plain_head && let Some(meta) = self.known().get(location) {
            return Ok(GetResult {
                payload: GetResultPayload::Stream(stream::empty().boxed()),
                meta: meta.clone(),
                range: 0..meta.size,
                attributes: Attributes::default(),
            });
        }
        let mut got = self.store.get_opts(location, options).await?;
        got.meta.location = location.clone();
        let directory = location.parts().next();
        if directory.is_some_and(|directory| IMMUTABLE.contains(&directory.as_ref())) {
            self.known().insert(location.clone(), got.meta.clone());
        }
        Ok(got)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.known().remove(to);
        self.store.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn paths_are_relative_and_what_never_changes_is_asked_once() -> anyhow::Result<()> {
        let bucket = Arc::new(InMemory::new());
        let rooted = Rooted::new(Arc::clone(&bucket), Path::from("a/b"));
        let (build, run) = (Path::from("builds/1/x.parquet"), Path::from("runs/1/run.json"));
        for path in [&build, &run] {
            rooted.put(path, "12345".into()).await?;
            let meta = rooted.head(path).await?;
            assert_eq!((&meta.location, meta.size), (path, 5));
            bucket.delete(&Path::from(format!("a/b/{path}"))).await?;
        }
        assert_eq!(rooted.head(&build).await?.size, 5);
        assert!(rooted.head(&run).await.is_err());
        rooted.put(&build, "123".into()).await?;
        assert_eq!(rooted.head(&build).await?.size, 3, "what was put again is asked again");
        Ok(())
    }
}
