//! Who the sample people are, and what they say.

/// One of the sample people.
pub(super) struct Part {
    /// The name of their folder.
    pub(super) id: &'static str,
    /// What they are found by; nobody on the network can own it (RFC 2606).
    pub(super) address: &'static str,
    /// Their name.
    pub(super) name: &'static str,
    /// A line about them.
    pub(super) about: &'static str,
}

/// Echo, who answers, among [`CAST`].
pub(super) const ECHO: usize = 0;
/// The one who made the group and lets people in.
pub(super) const HOST: usize = 1;

/// Everyone.
pub(super) const CAST: [Part; 4] = [
    Part {
        id: "echo",
        address: "echo@demo.invalid",
        name: "Echo",
        about: "Says what you say. Part of this demonstration.",
    },
    Part {
        id: "ada",
        address: "ada@demo.invalid",
        name: "Ada Lindqvist",
        about: "Maps, hills, bad coffee. A sample person.",
    },
    Part {
        id: "tomas",
        address: "tomas@demo.invalid",
        name: "Tomás Rivera",
        about: "On two wheels. A sample person.",
    },
    Part {
        id: "mei",
        address: "mei@demo.invalid",
        name: "Mei Tanaka",
        about: "Baking or asleep. A sample person.",
    },
];

/// What Echo writes to whoever is new.
pub(super) const WELCOME: &str = "Hello, and welcome! I am Echo: whatever you write, I write back. Send me a \
                                  picture or a file too, and I tell you what came. Everything here is encrypted \
                                  from your device to mine.";

/// The group that newcomers get into.
pub(super) const GROUP: &str = "Saturday walk";
/// What the host says when somebody new is there.
pub(super) const HELLO: &str = "Someone new is here. Welcome to our Saturday walk!";

/// What is said in the group, and by whom; after the last line comes the first.
pub(super) const LINES: [(usize, &str); 16] = [
    (2, "Is the walk still on for Saturday?"),
    (HOST, "It is. I thought of the lake this time, it is about nine kilometres."),
    (3, "The lake! I will bring the lemon cake then."),
    (2, "In that case I am coming twice."),
    (HOST, "Train at 9:12, or by bike with Tomás?"),
    (3, "Train for me, the cake does not like bikes."),
    (2, "By bike. I leave at eight, so the coffee is on you two."),
    (HOST, "Agreed. We meet at the boat house at ten."),
    (3, "The forecast says rain from noon on."),
    (HOST, "Then we start earlier and are at the café by noon."),
    (2, "*Earlier* on a Saturday? Who are you?"),
    (3, "Nine o'clock is possible. Eight is not."),
    (HOST, "Nine it is. Bring something for the rain all the same."),
    (2, "I have the big tarpaulin. Two of us fit under it, or one cake."),
    (3, "The cake has priority."),
    (HOST, "As it should be. See you there!"),
];
/// Lines that belong together.
pub(super) const EPISODE: usize = 8;

/// What the host answers to newcomers in the group, one after the other.
pub(super) const GROUP_ANSWERS: [&str; 4] = [
    "Good to have you with us!",
    "Noted. I keep the list.",
    "That works for me.",
    "Let us decide that on the way.",
];

/// What a sample person other than Echo answers in a chat of two.
pub(super) const ONLY_A_SAMPLE: &str = "Nice of you to write! I am a sample person and know few sentences. Echo has \
                                        an answer to everything.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_speaks_is_there_and_lines_come_in_whole_episodes() {
        assert!(LINES.iter().all(|(who, text)| CAST.get(*who).is_some() && *who != ECHO && !text.is_empty()));
        assert_eq!(LINES.len() % EPISODE, 0);
        assert!(CAST.iter().all(|part| part.address.ends_with(".invalid")));
    }
}
