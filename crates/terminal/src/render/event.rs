//! What happens to chats, as lines.

use dunlin_client::content::ChatMetadata;
use dunlin_client::notice::Notice;
use dunlin_client::query::{EventView, Happened};
use dunlin_model::{ChatKind, EventKind, UserId};

use super::{kind_name, role_name, start};
use crate::output::Output;
use crate::plain;
use crate::session::Session;

impl Session {
    pub(super) fn event_line(&self, event: &EventView, out: &Output) -> String {
        let start = start(Some(event.seq), &out.time(event.time, self.now()));
        format!("{start} * {}", self.event_text(event))
    }

    /// What happened, as a sentence: who did what.
    pub(crate) fn event_text(&self, event: &EventView) -> String {
        let what = match &event.what {
            Happened::Event(kind) => self.change_text(kind),
            Happened::Timer { seconds: 0 } => "lets messages stay for ever".into(),
            Happened::Timer { seconds } => {
                format!("lets messages disappear {} after they are read", duration_text(*seconds))
            }
            Happened::Metadata(metadata) => metadata_text(metadata),
        };
        format!("{} {what}", self.name(event.sender.user))
    }

    /// A notice as a sentence.
    pub(crate) fn notice_text(&self, notice: &Notice) -> String {
        let mut text = notice.sentence(&|user| self.name(user));
        if *notice == Notice::Restored {
            text.push_str(" 'dunlin history CHAT --set-aside' shows what was lost.");
        }
        text
    }

    fn change_text(&self, kind: &EventKind) -> String {
        match kind {
            EventKind::Message { .. } => String::new(),
            EventKind::Created { kind: ChatKind::Direct, .. } => "started the chat".into(),
            // The name of an encrypted chat follows, as content.
            EventKind::Created { kind, name, members, .. } if name.is_empty() => {
                format!("created the {} with {} members", kind_name(*kind), members.len())
            }
            EventKind::Created { name, members, .. } => {
                format!("created '{}' with {} members", plain::name(name), members.len())
            }
            EventKind::MessageDeleted { target } => format!("deleted #{target}"),
            EventKind::Updated { name, description, picture } => {
                let parts = [
                    name.as_ref().map(|name| format!("renamed the group to '{}'", plain::name(name))),
                    description.as_ref().map(|_| "changed the description".to_owned()),
                    picture.as_ref().map(|_| "changed the picture".to_owned()),
                ];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
            }
            EventKind::MembersAdded { users } => format!("added {}", self.names(users)),
            EventKind::Joined => "joined by invite link".into(),
            EventKind::Left { new_owner: None } => "left".into(),
            EventKind::Left { new_owner: Some(user) } => {
                format!("left; {} owns the chat now", self.name(*user))
            }
            EventKind::MembersRemoved { users } => format!("removed {}", self.names(users)),
            EventKind::MembersBanned { users } => format!("banned {}", self.names(users)),
            EventKind::MembersUnbanned { users } => format!("let {} come back", self.names(users)),
            EventKind::RoleChanged { user, role } => {
                format!("made {} {}", self.name(*user), role_name(*role))
            }
            EventKind::InviteChanged { secret_hash: Some(_) } => "made a new invite link".into(),
            EventKind::InviteChanged { secret_hash: None } => "withdrew the invite link".into(),
            EventKind::ChatDeleted => "deleted the chat".into(),
            EventKind::GroupStarted(_) => "made new keys for the chat".into(),
            EventKind::Committed(_) => "changed the chat's keys".into(),
            EventKind::DeviceRevoked { device } => {
                format!("no longer uses device {}", device.number.0)
            }
        }
    }

    fn names(&self, users: &[UserId]) -> String {
        users.iter().map(|user| self.name(*user)).collect::<Vec<_>>().join(", ")
    }
}

fn metadata_text(metadata: &ChatMetadata) -> String {
    let parts = [
        metadata.name.as_ref().map(|name| format!("named the chat '{}'", plain::name(name))),
        metadata.description.as_ref().map(|_| "changed the description".to_owned()),
        metadata.picture.as_ref().map(|_| "changed the picture".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

fn duration_text(seconds: u32) -> String {
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Everyone whom an event names.
pub(super) fn users_of(event: &EventView) -> Vec<UserId> {
    let mut users = vec![event.sender.user];
    let Happened::Event(kind) = &event.what else { return users };
    match &**kind {
        EventKind::MembersAdded { users: named }
        | EventKind::MembersRemoved { users: named }
        | EventKind::MembersBanned { users: named }
        | EventKind::MembersUnbanned { users: named } => users.extend(named),
        EventKind::RoleChanged { user, .. } => users.push(*user),
        EventKind::Left { new_owner } => users.extend(new_owner),
        EventKind::Created { members, .. } => users.extend(members.iter().map(|(user, _)| *user)),
        _ => {}
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_their_largest_unit() {
        assert_eq!(duration_text(1), "1 second");
        assert_eq!(duration_text(7_200), "2 hours");
        assert_eq!(duration_text(86_400), "1 day");
    }
}
