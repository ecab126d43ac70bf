//! A sample person: a device as anybody's, with a vault of its own, at work in the server's process.

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use dunlin_client::Action;
use dunlin_client_native::device::{Device, DeviceEvent, DeviceOptions, account_in};
use dunlin_client_native::vault::{Unlock, Vault};
use dunlin_client_native::{Api, SystemClock, SystemRandomness, Tokens, identity};
use dunlin_model::UserId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Reception;
use super::cast::Part;

/// What one person may still want to do; beyond that they let it be.
const WISHES_MAX: usize = 256;

/// One of the sample people, online.
pub(super) struct Player {
    pub(super) user: UserId,
    device: Device,
    wishes: mpsc::Sender<Action>,
}

impl Player {
    /// Logs in, as the device from before where there is one, and begins to tell what happens as `index`.
    pub(super) async fn enter(
        (index, part): (usize, &Part),
        reception: &dyn Reception,
        told: &mpsc::Sender<(usize, DeviceEvent)>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, String> {
        let folder = reception.folder().join(part.id);
        fs::create_dir_all(&folder).map_err(as_text)?;
        let vault = open_vault(&folder).await?;
        let before = account_in(&vault).map(|account| account.device());
        let (id, credentials) = reception.log_in(part.address, before).await?;
        let server = reception.url().parse().map_err(as_text)?;
        let api = Api::new(server).map_err(as_text)?;
        let tokens: Arc<dyn Tokens> = Arc::new(dunlin_client_native::Session::new(api.clone(), credentials));
        let options = DeviceOptions {
            server: api.server().clone(),
            tokens: Arc::clone(&tokens),
            api: api.clone(),
            clock: Arc::new(SystemClock::default()),
            randomness: Arc::new(SystemRandomness),
        };
        let (device, mut events) = if before == Some(id) {
            Device::open(vault, options).map_err(as_text)?
        } else {
            let vault = if before.is_some() { empty_vault(vault, &folder).await? } else { vault };
            let account = identity::new_account(id, &SystemRandomness, options.clock.now());
            Device::create(vault, account, options).map_err(as_text)?
        };
        let told = told.clone();
        tasks.spawn(async move {
            while let Some(event) = events.recv().await {
                if told.send((index, event)).await.is_err() {
                    return;
                }
            }
        });
        let (wishes, mut waiting) = mpsc::channel(WISHES_MAX);
        let acting = device.clone();
        // Apart from whoever wants something: a device that waits to tell what happened takes no orders meanwhile.
        tasks.spawn(async move {
            while let Some(action) = waiting.recv().await {
                if acting.act(0, action).await.is_err() {
                    return;
                }
            }
        });
        let player = Self { user: id.user, device, wishes };
        introduce(&api, &*tokens, part).await?;
        Ok(player)
    }

    /// Wants something, which is forgotten when too much waits already. Does not block.
    pub(super) fn wants(&self, action: Action) {
        if self.wishes.try_send(action).is_err() {
            tracing::warn!("a sample person has too much to do");
        }
    }

    /// Asks the device, off the threads that serve.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Device) -> T + Send + 'static,
    ) -> Option<T> {
        let device = self.device.clone();
        tokio::task::spawn_blocking(move || question(&device)).await.ok()
    }

    /// Keeps something beside what the core keeps.
    pub(super) async fn keep(&self, name: &str, value: Vec<u8>) {
        if let Err(error) = self.device.keep(name, value).await {
            tracing::warn!(%error, "the demonstration cannot keep where it was");
        }
    }

    /// Whether others can write to the device. Waits for it, which waits until what happened to it is looked at.
    pub(super) fn is_announced(&self) -> impl Future<Output = bool> + Send + use<> {
        let device = self.device.clone();
        async move { device.look(|client| client.account().is_announced()).await.unwrap_or(false) }
    }
}

fn as_text(error: impl Display) -> String {
    error.to_string()
}

async fn open_vault(folder: &Path) -> Result<Vault, String> {
    let (vault, key) = (folder.join("vault"), folder.join("vault.key"));
    let opening = tokio::task::spawn_blocking(move || {
        Vault::open_or_create(&vault, &Unlock::KeyFile(key), Arc::new(SystemRandomness))
    });
    opening.await.map_err(as_text)?.map_err(as_text)
}

/// A vault in place of one whose account the server does not know any more: the server's data was removed.
async fn empty_vault(vault: Vault, folder: &Path) -> Result<Vault, String> {
    drop(vault);
    fs::remove_dir_all(folder).map_err(as_text)?;
    fs::create_dir_all(folder).map_err(as_text)?;
    open_vault(folder).await
}

/// Gives the person their name, unless they have it.
async fn introduce(api: &Api, tokens: &dyn Tokens, part: &Part) -> Result<(), String> {
    let token = tokens.access_token(None).await.map_err(as_text)?;
    let mut profile = api.profile(&token).await.map_err(as_text)?;
    if profile.name != part.name || profile.about != part.about {
        part.name.clone_into(&mut profile.name);
        part.about.clone_into(&mut profile.about);
        api.set_profile(&token, &profile).await.map_err(as_text)?;
    }
    Ok(())
}
