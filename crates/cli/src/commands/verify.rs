//! Comparing keys with somebody.

use dunlin_client::identity::SafetyNumber;
use serde_json::json;

use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::session::Session;

impl Session {
    pub(super) async fn verify(&self, out: &mut Output, person: &str, mark: bool, unmark: bool) -> Result {
        let _ = (mark, unmark);
        let user = self.find_person(person).await?;
        if user == self.me() {
            return Err(Failure::Usage("Your own devices are linked with 'dunlin link'.".into()));
        }
        self.learn_names_or_not([user]).await?;
        let me = self.me();
        let keys = self.look(move |client| (client.identity_of(me), client.identity_of(user)));
        let (Some(own), Some(theirs)) = keys.await? else {
            return Err(Failure::Failed(format!(
                "The keys of {} are not known here yet. Write to them first, or wait for their first message.",
                self.name(user)
            )));
        };
        let number = SafetyNumber::of((me, own), (user, theirs));
        let mut value = self.user_json(user);
        value["safetyNumber"] = json!(number.to_string());
        out.show(&value, || number.to_string()).await
    }
}
