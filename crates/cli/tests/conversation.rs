//! Two people on one machine talk through `dunlin`; whatever is killed in between, everything is there, once,
//! in order.

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Machine, Person, dunlin, messages, wait_until};

/// Asserts that places rise, which also says that nothing is there twice.
fn assert_rising(messages: &[(u64, String)]) {
    assert!(messages.windows(2).all(|pair| pair[0].0 < pair[1].0), "{messages:?}");
}

fn texts(messages: &[(u64, String)]) -> Vec<&str> {
    messages.iter().map(|(_, text)| text.as_str()).collect()
}

#[test]
fn terminals_and_server_are_killed_in_the_middle_and_nothing_is_lost_doubled_or_reordered() {
    let machine = Machine::new();
    let server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));

    // They talk. Ada's terminal stays open through everything, Bob's is killed.
    // The chat's creation and its keys stand before.
    assert_eq!(ada.one(&["send", &bob.address(), "one"])["seq"], 3);
    let (ada_tail, bob_tail) = (ada.tail("1"), bob.tail("1"));
    bob_tail.wait_for("one");
    assert_eq!(bob.one(&["send", "Ada", "two"])["seq"], 4);
    ada_tail.wait_for("two");
    bob_tail.wait_for("two");
    let bob_saw = bob_tail.messages();
    bob_tail.process.kill();
    ada.one(&["send", "Bob", "three"]);

    // The server is killed. What is said meanwhile waits, in order.
    server.kill();
    for text in ["four", "five"] {
        assert_eq!(ada.fails(&["send", "Bob", text, "--wait", "0"]), (4, "unreachable".into()));
    }
    assert_eq!(ada.fails(&["chats"]).0, 4);

    // Both come back. Ada's tail finds the server by itself and sends what waited.
    let server = machine.serve();
    ada_tail.wait_for("five");
    let bob_tail = bob.tail("2");
    bob_tail.wait_for("five");
    bob.one(&["send", "Ada", "six"]);
    for tail in [&ada_tail, &bob_tail] {
        tail.wait_for("six");
        assert_rising(&tail.messages());
    }
    let said = ["one", "two", "three", "four", "five", "six"];
    assert_eq!(texts(&ada_tail.messages()), said);
    // Killed between showing and noting so, a terminal may show its last lines again, never less.
    let mut bob_saw: Vec<(u64, String)> = bob_saw.into_iter().chain(bob_tail.messages()).collect();
    bob_saw.dedup();
    assert_eq!(texts(&bob_saw), said);

    // The server has each once and in order, and so has what both stored, with the server gone.
    for (person, other) in [(&ada, "Bob"), (&bob, "Ada")] {
        let history = messages(&person.ok(&["history", other]));
        assert_rising(&history);
        assert_eq!(texts(&history), said);
    }
    server.kill();
    for (person, other) in [(&ada, "Bob"), (&bob, "Ada")] {
        assert_eq!(texts(&messages(&person.ok(&["history", other, "--offline"]))), said);
    }
}

#[test]
fn what_was_shown_is_not_shown_again_and_status_follows_what_was_shown() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    ada.one(&["send", &bob.address(), "hello"]);
    let status = ada.one(&["status", "Bob", "3"]);
    assert_eq!(status["status"], "sent");
    assert_eq!(messages(&bob.ok(&["tail", "--once"])), [(3, "hello".to_owned())]);
    let status = ada.one(&["status", "Bob", "3"]);
    assert_eq!(status["status"], "seen");
    assert_eq!(status["recipients"][0]["name"], "Bob");
    assert!(bob.ok(&["tail", "--once"]).is_empty());
    ada.one(&["send", "Bob", "again"]);
    assert_eq!(messages(&bob.ok(&["tail", "--once"])), [(4, "again".to_owned())]);
}

#[test]
fn processes_of_one_profile_send_at_once_and_each_message_is_there_once() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    ada.one(&["new", "--direct", &bob.address()]);
    let sending: Vec<_> = (0..8)
        .map(|number| {
            let mut send = ada.command(&["send", "Bob", &format!("m{number}")]);
            send.stdout(Stdio::null()).spawn().expect("the binary starts")
        })
        .collect();
    for mut process in sending {
        assert!(process.wait().expect("a child").success());
    }
    let history = ada.ok(&["history", "Bob"]);
    let mut sent = messages(&history);
    assert_rising(&sent);
    sent.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(texts(&sent), ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"]);
    let mut numbers: Vec<u64> = history.iter().filter_map(|event| event["clientSeq"].as_u64()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 9, "creation and eight messages have numbers of their own");
}

#[test]
fn a_group_is_made_joined_changed_and_left() {
    let machine = Machine::new();
    let _server = machine.serve();
    let people: Vec<Person<'_>> = ["ada", "bob", "cy"].map(|who| machine.register(who)).into_iter().collect();
    let [ada, bob, cy] = people.as_slice() else { return };

    let team = ada.one(&["new", "Team", &bob.address()]);
    assert_eq!((&team["seq"], &team["chatName"]), (&json!(1), &json!("Team")));
    let code = ada.one(&["invite", "Team"])["code"].as_str().expect("a code").to_owned();
    let joined = cy.one(&["join", &code]);
    assert_eq!(joined["chat"], team["chat"]);
    // What the group is called is content: who made it tells those who came by the link.
    ada.ok(&["chats"]);
    let names = |person: &Person<'_>| {
        let members = person.ok(&["members", "list", "team"]);
        members
            .iter()
            .map(|member| format!("{} {}", member["name"], member["role"]).replace('"', ""))
            .collect()
    };
    let listed: Vec<String> = names(cy);
    assert_eq!(listed, ["Ada owner", "Bob member", "Cy member"]);

    assert_eq!(bob.fails(&["rename", "Team", "Bobs"]), (1, "forbidden".into()));
    ada.one(&["members", "role", "Team", "Bob", "admin"]);
    bob.one(&["rename", "Team", "Crew"]);
    bob.one(&["members", "ban", "Crew", "Cy"]);
    assert_eq!(cy.fails(&["send", "Team", "hi"]), (1, "banned".into()));
    assert_eq!(cy.fails(&["join", &code]), (1, "banned".into()));

    let oops = ada.one(&["send", "Crew", "oops"])["seq"].clone();
    ada.one(&["delete", "Crew", &oops.to_string(), "--everyone"]);
    let event = bob.ok(&["history", "Crew"]).into_iter().find(|event| event["seq"] == oops);
    assert_eq!(event.expect("its place stays")["gone"], "deleted");
    let mine = bob.one(&["send", "Crew", "mine alone"])["seq"].to_string();
    bob.ok(&["delete", "Crew", &mine]);
    assert!(messages(&bob.ok(&["history", "Crew"])).is_empty());
    assert_eq!(texts(&messages(&ada.ok(&["history", "Crew", "--from", "Bob"]))), ["mine alone"]);

    ada.one(&["leave", "Crew"]);
    let listed: Vec<String> = {
        let members = bob.ok(&["members", "list", "Crew"]);
        members
            .iter()
            .map(|member| format!("{} {}", member["name"], member["role"]).replace('"', ""))
            .collect()
    };
    assert_eq!(listed, ["Bob owner"]);
    // A deletion shows at the message that is gone, not in a place of its own.
    let kinds: Vec<String> = bob
        .ok(&["tail", "--once"])
        .iter()
        .filter_map(|event| event["type"].as_str().map(str::to_owned))
        .filter(|kind| kind != "message" && kind != "receipt")
        .collect();
    assert_eq!(
        kinds,
        ["created", "updated", "inviteChanged", "joined", "roleChanged", "updated", "membersBanned", "left"]
    );
}

#[test]
fn a_device_that_was_logged_out_elsewhere_is_told_to_log_in() {
    let machine = Machine::new();
    let _server = machine.serve();
    let ada = machine.register("ada");
    assert_eq!(ada.ok(&["devices"]).len(), 1);
    assert_eq!(ada.ok(&["devices"])[0]["current"], true);
    ada.ok(&["devices", "revoke", "1"]);
    assert_eq!(ada.fails(&["chats"]), (3, "notLoggedIn".into()));
    // The same profile logs in again, as another device, and goes on.
    let ada = machine.register("ada");
    assert!(ada.ok(&["chats"]).is_empty());
    assert_eq!(ada.ok(&["devices"])[0]["number"], 2);
    ada.ok(&["logout"]);
    assert_eq!(ada.fails(&["chats"]), (3, "notLoggedIn".into()));
}

#[test]
fn wrong_usage_and_a_closed_pipe_end_without_noise() {
    let machine = Machine::new();
    let nobody = dunlin().args(["--home"]).arg(machine.path("empty")).arg("chats").output().expect("it runs");
    assert_eq!(nobody.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("dunlin login"));
    assert_eq!(dunlin().arg("send").output().expect("it runs").status.code(), Some(2));

    let mut completions =
        dunlin().args(["completions", "bash"]).stdout(Stdio::piped()).spawn().expect("it starts");
    drop(completions.stdout.take());
    assert!(completions.wait().expect("a child").success());
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

#[test]
fn what_a_server_lost_that_came_back_from_a_backup_is_shown_by_who_had_it() {
    let machine = Machine::new();
    let server = machine.serve();
    let (ada, bob) = (machine.register("ada"), machine.register("bob"));
    ada.one(&["send", &bob.address(), "kept"]);
    bob.ok(&["tail", "--once"]);
    server.kill();
    let (data, backup) = (machine.path("data"), machine.path("backup"));
    copy_dir(&data, &backup);
    let server = machine.serve();
    ada.one(&["send", "Bob", "lost of Ada"]);
    assert_eq!(texts(&messages(&bob.ok(&["tail", "--once"]))), ["lost of Ada"]);
    let lost = bob.one(&["send", "Ada", "lost of Bob"]);
    assert_eq!(bob.ok(&["history", "Ada", "--set-aside"]), Vec::<Value>::new(), "nothing is lost yet");
    server.kill();

    fs::remove_dir_all(&data).expect("removed");
    copy_dir(&backup, &data);
    fs::remove_file(data.join("store").join("acknowledged")).expect("removed");
    let _server = machine.serve_with(&[("DUNLIN_STORE__ACCEPT_LOSS", "true")]);
    let set_aside = || messages(&bob.ok(&["history", "Ada", "--set-aside"]));
    wait_until("all that was lost is set aside", || set_aside().len() == 2);
    let shown = set_aside();
    assert_eq!(texts(&shown), ["lost of Ada", "lost of Bob"]);
    assert_eq!(lost["seq"], shown[1].0, "under the number that it had");
    assert_eq!(
        texts(&messages(&bob.ok(&["history", "Ada", "--set-aside", "--limit", "1"]))),
        ["lost of Bob"]
    );
    let of_ada = bob.ok(&["history", "Ada", "--set-aside", "--offline", "--from", "Ada"]);
    assert_eq!(texts(&messages(&of_ada)), ["lost of Ada"]);
    assert!(!texts(&messages(&bob.ok(&["history", "Ada"]))).contains(&"lost of Ada"));
}
