//! What terminals do with chats that only they can read: across processes, offline, across devices, and what is
//! readable to nobody else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::{Machine, Person, Tail, messages, wait_until};

fn texts(values: &[Value]) -> Vec<String> {
    messages(values).into_iter().map(|(_, text)| text).collect()
}

fn of_type<'a>(values: &'a [Value], kind: &str) -> Vec<&'a Value> {
    values.iter().filter(|value| value["type"] == kind).collect()
}

/// Every file below `dir`.
fn files_below(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            files.extend(files_below(&path));
        } else if kind.is_file() {
            files.push(path);
        }
    }
    files
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn another_process_has_its_commands_carried_out_by_the_owner_of_the_vault() {
    let machine = Machine::new();
    let server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    let tail = ada.tail("1");
    wait_until("the owner listens", || machine.path("home/profiles/ada/owner-1.sock").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let socket = fs::metadata(machine.path("home/profiles/ada/owner-1.sock")).unwrap();
        assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    }
    // Commands that print, that fail, and that follow, all beside the one that owns.
    ada.one(&["send", &bob.address(), "by the owner"]);
    tail.wait_for("by the owner");
    let other_tail = ada.tail("2");
    assert_eq!(ada.fails(&["send", "nobody", "x"]), (1, "failed".into()));
    assert_eq!(ada.one(&["status", "Bob", "3"])["status"], "sent");
    // The owner is killed: who followed beside it goes on by itself.
    tail.process.kill();
    assert_eq!(texts(&bob.ok(&["tail", "--once"])), ["by the owner"]);
    bob.one(&["send", "Ada", "and back"]);
    other_tail.wait_for("and back");
    assert_eq!(texts(&ada.ok(&["history", "Bob"])), ["by the owner", "and back"]);
    drop(other_tail);
    // Without the server, what is here is here.
    server.kill();
    assert_eq!(texts(&ada.ok(&["history", "Bob", "--offline"])), ["by the owner", "and back"]);
    assert_eq!(texts(&ada.ok(&["history", "Bob", "--limit", "1"])), ["and back"]);
    assert_eq!(texts(&ada.ok(&["search", "own"])), ["by the owner"]);
}

#[test]
fn messages_are_answered_changed_reacted_to_found_and_deleted() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    let first = ada.one(&["send", &bob.address(), "Walk at ten?"])["seq"].to_string();
    let answer = bob.one(&["send", "Ada", "Yes, gladly", "--reply", &first])["seq"].to_string();
    ada.one(&["edit", "Bob", &first, "Walk at eleven?"]);
    bob.one(&["react", "Ada", &first, "👍"]);
    assert_eq!(bob.fails(&["edit", "Ada", &first, "mine now"]), (1, "failed".into()));

    for (person, other) in [(&ada, "Bob"), (&bob, "Ada")] {
        let history = person.ok(&["history", other]);
        assert_eq!(texts(&history), ["Walk at eleven?", "Yes, gladly"]);
        let said = of_type(&history, "message");
        assert!(said[0]["editedMs"].is_u64());
        assert_eq!(said[0]["reactions"][0]["emoji"], "👍");
        assert_eq!(said[0]["reactions"][0]["name"], "Bob");
        assert_eq!(said[1]["replyTo"].to_string(), first);
        assert_eq!(texts(&person.ok(&["search", "elev", "--chat", other])), ["Walk at eleven?"]);
        assert!(person.ok(&["search", "ten"]).is_empty(), "what was changed is not found any more");
    }
    // Who follows later sees each change in its place.
    let arrived = bob.ok(&["tail", "--once"]);
    assert_eq!(of_type(&arrived, "edit")[0]["target"].to_string(), first);
    assert_eq!(of_type(&arrived, "reaction")[0]["emoji"], "👍");

    bob.one(&["react", "Ada", &first, "--remove"]);
    bob.one(&["delete", "Ada", &answer, "--everyone"]);
    let history = ada.ok(&["history", "Bob"]);
    let said = of_type(&history, "message");
    assert!(said[0]["reactions"].is_null());
    assert_eq!(said[1]["gone"], "deleted");
    assert!(ada.ok(&["search", "gladly"]).is_empty());
    ada.ok(&["delete", "Bob", &first]);
    assert!(texts(&ada.ok(&["history", "Bob"])).is_empty());
    assert_eq!(texts(&bob.ok(&["history", "Ada"])), ["Walk at eleven?"]);
}

#[test]
fn digits_are_the_same_on_both_sides_until_somebody_begins_anew() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    assert_eq!(ada.fails(&["verify", &bob.address()]), (1, "failed".into()));
    ada.one(&["send", &bob.address(), "hello"]);
    bob.one(&["send", "Ada", "hello"]);
    let digits = ada.one(&["verify", "Bob"]);
    assert_eq!(digits["safetyNumber"].as_str().unwrap().replace(' ', "").len(), 60);
    assert_eq!(digits["safetyNumber"], bob.one(&["verify", "Ada"])["safetyNumber"]);
    assert_eq!(digits["verified"], false);
    assert_eq!(ada.one(&["verify", "Bob", "--mark"])["verified"], true);
    assert_eq!(ada.one(&["verify", "Bob"])["verified"], true);

    // Bob's vault is lost. He is told what to do, and begins anew; Ada is told of it.
    fs::remove_dir_all(machine.path("home/profiles/bob/devices")).unwrap();
    let lost = bob.run(&["chats"]);
    assert_eq!(lost.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&lost.stderr).contains("dunlin link"));
    let log_in = ["login", "--unlock", "file", "--new-identity"];
    let address = bob.address();
    bob.ok(&["login", &address, "--request-code"]);
    let code = machine.code_for(&address);
    bob.ok(&[&log_in[..], &[&address, "--code", &code]].concat());
    ada.ok(&["tail", "--once"]);
    bob.one(&["send", &ada.address(), "it is me"]);
    let told = ada.ok(&["tail", "--once"]);
    assert_eq!(texts(&told), ["it is me"]);
    let changed = of_type(&ada.ok(&["history", "Bob"]), "identityChanged").len();
    assert_eq!(changed, 1, "the change stands in the chat");
    let after = ada.one(&["verify", "Bob"]);
    assert_eq!(after["verified"], false);
    assert_ne!(after["safetyNumber"], digits["safetyNumber"]);
}

/// Logs in on one more device of `person`, which waits to be linked, and gives what it prints.
fn waits_to_be_linked<'a>(machine: &'a Machine, device: &'a Person<'a>, person: &Person<'_>) -> Tail {
    let (address, server) = (person.address(), machine.url());
    let log_in = ["login", &address, "--server", &server, "--unlock", "file"];
    device.ok(&[&log_in[..], &["--request-code"]].concat());
    let code = machine.code_for(&address);
    let path = machine.path("linking");
    let child = device
        .command(&[&log_in[..], &["--code", &code]].concat())
        .stdout(File::create(&path).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Tail::of(child, path)
}

#[test]
fn a_new_device_is_linked_and_reads_what_follows() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    ada.one(&["send", &bob.address(), "before"]);
    let phone = machine.person("phone");
    let linking = waits_to_be_linked(&machine, &phone, &ada);
    let text = || of_type(&linking.values(), "link").first().map(|value| value["text"].to_string());
    wait_until("the device shows what to scan", || text().is_some());
    let text = text().unwrap().replace('"', "");
    assert_eq!(ada.fails(&["link", "dunlin:nonsense"]), (2, "usage".into()));
    assert_eq!(ada.one(&["link", &text])["linked"], true);
    wait_until("the device is linked", || linking.values().iter().any(|value| value["newUser"] == false));

    bob.one(&["send", "Ada", "after"]);
    assert_eq!(texts(&phone.ok(&["tail", "--once"])), ["after"]);
    phone.one(&["send", "Bob", "from the phone"]);
    assert_eq!(texts(&bob.ok(&["tail", "--once"])), ["before", "after", "from the phone"]);
    assert_eq!(texts(&ada.ok(&["history", "Bob"])), ["before", "after", "from the phone"]);
    // The same person: no change of keys was noticed, and a revoked device reads nothing more.
    assert!(of_type(&bob.ok(&["history", "Ada"]), "identityChanged").is_empty());
    ada.ok(&["devices", "revoke", "2"]);
    assert_eq!(phone.fails(&["chats"]), (3, "notLoggedIn".into()));
    ada.one(&["send", "Bob", "without the phone"]);
    assert_eq!(texts(&bob.ok(&["tail", "--once"])), ["without the phone"]);
}

#[test]
fn an_identity_that_was_replaced_elsewhere_is_not_taken_from_the_kept_vault() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, laptop) = (machine.register("ada"), machine.person("laptop"));
    let (address, server) = (ada.address(), machine.url());
    let log_in = ["login", &address, "--server", &server, "--unlock", "file"];
    laptop.ok(&[&log_in[..], &["--request-code"]].concat());
    let code = machine.code_for(&address);
    laptop.ok(&[&log_in[..], &["--new-identity", "--code", &code]].concat());
    assert_eq!(ada.fails(&["chats"]), (3, "notLoggedIn".into()));
    let linking = waits_to_be_linked(&machine, &ada, &ada);
    wait_until("it asks the laptop", || !of_type(&linking.values(), "link").is_empty());
}

#[test]
fn nothing_that_people_write_is_readable_where_it_is_kept() {
    let machine = Machine::new();
    let server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    let tail = bob.tail("1");
    ada.one(&["new", "marker-title", &bob.address(), "--description", "marker-about"]);
    let seq = ada.one(&["send", "marker-title", "marker-text"])["seq"].to_string();
    ada.one(&["edit", "marker-title", &seq, "marker-edited"]);
    ada.one(&["react", "marker-title", &seq, "🦔"]);
    tail.wait_for("marker-text");
    ada.ok(&["search", "marker"]);
    ada.ok(&["history", "marker-title"]);
    // A message that waits, too.
    server.kill();
    assert_eq!(ada.fails(&["send", "marker-title", "marker-waiting", "--wait", "0"]).0, 4);
    drop(tail);

    for (place, least) in [("data", 1), ("home", 4)] {
        let files = files_below(&machine.path(place));
        assert!(files.len() >= least, "{place} is looked at");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            for marker in ["marker-", "🦔"] {
                assert!(!holds(&bytes, marker), "{marker} in {}", file.display());
            }
        }
    }
    let log = fs::read(machine.path("server.log")).unwrap();
    assert!(!log.is_empty() && !holds(&log, "marker-"));
}
