//! Linking: a device that is there lets a new one in.

use dunlin_client::identity::linking::{LinkText, LinkingCode};
use dunlin_client::{Action, Change, LINKING_TIME_MAX, LinkEnd};
use dunlin_model::DeviceId;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::session::{NO_WAIT, Session};

impl Session {
    /// Links the new device that asks: after a comparison of digits, or by the text that it shows.
    pub(super) async fn link(&self, out: &mut Output, text: Option<&str>, code: Option<&str>) -> Result {
        let not_a_text =
            |_| Failure::Usage("This is not what a new device shows. Copy the whole of it.".into());
        let text: Option<LinkText> = text.map(str::parse).transpose().map_err(not_a_text)?;
        self.catch_up(NO_WAIT).await?;
        let mut changes = self.feed.changes();
        let linking = async {
            match text {
                Some(text) => {
                    self.act(self.feed.next_token(), Action::ScanLink { text }).await?;
                    self.linked(&mut changes, None).await
                }
                None => self.compare(out, &mut changes, code).await,
            }
        };
        let late = |_| Failure::Failed("No new device asked to be linked. Run 'dunlin login' there.".into());
        let device = timeout(LINKING_TIME_MAX, Box::pin(linking)).await.map_err(late)??;
        let number = device.number.0;
        out.show(&json!({"device": number, "linked": true}), || {
            format!("Device {number} is linked. It reads what is written from now on.")
        })
        .await
    }

    async fn compare(
        &self,
        out: &mut Output,
        changes: &mut Receiver<Arc<Change>>,
        typed: Option<&str>,
    ) -> Result<DeviceId> {
        out.note("Waiting for the new device. Run 'dunlin login' there, if you have not.").await;
        let device = loop {
            if let Change::LinkAsked { device } = *next(changes).await? {
                break device;
            }
        };
        let number = device.number;
        out.note(&format!("Device {} ({}) asks to be linked.", number.0, self.name_of(device).await)).await;
        // Once in a run: each answer is one guess for whoever stands between.
        self.act(self.feed.next_token(), Action::AnswerLink { device: number }).await?;
        let code = loop {
            match *next(changes).await? {
                Change::LinkCode { device: of, code } if of == device => break code,
                Change::LinkEnded { device: of, why } if of == device => return Err(ended(why)),
                _ => {}
            }
        };
        let same = match typed {
            Some(typed) => is_same(typed, code),
            None => {
                let question = format!("Does the new device show {code}? Type 'yes' to link it");
                out.ask(&question, "Give the digits that it shows with --code.")
                    .await
                    .is_ok_and(|said| said == "yes")
            }
        };
        let action =
            if same { Action::ConfirmLink { device: number } } else { Action::RefuseLink { device: number } };
        self.act(self.feed.next_token(), action).await?;
        self.linked(changes, Some(device)).await
    }

    /// Waits for the end.
    async fn linked(
        &self,
        changes: &mut Receiver<Arc<Change>>,
        device: Option<DeviceId>,
    ) -> Result<DeviceId> {
        loop {
            if let Change::LinkEnded { device: of, why } = *next(changes).await?
                && device.is_none_or(|device| device == of)
            {
                return if why == LinkEnd::Linked { Ok(of) } else { Err(ended(why)) };
            }
        }
    }

    async fn name_of(&self, device: DeviceId) -> String {
        let devices = async {
            let token = self.token().await.ok()?;
            self.api.devices(&token).await.ok()
        };
        let devices = devices.await.map(|list| list.devices).unwrap_or_default();
        let named = devices.into_iter().find(|view| view.number == device.number.0);
        named.map_or_else(|| "without a name".to_owned(), |view| crate::plain::name(&view.name))
    }
}

async fn next(changes: &mut Receiver<Arc<Change>>) -> Result<Arc<Change>> {
    loop {
        match changes.recv().await {
            Ok(change) => return Ok(change),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Err(Failure::logged_out()),
        }
    }
}

fn ended(why: LinkEnd) -> Failure {
    Failure::Failed(why.to_string())
}

/// Whether these are the digits, however they are grouped.
fn is_same(typed: &str, code: LinkingCode) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    digits(typed) == digits(&code.to_string())
}
