//! Where the bytes are: an object store, or a part of one.

use std::{
    io,
    ops::Range,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, buffered::BufWriter,
    local::LocalFileSystem, memory::InMemory, path::Path,
};
use shareville_core::media::{MediaError, MediaPlace};
use url::Url;

/// How much of an upload is in memory before it is sent on: the least that S3 takes as a part.
const PIECE: usize = 5 * 1024 * 1024;

/// How many pieces of an upload are on their way at once.
const PIECES: usize = 2;

/// What the bytes of an upload are called in its own folder.
const FILE: &str = "file";

/// Where the bytes of uploads are.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    below: Path,
    /// Where that is on this machine, if it is.
    folder: Option<PathBuf>,
}

/// Why an object store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is no address of an object store.
    #[error(
        "must be the URL of an object store, such as `file://shareville-media`, `memory:///` or `s3://bucket/path`"
    )]
    Url,
    /// The folder cannot be made or written to.
    #[error("the folder `{0}` cannot be used: {1}")]
    Folder(String, #[source] io::Error),
    /// The store is of a kind that this program was built without, or is set up wrongly.
    #[error("the object store cannot be used: {0}")]
    Store(#[source] Error),
}

impl Objects {
    /// Opens what a URL names: `file://` and a folder, which is made if need be; `memory:///`; or, with the feature for
    /// it, `s3://bucket/path`, `gs://…`, `az://…` and the like, with the options that `object_store` knows for them, such
    /// as the process's environment.
    ///
    /// # Errors
    /// [`OpenError`]; it does not repeat the URL, which may hold a password.
    pub fn open(
        url: &str,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, OpenError> {
        if let Some(folder) = url.strip_prefix("file://") {
            return match folder.is_empty() {
                true => Err(OpenError::Url),
                false => Self::in_folder(folder),
            };
        }
        let url = Url::parse(url).map_err(|_| OpenError::Url)?;
        // What it takes to get in stands among the options: an address is told in errors.
        if url.password().is_some() {
            return Err(OpenError::Url);
        }
        if url.scheme() == "memory" {
            return Ok(Self::in_memory());
        }
        let (store, below) =
            object_store::parse_url_opts(&url, options).map_err(OpenError::Store)?;
        Ok(Self {
            store: Arc::from(store),
            below,
            folder: None,
        })
    }

    /// Those in a folder of this machine, which is made if need be.
    ///
    /// # Errors
    /// [`OpenError::Folder`].
    pub fn in_folder(folder: impl AsRef<FilePath>) -> Result<Self, OpenError> {
        let folder = folder.as_ref();
        let refused = |error| OpenError::Folder(folder.display().to_string(), error);
        std::fs::create_dir_all(folder).map_err(refused)?;
        let path = folder.canonicalize().map_err(refused)?;
        let store = LocalFileSystem::new_with_prefix(&path).map_err(OpenError::Store)?;
        Ok(Self {
            // Whoever is told that it is here must find it here, whatever happens to the machine.
            store: Arc::new(store.with_fsync(true)),
            below: Path::default(),
            folder: Some(path),
        })
    }

    /// Those of this process, which it forgets when it ends: for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::over(Arc::new(InMemory::new()), Path::default())
    }

    /// Those of a host's own store, below a path.
    #[must_use]
    pub fn over(store: Arc<dyn ObjectStore>, below: Path) -> Self {
        Self {
            store,
            below,
            folder: None,
        }
    }

    /// Each upload has a folder of its own, so that nothing else lies beside it.
    fn path(&self, place: MediaPlace) -> Path {
        let own = [
            place.tenant.to_string(),
            place.id.to_string(),
            FILE.to_owned(),
        ];
        let below: Vec<_> = self
            .below
            .parts()
            .map(|part| part.as_ref().to_owned())
            .collect();
        below.into_iter().chain(own).collect()
    }

    pub(crate) fn writer(&self, place: MediaPlace) -> BufWriter {
        let store = Arc::clone(&self.store);
        BufWriter::with_capacity(store, self.path(place), PIECE).with_max_concurrency(PIECES)
    }

    pub(crate) async fn put(&self, place: MediaPlace, bytes: Bytes) -> Result<(), MediaError> {
        let put = self.store.put(&self.path(place), bytes.into()).await;
        put.map(drop).map_err(failed)
    }

    pub(crate) async fn read(
        &self,
        place: MediaPlace,
        range: Range<u64>,
    ) -> Result<Bytes, MediaError> {
        // An empty range is no range to a store.
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let path = self.path(place);
        self.store.get_range(&path, range).await.map_err(failed)
    }

    pub(crate) async fn stream(
        &self,
        place: MediaPlace,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, MediaError>>, MediaError> {
        if range.is_empty() {
            return Ok(futures::stream::empty().boxed());
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let got = self.store.get_opts(&self.path(place), options).await;
        Ok(got.map_err(failed)?.into_stream().map_err(failed).boxed())
    }

    pub(crate) async fn erase(&self, place: MediaPlace) -> Result<(), MediaError> {
        match self.store.delete(&self.path(place)).await {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(failed(error)),
        }
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        // What a process that died has begun to write lies beside the file.
        let folder = folder
            .join(place.tenant.to_string())
            .join(place.id.to_string());
        match tokio::fs::remove_dir_all(folder).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(MediaError::Unavailable(Box::new(error)))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn failed(error: Error) -> MediaError {
    match error {
        Error::NotFound { .. } => MediaError::Unknown,
        error => MediaError::Unavailable(Box::new(error)),
    }
}
