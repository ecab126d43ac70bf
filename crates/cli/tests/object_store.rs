//! Files past the server: from one terminal into an object store that speaks S3, and out of it to another.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "nobody follows here, and no server is killed")]
mod support;
#[path = "support/unsteady.rs"]
mod unsteady;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;

use dunlin_testkit_s3::{ACCESS_KEY_ID, BUCKET, S3Server, SECRET_ACCESS_KEY};
use support::{Machine, Process, wait_until};
use unsteady::{Cuts, MB, noise, unsteady};

/// What the log says of files from before.
const LEFT: &str = "files here are not given out any more";

/// A server whose attachments are in `store`, which clients reach at `public`; and the port of its metrics.
fn serve(machine: &Machine, store: &S3Server, public: &str) -> (Process, u16) {
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let key = machine.path("s3.key");
    fs::write(&key, format!("{SECRET_ACCESS_KEY}\n")).unwrap();
    let process = machine.serve_with(&[
        ("DUNLIN_ATTACHMENTS__S3__ENDPOINT", &store.endpoint()),
        ("DUNLIN_ATTACHMENTS__S3__PUBLIC_ENDPOINT", public),
        ("DUNLIN_ATTACHMENTS__S3__BUCKET", BUCKET),
        ("DUNLIN_ATTACHMENTS__S3__PATH_STYLE", "true"),
        ("DUNLIN_ATTACHMENTS__S3__ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("DUNLIN_ATTACHMENTS__S3__SECRET_ACCESS_KEY_FILE", &key.to_string_lossy()),
        ("DUNLIN_ATTACHMENTS__REMOVE_WHEN_FETCHED", "true"),
        ("DUNLIN_METRICS__LISTEN", &metrics.to_string()),
        ("DUNLIN_LOG__FILTER", "trace"),
    ]);
    (process, metrics.port())
}

/// A counter of the server.
fn counted(port: u16, name: &str) -> u64 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("dunlin_{name}_total "))).unwrap();
    line.trim().parse().unwrap()
}

/// How many files are in the store.
fn stored(store: &S3Server) -> usize {
    fs::read_dir(store.object("attachments")).map_or(0, Iterator::count)
}

#[test]
fn a_file_passes_the_server_by_and_goes_on_where_a_killed_program_was() {
    let (machine, store, cuts) = (Machine::new(), S3Server::start(), Arc::new(Cuts::default()));
    let (_server, metrics) = serve(&machine, &store, &unsteady(store.port(), &cuts));
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    let film = noise(30_000_000);
    fs::write(machine.path("film.mp4"), &film).unwrap();
    let path = machine.path("film.mp4").to_string_lossy().into_owned();
    let bobs = bob.address();
    let send = ["send", &bobs, "look", "--file", &path];

    // Cut in the second part, and killed in the third.
    cuts.after(&[12 * MB]);
    cuts.stall_after(24 * MB);
    let mut sending = ada.command(&send).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the upload is in its third part", || cuts.has_stalled());
    sending.kill().unwrap();
    sending.wait().unwrap();
    assert!(cuts.all_made());
    cuts.go_on();
    let before = store.traffic().0;
    let seq = ada.one(&send)["seq"].to_string();
    let again = store.traffic().0 - before;
    assert!(again < 20 * MB, "of 30 MB {again} bytes went up after the restart");
    assert_eq!(stored(&store), 1);

    let to = machine.path("saved");
    fs::create_dir(&to).unwrap();
    let to_text = to.to_string_lossy().into_owned();
    cuts.after(&[12 * MB]);
    bob.one(&["save", "Ada", &seq, "--to", &to_text]);
    assert!(cuts.all_made());
    assert!(fs::read(to.join("film.mp4")).unwrap() == film);

    let (put, read) = store.traffic();
    assert!(put > 30 * MB && read > 30 * MB);
    for name in ["attachments_bytes_in", "attachments_bytes_out"] {
        assert_eq!(counted(metrics, name), 0, "{name}");
    }
    let all = ["gateway_bytes_in", "gateway_bytes_out", "gateway_http_bytes_in", "gateway_http_bytes_out"];
    let bytes: Vec<u64> = all.iter().map(|name| counted(metrics, name)).collect();
    assert!(bytes.iter().all(|bytes| *bytes > 0), "{bytes:?}");
    assert!(bytes.iter().sum::<u64>() < MB, "all that passed the server: {bytes:?}");

    // Bob was the last who had not fetched it.
    wait_until("the file is removed", || stored(&store) == 0);
    assert_eq!(bob.fails(&["save", "Ada", &seq, "--to", &to_text]).0, 1);
    assert_eq!(counted(metrics, "attachments_removed"), 1);
    let log = fs::read_to_string(machine.path("server.log")).unwrap();
    assert!(!log.contains(SECRET_ACCESS_KEY), "the key is in the log");
    assert!(!log.contains(LEFT), "there is nothing from before");
}

#[test]
fn files_from_before_the_object_store_are_told_of() {
    let (machine, store) = (Machine::new(), S3Server::start());
    fs::create_dir_all(machine.path("data/attachments/ab")).unwrap();
    let _server = serve(&machine, &store, &store.endpoint());
    let log = machine.path("server.log");
    wait_until("the operator is warned", || fs::read_to_string(&log).unwrap().contains(LEFT));
}

#[test]
fn a_file_that_cannot_be_saved_after_all_stays_where_it_is() {
    let (machine, store, cuts) = (Machine::new(), S3Server::start(), Arc::new(Cuts::default()));
    let (_server, metrics) = serve(&machine, &store, &unsteady(store.port(), &cuts));
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    let film = noise(3_000_000);
    fs::write(machine.path("film.mp4"), &film).unwrap();
    let path = machine.path("film.mp4").to_string_lossy().into_owned();
    let seq = ada.one(&["send", &bob.address(), "look", "--file", &path])["seq"].to_string();
    let to = machine.path("saved");
    fs::create_dir(&to).unwrap();
    let to_text = to.to_string_lossy().into_owned();
    let save = ["save", "Ada", &seq, "--to", &to_text];

    // Somebody takes its name while it comes: all bytes are there, and nothing is saved.
    cuts.after(&[]);
    cuts.stall_after(MB);
    let mut saving = bob.command(&save).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("a part has come", || cuts.has_stalled());
    let place = to.join("film.mp4");
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    cuts.go_on();
    assert!(!saving.wait().unwrap().success());
    assert_eq!((stored(&store), counted(metrics, "attachments_removed")), (1, 0), "it was the last copy");

    fs::remove_dir(&place).unwrap();
    bob.one(&save);
    assert!(fs::read(&place).unwrap() == film);
    assert_eq!((stored(&store), counted(metrics, "attachments_removed")), (0, 1));
}
