//! The own profile, contacts, blocks, and who is there.

use dunlin_client_native::types::{LastSeen, Settings};
use dunlin_model::UserId;
use dunlin_model::view::UserPresence;
use dunlin_wire::{Command, Outcome};
use serde_json::{Value, json};

use crate::args::{LastSeenArg, ProfileArgs};
use crate::failure::Result;
use crate::localtime;
use crate::output::Output;
use crate::session::{Session, not_understood};

impl Session {
    pub(super) async fn profile(&self, out: &mut Output, args: ProfileArgs) -> Result {
        let token = self.token().await?;
        let mut profile = self.api.profile(&token).await.map_err(|error| self.api_failure(&error))?;
        let mut settings = self.api.settings(&token).await.map_err(|error| self.api_failure(&error))?;
        if args.name.is_some() || args.about.is_some() {
            profile.name = args.name.unwrap_or(profile.name);
            profile.about = args.about.unwrap_or(profile.about);
            self.store_profile(&token, &profile).await?;
            self.people.borrow_mut().person_mut(self.me()).name.clone_from(&profile.name);
            self.keep_people().await?;
        }
        if let Some(last_seen) = args.last_seen {
            settings = Settings { last_seen: last_seen.into(), ..settings };
            self.api.set_settings(&token, &settings).await.map_err(|error| self.api_failure(&error))?;
        }
        let visible = visibility_name(settings.last_seen);
        let value = json!({
            "user": self.me().to_string(), "address": self.login.address, "name": profile.name,
            "about": profile.about, "lastSeen": visible, "server": self.login.server, "device": self.device_id().number.0,
        });
        let shown = || {
            let shown = |text: &str| if text.is_empty() { "(none)".to_owned() } else { text.to_owned() };
            format!(
                "Name: {}\nAbout: {}\nAddress: {}\nLast seen is shown to: {visible}\nServer: {}",
                shown(&profile.name),
                shown(&profile.about),
                self.login.address,
                self.server
            )
        };
        out.show(&value, shown).await
    }

    pub(super) async fn list_contacts(&self, out: &mut Output) -> Result {
        self.learn_contacts().await?;
        let mut contacts = self.people.borrow().contacts();
        contacts.sort_by_cached_key(|user| self.name(*user).to_lowercase());
        out.list(
            &contacts,
            |user| self.user_json(*user),
            |user| {
                let people = self.people.borrow();
                let address = people.person(*user).map(|person| person.address.clone()).unwrap_or_default();
                let address = if address.is_empty() { address } else { format!(" ({address})") };
                format!("{}{address}", people.name(*user))
            },
        )
        .await
    }

    pub(super) async fn add_contact(&self, out: &mut Output, person: &str, name: Option<String>) -> Result {
        let user = self.find_person(person).await?;
        self.learn_names([user]).await?;
        let name = name.unwrap_or_else(|| self.people.borrow().name(user));
        let token = self.token().await?;
        self.api.put_contact(&token, user, &name).await.map_err(|error| self.api_failure(&error))?;
        self.people.borrow_mut().person_mut(user).contact.clone_from(&name);
        self.keep_people().await?;
        out.show(&self.user_json(user), || format!("{name} is in your contacts.")).await
    }

    pub(super) async fn remove_contact(&self, out: &mut Output, person: &str) -> Result {
        let user = self.find_person(person).await?;
        let token = self.token().await?;
        self.api.remove_contact(&token, user).await.map_err(|error| self.api_failure(&error))?;
        self.people.borrow_mut().person_mut(user).contact.clear();
        self.keep_people().await?;
        out.done("Removed from your contacts.").await
    }

    pub(super) async fn list_blocks(&self, out: &mut Output) -> Result {
        let token = self.token().await?;
        let blocks = self.api.blocks(&token).await.map_err(|error| self.api_failure(&error))?;
        let users: Vec<UserId> = blocks.user_ids.iter().filter_map(|id| id.parse().ok()).collect();
        self.learn_names(users.iter().copied()).await?;
        out.list(&users, |user| self.user_json(*user), |user| self.name(*user)).await
    }

    pub(super) async fn block(&self, out: &mut Output, people: &[String]) -> Result {
        let token = self.token().await?;
        for person in people {
            let user = self.find_person(person).await?;
            self.api.block(&token, user).await.map_err(|error| self.api_failure(&error))?;
        }
        out.done("Blocked. Neither of you can write to the other.").await
    }

    pub(super) async fn unblock(&self, out: &mut Output, people: &[String]) -> Result {
        let token = self.token().await?;
        for person in people {
            let user = self.find_person(person).await?;
            self.api.unblock(&token, user).await.map_err(|error| self.api_failure(&error))?;
        }
        out.done("Unblocked.").await
    }

    pub(super) async fn presence(&self, out: &mut Output, people: &[String]) -> Result {
        let mut users = Vec::new();
        for person in people {
            users.push(self.find_person(person).await?);
        }
        let query = Command::Presence { users: users.clone() };
        let Outcome::Presence(known) = self.ask(query).await? else {
            return Err(not_understood());
        };
        // The server leaves out those with whom no chat is shared; they are shown as not known.
        let shown: Vec<UserPresence> = users
            .into_iter()
            .map(|user| {
                let unknown = UserPresence { user, online: false, last_seen: None };
                known.iter().find(|presence| presence.user == user).copied().unwrap_or(unknown)
            })
            .collect();
        let (now, zone) = (self.now(), out.zone().clone());
        out.list(
            &shown,
            |presence| self.presence_json(presence),
            |presence| {
                let name = self.name(presence.user);
                match (presence.online, presence.last_seen) {
                    (true, _) => format!("{name} is online."),
                    (false, Some(time)) => {
                        format!("{name} was last here {}.", localtime::short(time, now, &zone))
                    }
                    (false, None) => format!("{name} is not here, as far as you may know."),
                }
            },
        )
        .await
    }

    pub(super) fn presence_json(&self, presence: &UserPresence) -> Value {
        let mut value = self.user_json(presence.user);
        value["online"] = json!(presence.online);
        value["lastSeenMs"] = json!(presence.last_seen.map(|time| time.0));
        value
    }
}

impl From<LastSeenArg> for LastSeen {
    fn from(arg: LastSeenArg) -> Self {
        match arg {
            LastSeenArg::Everyone => Self::Everyone,
            LastSeenArg::Contacts => Self::Contacts,
            LastSeenArg::Nobody => Self::Nobody,
        }
    }
}

const fn visibility_name(last_seen: LastSeen) -> &'static str {
    match last_seen {
        LastSeen::Everyone => "everyone",
        LastSeen::Contacts => "contacts",
        LastSeen::Nobody => "nobody",
    }
}
