//! A company in a directory of its own, worked on by the real program.

pub mod api;
pub mod end_state;
pub mod hosted;
pub mod json_schema;
pub mod prepared;
mod served;
pub mod stores;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use concord::sandbox::Sandbox;
use concord::sandbox::company::{CompanyOptions, generate};
use tempfile::TempDir;

pub use served::Served;

/// A project directory with a generated world, as a checkout has it.
pub struct Company {
    dir: TempDir,
}

/// What a run of the program left on its two streams.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub type Row = BTreeMap<String, String>;

impl Company {
    /// Writes the repository's project and a world from `options`.
    pub fn new(options: &CompanyOptions) -> Self {
        let company = Self::empty();
        generate(options).write(&company.path("data/demo")).expect("the world is written");
        company
    }

    /// Writes the repository's project without a world.
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        for file in ["concord.toml", "field_map.toml"] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            std::fs::copy(from, dir.path().join(file)).expect("the project is copied");
        }
        Self { dir }
    }

    /// Copies the whole project: world, CRMs and warehouse.
    pub fn copy(&self) -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        copy_directory(self.dir.path(), dir.path()).expect("the project is copied");
        Self { dir }
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(file)).expect("the file is there");
        assert!(text.contains(from), "`{from}` is not in {file}");
        std::fs::write(self.path(file), text.replace(from, to)).expect("the file is written");
    }

    /// Runs the program in the project.
    pub fn concord(&self, arguments: &[&str]) -> Output {
        self.concord_with(arguments, &[])
    }

    /// Runs the program with further environment variables.
    pub fn concord_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let output = self.command(arguments, variables).output().expect("the program starts");
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// Starts the program and leaves it running, its streams piped.
    pub fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
        self.command(arguments, variables)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }

    fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_concord"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_remove("CONCORD_PROJECT")
            .env_remove("CONCORD_WAREHOUSE")
            .envs(variables.iter().copied());
        command
    }

    /// Runs the program and demands that it ends well.
    pub fn good(&self, arguments: &[&str]) -> Output {
        let output = self.concord(arguments);
        assert_eq!(
            output.code,
            0,
            "concord {}: {}{}",
            arguments.join(" "),
            output.stdout,
            output.stderr
        );
        output
    }

    /// Asks the sandbox project's tables.
    pub fn query(&self, sql: &str) -> Vec<Row> {
        rows(&self.good(&["query", "--sandbox", "--format", "csv", sql]))
    }

    /// Asks the project's own tables.
    pub fn query_real(&self, sql: &str) -> Vec<Row> {
        rows(&self.good(&["query", "--format", "csv", sql]))
    }

    /// Asks for one number.
    pub fn count(&self, sql: &str) -> u64 {
        let rows = self.query(sql);
        let value = rows.first().and_then(|row| row.values().next()).expect("one row");
        value.parse().expect("a number")
    }

    /// Opens the simulated CRMs between two runs, on the state that the runs share.
    pub fn sandbox(&self) -> Sandbox {
        let database = self.path(".concord/sandbox/crm");
        Sandbox::open(&self.path("data/demo"), Some(&database)).expect("the sandbox opens")
    }
}

/// Reads a number that whoever starts the tests may set.
#[expect(clippy::disallowed_methods, reason = "the tests' own variables")]
pub fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
        Err(_) => default,
    }
}

/// Reads what whoever starts the tests may set.
#[expect(clippy::disallowed_methods, reason = "the tests' own variables")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Says that a test cannot run here; in CI every test must.
#[expect(clippy::print_stderr, reason = "a skip that must be seen")]
pub fn skip(reason: &str) {
    assert!(variable("CI").is_none(), "CI needs it, run .ci/run: {reason}");
    eprintln!("SKIPPED: {reason}");
}

fn copy_directory(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy_directory(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Reads CSV that the program printed.
pub fn rows(output: &Output) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(output.stdout.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.expect("a row");
        header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect()
    };
    reader.records().map(row).collect()
}
