//! A new device waits to be let in by another one of its person.

use std::pin::pin;

use dunlin_client::Account;
use dunlin_client_native::linking::{Linking, LinkingEvent, LinkingFailure};
use futures_util::future::OptionFuture;
use serde_json::json;

use super::NewLogin;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::qr;

impl NewLogin {
    /// Shows what another device needs, and waits until it lets this one in.
    pub(super) async fn be_linked(&self, out: &mut Output, mut linking: Linking) -> Result<Account> {
        show_text(out, &linking).await?;
        loop {
            match linking.next().await.map_err(|failure| self.not_linked(&failure))? {
                LinkingEvent::Reached(0) => {
                    out.note("None of your other devices is connected. Run 'dunlin link' on one of them.")
                        .await;
                }
                LinkingEvent::Reached(_) => {}
                LinkingEvent::Linked(account) => return Ok(*account),
                LinkingEvent::Compare { by, code } => {
                    let code = code.to_string();
                    let value = json!({"type": "code", "code": code, "device": by.number.0});
                    out.show(&value, || {
                        format!("Device {} shows digits. Here they are: {code}", by.number.0)
                    })
                    .await?;
                    return self.compare(out, linking).await;
                }
            }
        }
    }

    /// Asks whether the digits are the same, and goes on speaking with the other device meanwhile.
    async fn compare(&self, out: &mut Output, mut linking: Linking) -> Result<Account> {
        let asks = out.can_ask();
        let mut answer =
            pin!(OptionFuture::from(asks.then(|| out.ask("Does it show the same? Type 'yes', or 'no'", ""))));
        let mut is_open = asks;
        loop {
            tokio::select! {
                said = &mut answer, if is_open => {
                    is_open = false;
                    if said.is_some_and(|said| said.is_ok_and(|said| said == "yes")) {
                        linking.confirm();
                    } else {
                        linking.refuse().await;
                        return Err(Failure::Failed(
                            "The device was not linked. If the digits differ, somebody may stand between your \
                             devices: try again in another network."
                                .into(),
                        ));
                    }
                }
                event = linking.next() => {
                    let event = event.map_err(|failure| self.not_linked(&failure))?;
                    if let LinkingEvent::Linked(account) = event {
                        return Ok(*account);
                    }
                }
            }
        }
    }

    pub(super) fn not_linked(&self, failure: &LinkingFailure) -> Failure {
        match failure {
            LinkingFailure::Unreachable(why) => Failure::unreachable(&self.server, why),
            LinkingFailure::LoggedOut => Failure::logged_out(),
            LinkingFailure::Failed(failure) => Failure::of_server(failure),
            failure => Failure::Failed(format!("{failure} Log in again to try once more.")),
        }
    }
}

async fn show_text(out: &mut Output, linking: &Linking) -> Result {
    let text = linking.text();
    let value = json!({"type": "link", "text": text.to_string()});
    out.show(&value, || {
        let picture = qr::drawing(&text.for_qr()).unwrap_or_default();
        format!(
            "{picture}You have other devices: let this one in on one of them. Scan the picture there; or run 'dunlin \
             link' and compare digits; or give it this text:\n\n  dunlin link {text}\n\nWho has no other device any \
             more begins anew with 'dunlin login --new-identity'."
        )
    })
    .await
}
