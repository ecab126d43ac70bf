//! Key packages and group infos.

use std::collections::BTreeMap;

use bytes::Bytes;
use dunlin_model::{ChatId, DeviceId, ErrorCode, Seq, Suite, UserId};
use dunlin_wire::Outcome;

use super::{Server, failed};

/// Fewer than so many key packages are few.
const LOW: usize = 8;

#[derive(Default)]
pub(super) struct KeyPackages {
    left: BTreeMap<(DeviceId, Suite), Vec<Bytes>>,
    last_resort: BTreeMap<(DeviceId, Suite), Bytes>,
    claims: BTreeMap<(DeviceId, ChatId, Seq, Suite), Bytes>,
}

impl KeyPackages {
    pub(super) fn upload(
        &mut self,
        device: DeviceId,
        suite: Suite,
        packages: Vec<Bytes>,
        last_resort: Option<Bytes>,
    ) -> Outcome {
        let left = self.left.entry((device, suite)).or_default();
        left.extend(packages);
        self.last_resort.extend(last_resort.map(|package| ((device, suite), package)));
        Outcome::KeyPackageCount { suite, left: u32::try_from(left.len()).unwrap() }
    }

    fn claim(&mut self, device: DeviceId, chat: ChatId, change: Seq, suite: Suite) -> Option<Bytes> {
        let key = (device, chat, change, suite);
        if let Some(claimed) = self.claims.get(&key) {
            return Some(claimed.clone());
        }
        let next = self.left.get_mut(&(device, suite)).and_then(Vec::pop);
        let package = next.or_else(|| self.last_resort.get(&(device, suite)).cloned())?;
        self.claims.insert(key, package.clone());
        Some(package)
    }

    /// The suites of which few are left.
    pub(super) fn low(&self, device: DeviceId) -> Vec<(Suite, u32)> {
        let left = |suite: Suite| self.left.get(&(device, suite)).map_or(0, |left| left.len());
        let is_low = |suite: &Suite| left(*suite) < LOW;
        [Suite::HYBRID, Suite::CLASSIC]
            .into_iter()
            .filter(is_low)
            .map(|suite| (suite, u32::try_from(left(suite)).unwrap()))
            .collect()
    }

    pub(super) fn withdraw(&mut self, device: DeviceId) {
        self.left.retain(|(of, _), _| *of != device);
        self.last_resort.retain(|(of, _), _| *of != device);
    }
}

impl Server {
    /// Uses up the key packages of a device but for the one of last resort, as a hostile claimer would.
    pub(crate) fn use_up_packages(&mut self, device: DeviceId) {
        self.keys.left.retain(|(of, _), _| *of != device);
    }

    /// Loses all key packages of a device.
    pub(crate) fn exhaust_packages(&mut self, device: DeviceId) {
        self.keys.withdraw(device);
    }

    pub(super) fn claim(
        &mut self,
        claimer: DeviceId,
        id: ChatId,
        change: Seq,
        suite: Suite,
        users: &[UserId],
    ) -> Outcome {
        let Some(state) = self.chats.get(&id).map(|log| &log.state) else {
            return failed(ErrorCode::NotFound);
        };
        if state.role(claimer.user).is_none() {
            return failed(ErrorCode::NotAMember);
        }
        let mut claimed = Vec::new();
        for user in users.iter().filter(|user| state.role(**user).is_some()) {
            for device in self.devices.get(user).into_iter().flatten() {
                if *device != claimer && !state.keys.revoked.contains(device) {
                    let package = self.keys.claim(*device, id, change, suite);
                    claimed.extend(package.map(|package| (*device, package)));
                }
            }
        }
        for (device, _) in &claimed {
            let low = self.keys.low(*device);
            if let Some(session) = self.sessions.get_mut(device) {
                session.low.extend(low.into_iter().filter(|(of, _)| *of == suite));
            }
        }
        claimed.sort_by_key(|(device, _)| *device);
        Outcome::KeyPackages(claimed)
    }

    pub(super) fn group_info(&self, device: DeviceId, id: ChatId) -> Outcome {
        let Some(state) = self.chats.get(&id).map(|log| &log.state) else {
            return failed(ErrorCode::NotFound);
        };
        if state.role(device.user).is_none() {
            return failed(ErrorCode::NotAMember);
        }
        match (&state.keys.group_info, state.keys.suite) {
            (Some(group_info), Some(suite)) => Outcome::GroupInfo {
                chat: id,
                epoch: state.keys.epoch,
                suite,
                group_info: group_info.clone(),
            },
            _ => failed(ErrorCode::NotFound),
        }
    }
}
