//! Files from one terminal to another, over connections that break, and out of a storage that lies.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "nobody follows here, and no server is killed")]
mod support;

#[path = "support/unsteady.rs"]
#[expect(dead_code, reason = "nothing stalls here")]
mod unsteady;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use support::{Machine, Person};
use unsteady::{Cuts, MB, noise, unsteady};

fn registers_at<'a>(machine: &'a Machine, who: &str, name: &str, server: &str) -> Person<'a> {
    let person = machine.person(who);
    let address = person.address();
    let log_in = ["login", &address, "--server", server, "--device-name", "terminal", "--unlock", "file"];
    person.ok(&[&log_in[..], &["--request-code"]].concat());
    let code = machine.code_for(&address);
    person.ok(&[&log_in[..], &["--code", &code, "--name", name]].concat());
    person
}

fn stored_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(stored_files(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn fifty_megabytes_arrive_although_the_connection_breaks_twice_on_each_way() {
    let machine = Machine::new();
    let _server = machine.serve();
    let cuts = Arc::new(Cuts::default());
    let url = unsteady(machine.port(), &cuts);
    let ada = registers_at(&machine, "ada", "Ada", &url);
    let bob = registers_at(&machine, "bob", "Bob", &url);
    let film = noise(50_000_000);
    fs::write(machine.path("film.mp4"), &film).unwrap();

    cuts.after(&[30 * MB, 12 * MB]);
    let film_path = machine.path("film.mp4").to_string_lossy().into_owned();
    let said = ada.one(&["send", &bob.address(), "look", "--file", &film_path]);
    assert!(cuts.all_made(), "the connection broke twice on the way up");
    let seq = said["seq"].to_string();

    let history = bob.ok(&["history", "Ada"]);
    let shown = history.iter().find(|value| value["files"].is_array()).unwrap();
    assert_eq!(shown["files"][0]["name"], "film.mp4");
    assert_eq!(shown["files"][0]["bytes"], 50_000_000);
    let to = machine.path("saved");
    fs::create_dir(&to).unwrap();
    let to_text = to.to_string_lossy().into_owned();
    cuts.after(&[30 * MB, 12 * MB]);
    let saved = bob.one(&["save", "Ada", &seq, "--to", &to_text]);
    assert!(cuts.all_made(), "the connection broke twice on the way down");
    assert_eq!(saved["file"].as_str().unwrap(), to.join("film.mp4").to_string_lossy());
    assert!(fs::read(to.join("film.mp4")).unwrap() == film);
    assert_eq!(stored_files(&to).len(), 1, "nothing half done is left");
}

#[test]
fn a_file_is_saved_beside_others_and_not_at_all_when_it_was_tampered_with() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    let note = noise(200_000);
    fs::write(machine.path("-note.txt"), &note).unwrap();
    let path = machine.path("-note.txt").to_string_lossy().into_owned();
    let seq = ada.one(&["send", &bob.address(), "--file", &path])["seq"].to_string();
    let to = machine.path("saved");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("_-note.txt"), "mine").unwrap();
    let save = ["save", "Ada", &seq, "--to", &to.to_string_lossy()];
    let saved = bob.one(&save);
    assert!(saved["file"].as_str().unwrap().ends_with("_-note (1).txt"), "{saved}");
    assert_eq!(fs::read(to.join("_-note.txt")).unwrap(), b"mine");
    assert!(fs::read(to.join("_-note (1).txt")).unwrap() == note);

    let stored = stored_files(&machine.path("data/attachments"));
    assert_eq!(stored.len(), 1);
    let mut bytes = fs::read(&stored[0]).unwrap();
    assert!(!bytes.windows(32).any(|window| window == &note[..32]), "the server has it encrypted");
    bytes[150_000] ^= 1;
    fs::write(&stored[0], &bytes).unwrap();
    assert_eq!(bob.fails(&save), (1, "failed".into()));
    bytes.pop();
    fs::write(&stored[0], bytes).unwrap();
    let shortened = bob.command(&save).output().unwrap();
    let told = String::from_utf8(shortened.stderr).unwrap();
    assert!(told.contains("the file was changed on its way"), "{told}");
    assert_eq!(stored_files(&to).len(), 2, "nothing is left of what was tampered with");
}
