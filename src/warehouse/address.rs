//! Where a warehouse lies, and how its object store is reached.
//!
//! An address is a directory (`file://…` or a plain path) or an object store's (`s3://bucket/prefix`,
//! `gs://bucket/prefix`, `az://container/prefix`, and the further forms that `object_store`
//! parses). What else a store needs comes from the variables by which the clouds' own tools know it
//! (`AWS_*`, `AZURE_*`, `GOOGLE_*`) and, stronger, from the settings of the project.
//!
//! Plain `http` reaches stores on this machine only, unless `allow_http` says otherwise: snapshots
//! hold personal data.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{
    ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig, StaticCredentialProvider,
};
use reqwest::Url;

use super::WarehouseError;
use super::fence::{Fence, FencedConnector};
use super::rooted::Rooted;
use crate::config::SecretValue;

/// What a warehouse's store is opened with.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// Variables of the environment, by name; those that mean nothing to the store are passed over.
    pub environment: Vec<(String, SecretValue)>,
    /// Settings of the project, by the names that `object_store` gives them; stronger.
    pub settings: Vec<(String, SecretValue)>,
}

/// The kinds of store that keep a warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    Files,
    S3,
    Google,
    Azure,
}

/// An address that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    kind: StoreKind,
    /// The address as it was given; holds no credentials.
    url: String,
    /// The directory of `Files`, and nothing otherwise.
    directory: PathBuf,
    /// Where in its bucket or container the warehouse begins.
    prefix: StorePath,
}

/// How long one request to a store may take, and how long it is tried again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub request: Duration,
    pub retries: Duration,
}

impl Address {
    /// Reads an address; `project_dir` is where a relative directory begins.
    ///
    /// # Errors
    /// When no store answers to it, or it carries credentials.
    pub fn parse(url: &str, project_dir: &Path) -> Result<Self, WarehouseError> {
        let unknown = || WarehouseError::Address { url: without_credentials(url) };
        let files = |path: &str| {
            (!path.is_empty()).then(|| Self {
                kind: StoreKind::Files,
                url: url.to_owned(),
                directory: project_dir.join(path),
                prefix: StorePath::default(),
            })
        };
        if let Some(path) = url.strip_prefix("file://") {
            return files(path).ok_or_else(unknown);
        }
        if !url.contains("://") {
            return files(url).ok_or_else(unknown);
        }
        let parsed = Url::parse(url).map_err(|_| unknown())?;
        let (scheme, prefix) = ObjectStoreScheme::parse(&parsed).map_err(|_| unknown())?;
        let kind = match scheme {
            ObjectStoreScheme::AmazonS3 => StoreKind::S3,
            ObjectStoreScheme::GoogleCloudStorage => StoreKind::Google,
            ObjectStoreScheme::MicrosoftAzure => StoreKind::Azure,
            _ => return Err(unknown()),
        };
        // Azure names a container before the account's host; nothing else stands before an `@`.
        let is_container = kind == StoreKind::Azure && parsed.password().is_none();
        if (!parsed.username().is_empty() && !is_container)
            || parsed.password().is_some()
            || parsed.query().is_some()
            || parsed.fragment().is_some()
        {
            return Err(WarehouseError::AddressWithMore { url: without_credentials(url) });
        }
        Ok(Self { kind, url: url.to_owned(), directory: PathBuf::new(), prefix })
    }

    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// Returns the directory of a warehouse of files.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory of a warehouse of files.
    pub(super) fn made(mut self) -> Result<Self, WarehouseError> {
        let path = self.directory.display().to_string();
        let made = std::fs::create_dir_all(&self.directory);
        self.directory = made
            .and_then(|()| self.directory.canonicalize())
            .map_err(|source| WarehouseError::Directory { path, source })?;
        Ok(self)
    }

    /// Opens the store, rooted at the warehouse; what it changes passes `fence` first.
    pub(super) fn open(
        &self,
        options: &StoreOptions,
        patience: Patience,
        fence: &Fence,
    ) -> Result<Arc<dyn ObjectStore>, WarehouseError> {
        let failed = |source| WarehouseError::Open { url: self.url.clone(), source };
        let retries = RetryConfig { retry_timeout: patience.retries, ..RetryConfig::default() };
        let connector = FencedConnector::new(fence.clone(), patience.request);
        match self.kind {
            StoreKind::Files => {
                let store = LocalFileSystem::new_with_prefix(&self.directory).map_err(failed)?;
                Ok(Arc::new(store.with_automatic_cleanup(true)))
            }
            StoreKind::S3 => {
                let settings = Settings::<AmazonS3ConfigKey>::of(options, self.kind)?;
                let endpoint = ["aws_endpoint_url_s3", "aws_endpoint"];
                let client = settings.client(&endpoint, patience)?;
                let builder = settings.0.into_iter().fold(
                    AmazonS3Builder::new().with_client_options(client),
                    |builder, (key, value)| builder.with_config(key, value.expose()),
                );
                let store = builder
                    .with_url(&self.url)
                    .with_retry(retries)
                    .with_http_connector(connector)
                    .build();
                Ok(self.rooted(store.map_err(failed)?))
            }
            StoreKind::Google => {
                let settings = Settings::<GoogleConfigKey>::of(options, self.kind)?;
                let client = settings.client(&["google_base_url"], patience)?;
                let mut builder = GoogleCloudStorageBuilder::new().with_client_options(client);
                if settings.value("google_skip_signature") == Some("true") {
                    // Its puts (0.13) ask for a credential all the same.
                    let nobody = GcpCredential { bearer: "anonymous".to_owned() };
                    let nobody = StaticCredentialProvider::new(nobody);
                    builder = builder.with_credentials(Arc::new(nobody));
                }
                let builder = settings.0.into_iter().fold(builder, |builder, (key, value)| {
                    builder.with_config(key, value.expose())
                });
                let store = builder
                    .with_url(&self.url)
                    .with_retry(retries)
                    .with_http_connector(connector)
                    .build();
                Ok(self.rooted(store.map_err(failed)?))
            }
            StoreKind::Azure => {
                let settings = Settings::<AzureConfigKey>::of(options, self.kind)?;
                let client = settings.client(&["azure_storage_endpoint"], patience)?;
                let builder = settings.0.into_iter().fold(
                    MicrosoftAzureBuilder::new().with_client_options(client),
                    |builder, (key, value)| builder.with_config(key, value.expose()),
                );
                let store = builder
                    .with_url(&self.url)
                    .with_retry(retries)
                    .with_http_connector(connector)
                    .build();
                Ok(self.rooted(store.map_err(failed)?))
            }
        }
    }

    fn rooted(&self, store: impl ObjectStore) -> Arc<dyn ObjectStore> {
        Arc::new(Rooted::new(store, self.prefix.clone()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            StoreKind::Files => self.directory.display().fmt(f),
            _ => f.write_str(&self.url),
        }
    }
}

impl StoreKind {
    /// Says whether a setting of this name is known to the store's kind.
    pub fn knows(self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        match self {
            Self::Files => false,
            Self::S3 => AmazonS3ConfigKey::from_str(&name).is_ok(),
            Self::Google => GoogleConfigKey::from_str(&name).is_ok(),
            Self::Azure => AzureConfigKey::from_str(&name).is_ok(),
        }
    }

    /// Says whether a setting of this name holds a secret.
    pub fn is_secret(name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let is_place = name.ends_with("_file") || name.ends_with("_path");
        let marks = ["secret", "token", "_key", "sas", "password"];
        let is_public = ["kms_key_id", "bucket_key_enabled", "token_service_url", "url_sts"];
        (marks.iter().any(|mark| name.contains(mark)) || name == "proxy_url")
            && !is_place
            && !is_public.iter().any(|mark| name.contains(mark))
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Files => "",
            Self::S3 => "aws_",
            Self::Google => "google_",
            Self::Azure => "azure_",
        }
    }
}

/// Settings of one store, the weaker ones first.
struct Settings<K>(Vec<(K, SecretValue)>);

impl<K: FromStr + AsRef<str>> Settings<K> {
    fn of(options: &StoreOptions, kind: StoreKind) -> Result<Self, WarehouseError> {
        let mut found = Vec::new();
        for (name, value) in &options.environment {
            for (name, value) in as_the_tools_say(name, value) {
                if name.starts_with(kind.prefix())
                    && let Ok(key) = name.parse::<K>()
                {
                    found.push((key, value));
                }
            }
        }
        for (name, value) in &options.settings {
            let key = name.to_ascii_lowercase().parse::<K>();
            let key = key.map_err(|_| WarehouseError::Setting { name: name.clone() })?;
            found.push((key, value.clone()));
        }
        Ok(Self(found))
    }

    fn value(&self, name: &str) -> Option<&str> {
        let of_name = |(key, _): &&(K, SecretValue)| key.as_ref() == name;
        self.0.iter().rev().find(of_name).map(|(_, value)| value.expose())
    }

    /// Makes the options of the store's client, and refuses plain `http` to other machines.
    fn client(
        &self,
        endpoints: &[&str],
        patience: Patience,
    ) -> Result<ClientOptions, WarehouseError> {
        let endpoint = endpoints.iter().find_map(|name| self.value(name));
        let is_told =
            self.value("allow_http").is_some_and(|told| told.eq_ignore_ascii_case("true"));
        let plain = endpoint.and_then(|endpoint| Url::parse(endpoint).ok());
        let plain = plain.filter(|url| url.scheme() == "http");
        if let Some(url) = plain.as_ref().filter(|url| !is_loopback(url) && !is_told) {
            let host = url.host_str().unwrap_or_default().to_owned();
            return Err(WarehouseError::InTheClear { host });
        }
        Ok(ClientOptions::new()
            .with_allow_http(plain.is_some() || is_told)
            .with_timeout(patience.request))
    }
}

/// Turns the names that a cloud's own tools use into those of `object_store`, where they differ.
fn as_the_tools_say(name: &str, value: &SecretValue) -> Vec<(String, SecretValue)> {
    let named = |name: &str| vec![(name.to_owned(), value.clone())];
    match name {
        "AZURE_STORAGE_ACCOUNT" => named("azure_storage_account_name"),
        "AZURE_STORAGE_KEY" => named("azure_storage_account_key"),
        "AZURE_STORAGE_CONNECTION_STRING" => connection_string(value.expose()),
        // An emulator asks nobody who they are.
        "STORAGE_EMULATOR_HOST" => {
            let host = value.expose().trim_end_matches('/');
            let url = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
            vec![
                ("google_base_url".to_owned(), SecretValue::new(url)),
                ("google_skip_signature".to_owned(), SecretValue::new("true")),
            ]
        }
        _ => named(&name.to_ascii_lowercase()),
    }
}

/// Takes Azure's `Name=value;Name=value` apart.
fn connection_string(text: &str) -> Vec<(String, SecretValue)> {
    let known = |name: &str| match name.to_ascii_lowercase().as_str() {
        "accountname" => Some("azure_storage_account_name"),
        "accountkey" => Some("azure_storage_account_key"),
        "blobendpoint" => Some("azure_storage_endpoint"),
        "sharedaccesssignature" => Some("azure_storage_sas_token"),
        _ => None,
    };
    let parts = text.split(';').filter_map(|part| part.split_once('='));
    parts
        .filter_map(|(name, value)| Some((known(name.trim())?.to_owned(), SecretValue::new(value))))
        .collect()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Shows an address without what may be a secret in it.
fn without_credentials(url: &str) -> String {
    let shown = url.split(['?', '#']).next().unwrap_or_default();
    match shown.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { request: Duration::from_secs(1), retries: Duration::from_secs(1) };

    fn parse(url: &str) -> Result<Address, WarehouseError> {
        Address::parse(url, Path::new("/srv/project"))
    }

    fn open(
        url: &str,
        environment: &[(&str, &str)],
        settings: &[(&str, &str)],
    ) -> Result<String, WarehouseError> {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(n, v)| ((*n).to_owned(), SecretValue::new(*v))).collect()
        };
        let options = StoreOptions { environment: pairs(environment), settings: pairs(settings) };
        let store = parse(url)?.open(&options, PATIENCE, &Fence::default())?;
        Ok(format!("{store}"))
    }

    #[test]
    fn a_directory_is_named_plainly_or_as_a_file_address() {
        for (url, directory) in [
            ("warehouse", "/srv/project/warehouse"),
            ("./warehouse", "/srv/project/./warehouse"),
            ("/var/warehouse", "/var/warehouse"),
            ("file://./warehouse", "/srv/project/./warehouse"),
            ("file:///var/warehouse", "/var/warehouse"),
        ] {
            let address = parse(url).expect(url);
            assert_eq!(
                (address.kind(), address.directory()),
                (StoreKind::Files, Path::new(directory))
            );
        }
        for url in ["", "file://"] {
            assert!(matches!(parse(url), Err(WarehouseError::Address { .. })), "{url}");
        }
    }

    #[test]
    fn each_cloud_has_its_addresses() {
        for (url, kind, prefix) in [
            ("s3://bucket", StoreKind::S3, ""),
            ("s3://bucket/a/b/", StoreKind::S3, "a/b"),
            ("gs://bucket/a", StoreKind::Google, "a"),
            ("az://container/a", StoreKind::Azure, "a"),
            ("abfss://container@account.dfs.core.windows.net/a", StoreKind::Azure, "a"),
            ("https://account.blob.core.windows.net/container/a", StoreKind::Azure, "a"),
        ] {
            let address = parse(url).expect(url);
            assert_eq!((address.kind(), address.prefix.as_ref()), (kind, prefix), "{url}");
        }
    }

    #[test]
    fn an_address_is_no_place_for_a_secret_and_never_shows_one() {
        for url in [
            "s3://key:hunter2@bucket/a",
            "s3://hunter2@bucket/a",
            "az://container/a?sig=hunter2",
            "az://container:hunter2@account.dfs.core.windows.net/a",
            "gopher://hunter2@bucket/a",
            "https://user:hunter2@example.com/a",
        ] {
            let error = parse(url).expect_err(url).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_told() {
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
        let with = |endpoint| [keys[0], keys[1], ("AWS_ENDPOINT_URL", endpoint)];
        for endpoint in ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"] {
            open("s3://bucket", &with(endpoint), &[]).expect(endpoint);
        }
        let far = with("http://minio.example.com:9000");
        let refused = open("s3://bucket", &far, &[]).expect_err("in the clear");
        assert_eq!(
            refused.to_string(),
            "snapshots would travel in the clear to `minio.example.com`"
        );
        open("s3://bucket", &far, &[("allow_http", "true")]).expect("told to");
        let google = [("STORAGE_EMULATOR_HOST", "gcs.example.com:4443")];
        assert!(matches!(
            open("gs://bucket", &google, &[]),
            Err(WarehouseError::InTheClear { .. })
        ));
        let azure = [(
            "AZURE_STORAGE_CONNECTION_STRING",
            "AccountName=a;AccountKey=YQ==;BlobEndpoint=http://az.example.com/a",
        )];
        assert!(matches!(open("az://c", &azure, &[]), Err(WarehouseError::InTheClear { .. })));
    }

    #[test]
    fn settings_are_stronger_than_the_environment_and_must_be_known() {
        let environment =
            [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_PAGER", "less")];
        open("s3://bucket", &environment, &[("region", "eu-central-1")]).expect("opens");
        let refused = open("s3://bucket", &environment, &[("colour", "eu-central-1")]);
        assert!(matches!(refused, Err(WarehouseError::Setting { name }) if name == "colour"));
        let options = StoreOptions {
            environment: vec![("AWS_REGION".to_owned(), SecretValue::new("us-east-1"))],
            settings: vec![("region".to_owned(), SecretValue::new("eu-central-1"))],
        };
        let settings = Settings::<AmazonS3ConfigKey>::of(&options, StoreKind::S3).expect("known");
        assert_eq!(settings.value("aws_region"), Some("eu-central-1"));
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "secret_access_key",
            "AWS_SESSION_TOKEN",
            "account_key",
            "sas_token",
            "client_secret",
            "service_account_key",
            "access_key_id",
            "proxy_url",
        ] {
            assert!(StoreKind::is_secret(name), "{name}");
        }
        for name in [
            "region",
            "endpoint",
            "web_identity_token_file",
            "service_account_path",
            "sse_kms_key_id",
            "account_name",
            "allow_http",
        ] {
            assert!(!StoreKind::is_secret(name), "{name}");
        }
    }
}
