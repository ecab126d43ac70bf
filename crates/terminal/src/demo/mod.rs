//! `dunlin serve --demo`: a few sample people and an Echo, so that a lone newcomer has somebody to talk to.
//!
//! `cast` is who they are and what they say, `player` one of them as a device like anybody's, `answer` what they answer
//! and how often, `look` what they find in their chats, `group` the talk in the group, `stage` what happens when. They learn who logs in from the server,
//! only where it was started for that, and everything else as any client does.

mod answer;
mod cast;
mod group;
mod look;
mod player;
mod stage;

use std::path::Path;
use std::pin::Pin;

use async_trait::async_trait;
use dunlin_client_native::Credentials;
use dunlin_model::{DeviceId, UserId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use cast::CAST;
use player::Player;
use stage::Stage;

/// Events of the sample people that wait to be looked at; their devices wait meanwhile.
const EVENTS_MAX: usize = 256;

/// Where the sample people enter a server.
#[async_trait]
pub trait Reception: Send + Sync {
    /// Where the server is reached from this machine.
    fn url(&self) -> &str;

    /// Where the demonstration keeps what is its own.
    fn folder(&self) -> &Path;

    /// Logs a sample person in, as the device that they were before if that is still theirs. Gives the device and what
    /// it proves itself with.
    ///
    /// # Errors
    /// Why not, as a sentence.
    async fn log_in(
        &self,
        address: &str,
        before: Option<DeviceId>,
    ) -> Result<(DeviceId, Credentials), String>;

    /// Waits for somebody to log in who is to be greeted; `None` when nobody will any more. Cancel safe.
    async fn arrival(&mut self) -> Option<UserId>;
}

/// The demonstration, until it ends or is dropped. Why it ended stands in the log.
pub fn perform(reception: Box<dyn Reception>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(run(reception))
}

async fn run(reception: Box<dyn Reception>) {
    if let Err(why) = play(reception).await {
        tracing::error!(%why, "the demonstration has ended");
    }
}

async fn play(reception: Box<dyn Reception>) -> Result<(), String> {
    let (tell, told) = mpsc::channel(EVENTS_MAX);
    // Dropped with this, and all tasks with it.
    let mut tasks = JoinSet::new();
    let mut players = Vec::with_capacity(CAST.len());
    for part in CAST.iter().enumerate() {
        let entered = Player::enter(part, &*reception, &tell, &mut tasks).await;
        players.push(entered.map_err(|why| format!("{}: {why}", part.1.name))?);
    }
    drop(tell);
    tracing::info!(people = players.len(), "the demonstration is on: Echo greets whoever logs in");
    Stage::new(players).await.run(reception, told).await
}
