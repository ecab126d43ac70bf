//! Claiming the key packages of those who are to be added.

use dunlin_model::{ChatId, Retry, Seq, StartReason, Suite, UserId};
use dunlin_wire::{Command, KEY_USERS_MAX, Outcome};

use super::{Duty, DutyStep};
use crate::session::Request;
use crate::step::{Client, RETRY_AFTER};

impl Client {
    pub(super) fn claim_to_start(&mut self, id: ChatId) {
        let Some(chat) = self.chats.get(&id) else { return };
        let (users, suite) = match chat.wanted_suite().filter(|_| chat.state.keys.epoch.generation > 0) {
            Some(wanted) => (chat.all_users(), wanted),
            None => (chat.users_to_add(), chat.first_suite()),
        };
        self.claim(id, true, suite, users);
    }

    pub(super) fn claim_to_commit(&mut self, id: ChatId) {
        let Some(chat) = self.chats.get(&id) else { return };
        let (users, suite) = (chat.users_to_add(), chat.state.keys.suite);
        self.claim(id, false, suite.unwrap_or(Suite::HYBRID), users);
    }

    fn claim(&mut self, id: ChatId, starts: bool, suite: Suite, users: Vec<(Seq, UserId)>) {
        let mut left: Vec<(Seq, Vec<UserId>)> = Vec::new();
        for (since, user) in users {
            match left.last_mut() {
                Some((change, users)) if *change == since && users.len() < KEY_USERS_MAX => users.push(user),
                _ => left.push((since, vec![user])),
            }
        }
        left.reverse();
        if let Some(chat) = self.chats.get_mut(&id) {
            let step = DutyStep::Claiming { starts, suite, left, packages: Vec::new() };
            chat.duty = Some(Duty { epoch: chat.state.keys.epoch, step });
        }
        self.claim_next(id);
    }

    /// Asks for the next packages, or uses them when all have come.
    fn claim_next(&mut self, id: ChatId) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let Some(Duty { step: DutyStep::Claiming { starts, suite, left, packages }, .. }) = &chat.duty else {
            return;
        };
        if let Some((change, users)) = left.last().cloned() {
            let command = Command::ClaimKeyPackages { chat: id, change, suite: *suite, users };
            self.ask(Request::Claim(id), command);
            return;
        }
        let (starts, packages) = (*starts, packages.clone());
        chat.duty = None;
        let is_first = chat.state.keys.epoch.generation == 0;
        if starts {
            let reason = if is_first { StartReason::First } else { StartReason::SuiteChange };
            self.start_group(id, reason, &packages);
        } else {
            self.commit_keys(id, &packages, false);
        }
    }

    pub(crate) fn claim_answered(&mut self, id: ChatId, outcome: Outcome) {
        let me = self.account.device();
        self.touched.insert(id);
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let current = chat.state.keys.epoch;
        let Some(duty) = chat.duty.as_mut().filter(|duty| duty.epoch == current) else {
            chat.duty = None;
            return;
        };
        let DutyStep::Claiming { left, packages, .. } = &mut duty.step else { return };
        match outcome {
            Outcome::Failed(failure) if failure.retry != Retry::Never => {
                chat.duty = None;
                self.hold(id, failure.retry_after.unwrap_or(RETRY_AFTER));
                return;
            }
            Outcome::KeyPackages(claimed) => {
                let revoked = &chat.state.keys.revoked;
                packages.extend(
                    claimed.into_iter().filter(|(device, _)| *device != me && !revoked.contains(device)),
                );
            }
            _ => {} // Whoever cannot be added now enters by themselves later.
        }
        if let Some((change, users)) = left.pop() {
            chat.tried.extend(users.into_iter().map(|user| (user, change)));
        }
        self.claim_next(id);
    }
}
