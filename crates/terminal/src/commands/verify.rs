//! Comparing keys with somebody.

use dunlin_client::Action;
use dunlin_client::identity::SafetyNumber;
use dunlin_model::{IdentityKey, UserId};
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
        let Some(mut known) = self.known_keys(user).await? else {
            return Err(Failure::Failed(format!(
                "The keys of {} are not known here yet. Write to them first, or wait for their first message.",
                self.name(user)
            )));
        };
        if mark || unmark {
            self.set_verified(user, mark.then_some(known.identity)).await?;
            known.verified = self.look(move |client| client.is_verified(user)).await?;
        }
        let mut value = self.user_json(user);
        value["safetyNumber"] = json!(known.number.to_string());
        value["verified"] = json!(known.verified);
        out.show(&value, || {
            let [first, second] = known.halves();
            format!("{first}\n{second}\n{}", standing(&self.name(user), known.verified))
        })
        .await
    }

    /// Somebody's keys; `None` while they are not known here.
    pub(crate) async fn known_keys(&self, user: UserId) -> Result<Option<KnownKeys>> {
        self.look(move |client| {
            Some(KnownKeys {
                identity: client.identity_of(user)?,
                number: client.safety_number(user)?,
                verified: client.is_verified(user),
            })
        })
        .await
    }

    /// Notes that a person compared the digits that follow from this key, or takes it back. If the key changed meanwhile,
    /// nothing is marked.
    pub(crate) async fn set_verified(&self, user: UserId, identity: Option<IdentityKey>) -> Result {
        let action = match identity {
            Some(identity) => Action::MarkVerified { user, identity },
            None => Action::WithdrawVerified { user },
        };
        self.act(self.feed.next_token(), action).await
    }
}

/// What is known of somebody's keys.
pub(crate) struct KnownKeys {
    /// The key that says which devices are theirs.
    pub(crate) identity: IdentityKey,
    /// What two people compare.
    number: SafetyNumber,
    /// Whether they did, and noted it.
    pub(crate) verified: bool,
}

impl KnownKeys {
    /// The digits, six groups of five a line.
    pub(crate) fn halves(&self) -> [String; 2] {
        let number = self.number.to_string();
        let groups: Vec<&str> = number.split(' ').collect();
        let (first, second) = groups.split_at(groups.len() / 2);
        [first.join(" "), second.join(" ")]
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
