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

use dunlin_server::{Demo, Reception};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use cast::CAST;
use player::Player;
use stage::Stage;

/// Events of the sample people that wait to be looked at; their devices wait meanwhile.
const EVENTS_MAX: usize = 256;

/// The demonstration, for the server to run beside itself.
pub(crate) fn demo(public: bool) -> Demo {
    Demo { public, run: Box::new(|reception| Box::pin(run(reception))) }
}

async fn run(reception: Reception) {
    if let Err(why) = play(reception).await {
        tracing::error!(%why, "the demonstration has ended");
    }
}

async fn play(reception: Reception) -> Result<(), String> {
    let (tell, told) = mpsc::channel(EVENTS_MAX);
    // Dropped with this, and all tasks with it.
    let mut tasks = JoinSet::new();
    let mut players = Vec::with_capacity(CAST.len());
    for part in CAST.iter().enumerate() {
        let entered = Player::enter(part, &reception, &tell, &mut tasks).await;
        players.push(entered.map_err(|why| format!("{}: {why}", part.1.name))?);
    }
    drop(tell);
    tracing::info!(people = players.len(), "the demonstration is on: Echo greets whoever logs in");
    Stage::new(players).await.run(reception, told).await
}
