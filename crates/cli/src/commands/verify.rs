//! Comparing keys with somebody.

use dunlin_client::Action;
use serde_json::json;

use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::session::Session;

impl Session {
    pub(super) async fn verify(&self, out: &mut Output, person: &str, mark: bool, unmark: bool) -> Result {
        let user = self.find_person(person).await?;
        if user == self.me() {
            return Err(Failure::Usage("Your own devices are linked with 'dunlin link'.".into()));
        }
        self.learn_names_or_not([user]).await?;
        let known = self.look(move |client| Some((client.identity_of(user)?, client.safety_number(user)?)));
        let Some((identity, number)) = known.await? else {
            return Err(Failure::Failed(format!(
                "The keys of {} are not known here yet. Write to them first, or wait for their first message.",
                self.name(user)
            )));
        };
        if mark || unmark {
            // The key that these digits follow from: if it changed meanwhile, nothing is marked.
            let action = if mark {
                Action::MarkVerified { user, identity }
            } else {
                Action::WithdrawVerified { user }
            };
            self.act(self.feed.next_token(), action).await?;
        }
        let verified = self.look(move |client| client.is_verified(user)).await?;
        let mut value = self.user_json(user);
        value["safetyNumber"] = json!(number.to_string());
        value["verified"] = json!(verified);
        out.show(&value, || {
            let (first, second) = halves(&number.to_string());
            format!("{first}\n{second}\n{}", standing(&self.name(user), verified))
        })
        .await
    }
}

/// What is noted of somebody's keys, and what can be done about it.
fn standing(name: &str, verified: bool) -> String {
    if verified {
        return format!("{name} is marked as verified. To take that back, say --unmark.");
    }
    format!(
        "{name} is not marked as verified. If {name} sees the same digits with 'dunlin verify', nobody stands between \
         you: then say so with --mark."
    )
}

/// Six groups of five digits a line.
fn halves(number: &str) -> (String, String) {
    let groups: Vec<&str> = number.split(' ').collect();
    let (first, second) = groups.split_at(groups.len() / 2);
    (first.join(" "), second.join(" "))
}

#[cfg(test)]
mod tests {
    use super::standing;

    #[test]
    fn who_is_marked_already_is_not_to_be_marked_again() {
        let (marked, unmarked) = (standing("Ben", true), standing("Ben", false));
        assert!(marked.contains("--unmark") && !marked.contains("--mark"), "{marked}");
        assert!(unmarked.contains("--mark") && !unmarked.contains("--unmark"), "{unmarked}");
    }
}
