//! A server and terminals as people run them: real processes, in a directory of their own.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How often to look for something that is to happen.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How many looks until a test gives up: 60 s.
const LOOKS_MAX: usize = 3_000;
/// Digits of a one-time code.
const CODE_DIGITS: usize = 6;

/// A process that is killed when the test forgets it.
pub(crate) struct Process(Child);

impl Process {
    /// SIGKILL, at once.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have ended by itself, and a test that fails has its own reason.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A machine with a server and several people's profiles.
pub(crate) struct Machine {
    dir: TempDir,
    port: u16,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        // A port that is free now, and that a server that is started again takes again.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        Self { dir, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the server listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&self) -> Process {
        self.serve_with(&[])
    }

    /// As [`Machine::serve`], with these variables.
    pub(crate) fn serve_with(&self, variables: &[(&str, &str)]) -> Process {
        self.serve_as(&[], variables)
    }

    /// As [`Machine::serve`], with these arguments and variables.
    pub(crate) fn serve_as(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Process {
        let out = self.path("server.out");
        let log = File::options().create(true).append(true).open(self.path("server.log")).expect("a log");
        let child = dunlin()
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port()), "--data-dir"])
            .arg(self.path("data"))
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(File::create(&out).expect("a file"))
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let process = Process(child);
        wait_until("the server listens", || read(&out).contains("listening on"));
        process
    }

    /// Someone who is not logged in, by the name of their profile.
    pub(crate) fn person(&self, profile: &str) -> Person<'_> {
        Person { machine: self, profile: profile.to_owned() }
    }

    /// Registers someone by the code that the server writes to its log.
    pub(crate) fn register(&self, who: &str) -> Person<'_> {
        let person = self.person(who);
        let (address, server) = (person.address(), self.url());
        let log_in =
            ["login", &address, "--server", &server, "--device-name", "terminal", "--unlock", "file"];
        person.ok(&[&log_in[..], &["--request-code"]].concat());
        let code = self.code_for(&address);
        let name = format!("{}{}", who[..1].to_uppercase(), &who[1..]);
        person.ok(&[&log_in[..], &["--code", &code, "--name", &name]].concat());
        person
    }

    pub(crate) fn code_for(&self, address: &str) -> String {
        let marker = format!("The code for {address} is ");
        let find = || {
            let log = read(&self.path("server.log"));
            let (_, after) = log.rsplit_once(&marker)?;
            Some(after.chars().take(CODE_DIGITS).collect::<String>())
        };
        wait_until("the code is in the log", || find().is_some());
        find().expect("a code")
    }
}

/// Someone at a terminal.
pub(crate) struct Person<'a> {
    machine: &'a Machine,
    profile: String,
}

impl Person<'_> {
    pub(crate) fn address(&self) -> String {
        format!("{}@example.org", self.profile)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = dunlin();
        command
            .env("DUNLIN_HOME", self.machine.path("home"))
            .env("DUNLIN_PROFILE", &self.profile)
            .arg("--json")
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command, whatever becomes of it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Runs a command that is to work, and gives the JSON it prints.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {arguments:?}: {said}", self.profile);
        lines(&String::from_utf8_lossy(&output.stdout))
    }

    /// As [`Person::ok`], for commands that print one value.
    pub(crate) fn one(&self, arguments: &[&str]) -> Value {
        let mut values = self.ok(arguments);
        assert_eq!(values.len(), 1, "{arguments:?}: {values:?}");
        values.remove(0)
    }

    /// Runs a command that is to fail, and gives its exit code and the code of the error.
    pub(crate) fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let error = lines(&said).into_iter().find(|value| value["error"].is_object());
        let code = error.and_then(|value| value["error"]["code"].as_str().map(str::to_owned)).unwrap_or(said);
        (output.status.code().expect("an exit code"), code)
    }

    /// Follows in the background.
    pub(crate) fn tail(&self, run: &str) -> Tail {
        let path = self.machine.path(&format!("tail-{}-{run}", self.profile));
        let child = self
            .command(&["tail"])
            .stdout(File::create(&path).expect("a file"))
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        Tail::of(child, path)
    }
}

/// A `dunlin tail` in the background.
pub(crate) struct Tail {
    pub(crate) process: Process,
    path: PathBuf,
}

impl Tail {
    /// Any command whose output goes to `path`.
    pub(crate) fn of(child: Child, path: PathBuf) -> Self {
        Self { process: Process(child), path }
    }

    /// What was printed so far.
    pub(crate) fn values(&self) -> Vec<Value> {
        lines(&read(&self.path))
    }

    /// The messages that were shown so far: place and text.
    pub(crate) fn messages(&self) -> Vec<(u64, String)> {
        messages(&self.values())
    }

    /// Waits until a message with this text was shown.
    pub(crate) fn wait_for(&self, text: &str) {
        wait_until(text, || self.messages().iter().any(|(_, shown)| shown == text));
    }
}

/// Place and text of the messages among `values`.
pub(crate) fn messages(values: &[Value]) -> Vec<(u64, String)> {
    let message = |value: &Value| {
        Some((value["seq"].as_u64()?, value["text"].as_str()?.to_owned()))
            .filter(|_| value["type"] == "message")
    };
    values.iter().filter_map(message).collect()
}

pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..LOOKS_MAX {
        if is_so() {
            return;
        }
        thread::sleep(LOOK_INTERVAL);
    }
    assert!(is_so(), "waited in vain: {what}");
}

pub(crate) fn dunlin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dunlin"));
    for variable in ["DUNLIN_HOME", "DUNLIN_PROFILE", "DUNLIN_SERVER", "DUNLIN_PASSPHRASE"] {
        command.env_remove(variable);
    }
    command
}

/// The JSON values of a text, one a line; a line that is still being written is left out.
fn lines(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
