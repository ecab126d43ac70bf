//! Many processes of one profile at once.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::acquainted;
use crate::support::Machine;
use crate::terminal::Terminal;

/// Commands that an owner carries out at a time.
const PLACES: usize = 64;

/// A guest as the program is one, but without a process of its own.
struct Guest(BufReader<UnixStream>);

impl Guest {
    /// Asks the owner to follow.
    fn follows(socket: &Path, device: &str) -> Self {
        let mut stream = UnixStream::connect(socket).unwrap();
        let request = json!({
            "device": device, "arguments": ["--json", "tail"], "input": null, "zone": null, "hasPerson": false,
        });
        stream.write_all(format!("{request}\n").as_bytes()).unwrap();
        Self(BufReader::new(stream))
    }

    /// What the owner says next.
    fn hears(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

#[test]
fn who_finds_all_places_taken_is_told_so_and_gets_the_next_one() {
    let machine = Machine::new();
    let _server = machine.serve();
    let (ada, _bob) = acquainted(&machine);
    let profile = ada.one(&["profile"]);
    let (user, number) = (profile["user"].as_str().unwrap(), &profile["device"]);
    let socket = machine.path(&format!("home/profiles/ada/owner-{number}.sock"));
    let tail = Terminal::start(&ada, &["tail"], 80, 24);
    tail.wait_for(&["you: hello"]);

    let device = format!("{user}-{number}");
    let mut guests: Vec<Guest> = (0..PLACES).map(|_| Guest::follows(&socket, &device)).collect();
    assert!(guests.iter_mut().all(|guest| guest.hears() == "accepted"));
    let mut late = Guest::follows(&socket, &device);
    assert_eq!(late.hears(), "full");
    let mut later = Guest::follows(&socket, &device);
    assert_eq!(later.hears(), "full");
    // Whoever goes away while they wait takes no place.
    drop(late);
    guests.pop();
    assert_eq!(later.hears(), "accepted");
    // Handing over needs none.
    let screen = Terminal::start(&ada, &["chat", "Bob"], 80, 24);
    screen.wait_for(&["hello"]);
    assert!(screen.is_taken());
}
