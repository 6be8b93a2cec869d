//! Simulated CRMs in the test's own process, and the program as a process of its own beside them,
//! which can be killed at a chosen moment.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use concord::sandbox::Sandbox;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::{Company, Output};

/// Longest run of the program; a machine under load is slow, not wrong.
const PATIENCE: Duration = Duration::from_mins(3);

/// A company whose CRMs this process serves.
pub struct Hosted {
    pub company: Company,
    pub sandbox: Sandbox,
    calls: Arc<Mutex<Calls>>,
    addresses: String,
    _runtime: Runtime,
}

/// The moment at which a run of the program dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Its `n`-th call has arrived, and is handled or not; 1 is the first.
    Call { n: u32, is_handled: bool },
    /// The `n`-th new file has appeared in its warehouse, whole or not yet.
    File { n: usize },
}

/// What a run of the program took: where there is something to kill.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub n_calls: u32,
    pub n_files: usize,
}

/// What both CRMs hear.
#[derive(Default)]
struct Calls {
    n: u32,
    /// Bodies of the calls that are not `GET`, in the order of their arrival.
    bodies: Vec<String>,
    fatal: Option<Fatal>,
}

struct Fatal {
    n: u32,
    is_handled: bool,
    /// Told once the moment has come, and answers once the caller is dead.
    reached: mpsc::Sender<oneshot::Sender<()>>,
}

impl Extent {
    /// Returns the extent of one run after another.
    pub fn and(self, next: Self) -> Self {
        Self { n_calls: self.n_calls + next.n_calls, n_files: self.n_files + next.n_files }
    }
}

impl Hosted {
    /// Serves the company's CRMs in the state in which its project keeps them.
    pub fn new(company: Company) -> Self {
        let sandbox = company.sandbox();
        let runtime = Runtime::new().expect("a runtime");
        let calls = Arc::new(Mutex::new(Calls::default()));
        let address = |router: Router| {
            let router = router.layer(from_fn_with_state(Arc::clone(&calls), hear));
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
            let address = listener.local_addr().expect("an address");
            runtime.spawn(async move { axum::serve(listener, router).await });
            format!("http://{address}")
        };
        let addresses =
            [address(sandbox.hubspot_router()), address(sandbox.salesforce_router())].join(",");
        Self { company, sandbox, calls, addresses, _runtime: runtime }
    }

    /// Runs the program to its end.
    pub fn concord(&self, arguments: &[&str]) -> Output {
        self.company.concord_with(arguments, &[("CONCORD_SANDBOX", &self.addresses)])
    }

    /// Runs the program and demands that it ends well.
    pub fn good(&self, arguments: &[&str]) -> Output {
        let output = self.concord(arguments);
        assert_eq!(output.code, 0, "concord {}: {output:?}", arguments.join(" "));
        output
    }

    /// Runs the program to a good end and says what it took.
    pub fn measure(&self, arguments: &[&str]) -> (Output, Extent) {
        let (n_calls, n_files) = (self.lock().n, self.n_files());
        let output = self.good(arguments);
        let extent = Extent { n_calls: self.lock().n - n_calls, n_files: self.n_files() - n_files };
        (output, extent)
    }

    /// Runs the program until the point, where it is killed; `false` when it ended before.
    pub fn kill(&self, arguments: &[&str], point: Point) -> bool {
        let (reached, at_point) = mpsc::channel();
        if let Point::Call { n, is_handled } = point {
            let mut calls = self.lock();
            let n = calls.n + n;
            calls.fatal = Some(Fatal { n, is_handled, reached });
        }
        let n_files = self.n_files();
        let mut child = self.start(arguments);
        let started = Instant::now();
        let is_killed = loop {
            if let Ok(dead) = at_point.try_recv() {
                end(&mut child);
                // The call that waits for this has nobody left to hear its answer.
                let _ = dead.send(());
                break true;
            }
            if matches!(point, Point::File { n } if self.n_files() >= n_files + n) {
                end(&mut child);
                break true;
            }
            if child.try_wait().expect("the program can be asked").is_some() {
                break false;
            }
            assert!(started.elapsed() < PATIENCE, "{arguments:?} does not end");
            std::thread::sleep(Duration::from_micros(200));
        };
        self.lock().fatal = None;
        is_killed
    }

    /// Returns the bodies of calls that the CRMs heard, those of `GET` left out.
    pub fn bodies(&self) -> Vec<String> {
        self.lock().bodies.clone()
    }

    pub fn warehouse(&self) -> PathBuf {
        self.company.path(".concord/sandbox/warehouse")
    }

    fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_concord"))
            .args(arguments)
            .current_dir(self.company.path(""))
            .env_remove("CONCORD_PROJECT")
            .env_remove("CONCORD_WAREHOUSE")
            .env("CONCORD_SANDBOX", &self.addresses)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts")
    }

    fn n_files(&self) -> usize {
        n_files(&self.warehouse())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kills a process as a power cut does, and waits until it is gone.
fn end(child: &mut Child) {
    child.kill().expect("the program can be killed");
    child.wait().expect("the program has ended");
}

fn n_files(directory: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let count = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => n_files(&entry.path()),
        Ok(_) => 1,
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(count).sum()
}

async fn hear(State(calls): State<Arc<Mutex<Calls>>>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/__sandbox") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("the body is sent whole");
    let fatal = {
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.n += 1;
        if parts.method != Method::GET {
            calls.bodies.push(String::from_utf8_lossy(&body).into_owned());
        }
        let n = calls.n;
        calls.fatal.take_if(|fatal| fatal.n == n)
    };
    let request = Request::from_parts(parts, Body::from(body));
    let Some(fatal) = fatal else { return next.run(request).await };
    if fatal.is_handled {
        drop(next.run(request).await);
    }
    let (dead, is_dead) = oneshot::channel();
    if fatal.reached.send(dead).is_ok() {
        let _ = is_dead.await;
    }
    Response::default()
}
