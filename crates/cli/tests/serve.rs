//! The life of a server as an operator sees it: starts, tells how it is, stops.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// How often to look whether a server has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How many looks until a test gives up: 60 s.
const LOOKS_MAX: usize = 3_000;

/// A server that is killed when the test forgets it.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command(data, arguments, variables).spawn().expect("the binary starts");
        let output = child.stdout.take().expect("a pipe");
        let line = BufReader::new(output).lines().next().expect("a line").expect("text");
        let address = line.strip_prefix("listening on ").expect("the address").to_owned();
        Self { child, address }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the server is not there any more");
    }

    fn wait(&mut self) -> ExitStatus {
        for _ in 0..LOOKS_MAX {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            thread::sleep(LOOK_INTERVAL);
        }
        panic!("the server does not end");
    }

    fn authority(&self) -> &str {
        self.address.split_once("//").expect("a URL").1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and a test that fails has its own reason.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    // A file that may not grow is to be an error for the server, not a signal that kills it.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_dunlin")]);
    if !arguments.contains(&"--listen") {
        command.env("DUNLIN_SERVER__LISTEN", "127.0.0.1:0");
    }
    command
        .args(["serve", "--data-dir"])
        .arg(data)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The status line and the body of `GET path`.
fn get(authority: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(authority).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

/// What a server that must not start says.
fn refusal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a directory");
    let output = command(folder.path(), arguments, variables).output().expect("the binary starts");
    assert!(!output.status.success(), "the server started");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn it_says_how_it_is_and_sigterm_ends_it_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[], &[]);
    assert!(server.address.starts_with("http://127.0.0.1:"), "{}", server.address);
    assert!(get(server.authority(), "/healthz").0.contains("200"));
    assert!(get(server.authority(), "/readyz").0.contains("200"));
    assert!(get(server.authority(), "/metrics").0.contains("404"), "metrics are not for everyone");
    server.signal("-TERM");
    assert!(server.wait().success());
    // What it wrote can be opened again.
    let mut again = Server::start(folder.path(), &[], &[]);
    again.signal("-INT");
    assert!(again.wait().success());
}

#[test]
fn metrics_have_a_port_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("DUNLIN_METRICS__LISTEN", "127.0.0.1:0"), ("DUNLIN_LOG__FORMAT", "json")];
    let mut server = Server::start(folder.path(), &[], &variables);
    let log = BufReader::new(server.child.stderr.take().unwrap());
    let line = log.lines().map_while(Result::ok).find(|line| line.contains("serving metrics")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["address"].as_str().unwrap();
    let (status, body) = get(address, "/metrics");
    assert!(status.contains("200"), "{status}");
    assert!(body.contains("dunlin_store_batches_total") && body.ends_with("# EOF\n"), "{body}");
    assert!(get(address, "/readyz").0.contains("200"));
}

#[test]
fn test_accounts_stay_on_this_machine() {
    let said = refusal(&["--test-accounts", "--listen", "0.0.0.0:0"], &[]);
    assert!(said.contains("--test-accounts") && said.contains("loopback"), "{said}");
}

#[test]
fn a_demonstration_stays_on_this_machine_unless_asked_for_otherwise() {
    let said = refusal(&["--demo", "--listen", "0.0.0.0:0"], &[]);
    assert!(said.contains("--demo-public") && said.contains("loopback"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo", "--demo-public", "--listen", "0.0.0.0:0"], &[]);
    assert!(server.address.starts_with("http://0.0.0.0:"), "{}", server.address);
}

#[test]
fn what_is_wrong_with_the_configuration_is_said_in_a_sentence() {
    let said = refusal(&[], &[("DUNLIN_CHATS__MEMBERS", "7")]);
    assert!(said.contains("DUNLIN_CHATS__MEMBERS") && said.contains("unknown field"), "{said}");
    let said = refusal(&["--config", "not/there.toml"], &[]);
    assert!(said.contains("not/there.toml"), "{said}");
    let said = refusal(&[], &[("DUNLIN_TLS__CERTIFICATE", "alone.pem")]);
    assert!(said.contains("tls.key"), "{said}");
}

#[test]
fn two_servers_do_not_share_a_directory_or_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[], &[]);
    let output = command(folder.path(), &[], &[]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("in use"), "{said}");
    let said = refusal(&["--listen", server.authority()], &[]);
    assert!(said.contains("cannot listen on"), "{said}");
}

#[test]
fn limits_are_read_again_on_sighup_and_a_broken_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dunlin.toml");
    std::fs::write(&file, "[chats]\nmembers_max = 3\n").unwrap();
    let config = file.to_str().unwrap();
    let mut server = Server::start(&folder.path().join("data"), &["--config", config], &[]);
    let mut log = BufReader::new(server.child.stderr.take().unwrap()).lines().map_while(Result::ok);
    std::fs::write(&file, "[chats]\nmembers_max = 5\n").unwrap();
    server.signal("-HUP");
    assert!(log.any(|line| line.contains("the limits were read again")));
    std::fs::write(&file, "[chats]\nmember_max = 5\n").unwrap();
    server.signal("-HUP");
    assert!(log.any(|line| line.contains("member_max")));
    assert!(get(server.authority(), "/readyz").0.contains("200"));
}

/// A disk that is full from one moment to the next: files of the server cannot grow any more.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_takes_no_more_ends_the_server_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--test-accounts"], &[]);
    let pid = server.child.id().to_string();
    let limited = Command::new("prlimit").args(["--pid", &pid, "--fsize=4096:4096"]).status().unwrap();
    assert!(limited.success());
    let body = "{\"count\":500,\"devices\":1}";
    let request = format!(
        "POST /api/test/accounts HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(server.authority()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // Whether it breaks off or says that it failed: it does not say 200.
    let _ = stream.read_to_string(&mut answer);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!server.wait().success());
    let mut said = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("The store failed, so the server stopped"), "{said}");
}
