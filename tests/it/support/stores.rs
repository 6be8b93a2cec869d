//! Object stores of three clouds' protocols, started by the tests that need them.
//!
//! S3 is moto's server, Azure is Azurite. No package speaks Google's XML interface with its
//! conditions, so that is moto as well, behind Google's names for them (`object_store.py`).

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use concord::config::SecretValue;
use concord::crm::transport::plain_client;
use concord::warehouse::{Address, StoreOptions, Warehouse, WarehouseError};
use ring::hmac;
use tempfile::TempDir;

use super::{skip, variable};

/// Azurite's account and key are the same everywhere, and no secret.
const AZURE_ACCOUNT: &str = "devstoreaccount1";
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    S3,
    /// An S3 that takes every put, whatever its conditions.
    CarelessS3,
    Google,
    Azure,
}

/// A running store with a bucket or container named `warehouse`; it ends when dropped.
pub struct TestStore {
    pub protocol: Protocol,
    /// What a program needs to reach it.
    pub variables: Vec<(&'static str, String)>,
    server: Child,
    control: TempDir,
}

impl TestStore {
    /// Starts a store; `None`, and a loud word about it, on a desk without the packages.
    pub fn start(protocol: Protocol) -> Option<Self> {
        let control = tempfile::tempdir().expect("a directory for the test");
        let mut command = match protocol {
            Protocol::Azure => azurite()?,
            _ => moto(protocol, &control.path().join("signal"))?,
        };
        let mut server = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the store starts");
        let lines = BufReader::new(server.stdout.take().expect("standard output is piped")).lines();
        let port: u16 = lines
            .map(|line| line.expect("a line"))
            .filter_map(|line| line.rsplit(':').next().and_then(|port| port.trim().parse().ok()))
            .find(|port| *port > 0)
            .expect("the store says where it listens");
        let url = format!("http://127.0.0.1:{port}");
        let variables = match protocol {
            Protocol::S3 | Protocol::CarelessS3 => vec![
                ("AWS_ENDPOINT_URL", url),
                ("AWS_ACCESS_KEY_ID", "test".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
                ("AWS_REGION", "us-east-1".to_owned()),
            ],
            Protocol::Google => vec![("STORAGE_EMULATOR_HOST", url)],
            Protocol::Azure => {
                make_container(&url);
                let connection = format!(
                    "DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};BlobEndpoint={url}/{AZURE_ACCOUNT};"
                );
                vec![("AZURE_STORAGE_CONNECTION_STRING", connection)]
            }
        };
        Some(Self { protocol, variables, server, control })
    }

    /// The address of a warehouse in it.
    pub fn url(&self, prefix: &str) -> String {
        let scheme = match self.protocol {
            Protocol::S3 | Protocol::CarelessS3 => "s3",
            Protocol::Google => "gs",
            Protocol::Azure => "az",
        };
        format!("{scheme}://warehouse/{prefix}")
    }

    pub fn variables(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// Opens a warehouse in it, as one more process would.
    pub fn open(&self, prefix: &str, lease_time: Duration) -> Warehouse {
        let opened = self.try_open(prefix, lease_time);
        opened.expect("the warehouse opens")
    }

    fn try_open(&self, prefix: &str, lease_time: Duration) -> Result<Warehouse, WarehouseError> {
        let variable =
            |(name, value): &(&str, String)| ((*name).to_owned(), SecretValue::new(value.clone()));
        let options = StoreOptions {
            environment: self.variables.iter().map(variable).collect(),
            settings: Vec::new(),
        };
        let address = Address::parse(&self.url(prefix), Path::new("."))?;
        Warehouse::open_with(address, options, lease_time)
    }

    /// Sends a signal to a process as soon as it has put an object whose path contains `pattern`,
    /// before it hears that it has.
    pub fn signal_at(&self, process: &Child, signal: &str, pattern: &str) {
        let order = format!("{} {signal} {pattern}", process.id());
        let beside = self.control.path().join("new");
        std::fs::write(&beside, order).expect("the order is written");
        std::fs::rename(&beside, self.order()).expect("the order is given");
    }

    /// Says whether the last signal was sent.
    pub fn is_signalled(&self) -> bool {
        !self.order().exists()
    }

    fn order(&self) -> PathBuf {
        self.control.path().join("signal")
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        // One that has ended already needs no ending.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn moto(protocol: Protocol, control: &Path) -> Option<Command> {
    let python = variable("CONCORD_TEST_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let has_moto = Command::new(&python)
        .args(["-c", "import moto.moto_server.werkzeug_app"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_moto {
        skip(&format!("`{python}` has no moto server (pip install 'moto[s3]' flask flask-cors)"));
        return None;
    }
    let dialect = match protocol {
        Protocol::CarelessS3 => "careless",
        Protocol::Google => "google",
        Protocol::S3 | Protocol::Azure => "s3",
    };
    let mut command = Command::new(python);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/object_store.py");
    command.arg(script).arg(dialect).arg(control);
    Some(command)
}

fn azurite() -> Option<Command> {
    let modules =
        variable("CONCORD_TEST_NODE_MODULES").unwrap_or_else(|| "node_modules".to_owned());
    let program = Path::new(&modules).join(".bin/azurite-blob");
    if !program.is_file() {
        skip(&format!("no Azurite in `{modules}` (npm install azurite)"));
        return None;
    }
    let mut command = Command::new(program);
    command.args([
        "--inMemoryPersistence",
        "--skipApiVersionCheck",
        "--disableTelemetry",
        "--silent",
    ]);
    command.args(["--blobHost", "127.0.0.1", "--blobPort", "0"]);
    Some(command)
}

/// Makes the container by Azure's shared-key signature, which `object_store` has no call for.
#[expect(clippy::disallowed_methods, reason = "Azurite wants to know today's time")]
fn make_container(url: &str) {
    const VERSION: &str = "2021-12-02";
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let to_sign = format!(
        "PUT{}x-ms-date:{date}\nx-ms-version:{VERSION}\n/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/warehouse\nrestype:container",
        "\n".repeat(12)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64.decode(AZURE_KEY).expect("base64"));
    let signature = BASE64.encode(hmac::sign(&key, to_sign.as_bytes()));
    let put = async {
        plain_client(Duration::from_secs(10))
            .expect("a client")
            .put(format!("{url}/{AZURE_ACCOUNT}/warehouse?restype=container"))
            .header("x-ms-date", &date)
            .header("x-ms-version", VERSION)
            .header("content-length", "0")
            .header("authorization", format!("SharedKey {AZURE_ACCOUNT}:{signature}"))
            .send()
            .await
            .expect("Azurite answers")
    };
    let answer = tokio::runtime::Runtime::new().expect("a runtime").block_on(put);
    assert!(answer.status().is_success(), "{answer:?}");
}
