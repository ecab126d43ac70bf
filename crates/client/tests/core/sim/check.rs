//! What must be true of a world whose people are all back.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_client::Change;
use dunlin_client::chats::Shown;
use dunlin_model::chat::ChatState;
use dunlin_model::{ChatId, DeviceId, Epoch, EventKind};

use super::{Report, begins_epoch};
use crate::world::World;

pub(super) fn check(world: &World, chats: &[ChatId], revoked: &[usize]) -> Report {
    let mut report = Report::default();
    for chat in chats {
        check_chat(world, *chat, revoked, &mut report);
    }
    for (index, peer) in world.peers.iter().enumerate() {
        let device = peer.device;
        for change in &peer.changes {
            if matches!(change, Change::Distrusted { .. } | Change::CommitFailed { .. } | Change::Gap { .. })
            {
                report.faults.push(format!("{device}: {change:?}"));
            }
        }
        if peer.reconnects > 0 {
            report.faults.push(format!("{device} found {} holes", peer.reconnects));
        }
        for (id, chat) in peer.client.chats() {
            if chat.waiting_to_send() > 0 && !revoked.contains(&index) {
                report.faults.push(format!("{device} is stuck in {id}: {chat:#?}"));
            }
        }
    }
    report
}

fn check_chat(world: &World, id: ChatId, revoked: &[usize], report: &mut Report) {
    let Some(log) = world.server.chats.get(&id) else { return };
    if std::env::var("DUNLIN_SIM_DUMP").is_ok() {
        for event in &log.events {
            let kind = format!("{:?}", event.kind);
            eprintln!("{id} {} by {} {}", event.seq, event.sender, &kind[..kind.len().min(160)]);
            for peer in &world.peers {
                let message = peer.message(id, event.seq.0);
                let counter = message.as_ref().and_then(|m| m.envelope(id)).map(|e| e.sender_counter);
                if event.is_message() {
                    let shown = message.map(|m| match m.shown {
                        Shown::Stub(r) => format!("{r:?}"),
                        _ => "text".to_owned(),
                    });
                    eprintln!("      {} {shown:?} {counter:?}", peer.device);
                }
            }
        }
    }
    let mut state = ChatState::before_creation(id);
    let mut epochs = BTreeSet::from([Epoch::default()]);
    // Devices that lost their place though they have a leaf: commits passed while their user was no member.
    let mut lost: BTreeMap<DeviceId, bool> = BTreeMap::new();
    for event in &log.events {
        let before = state.clone();
        state.apply(event);
        if begins_epoch(&event.kind) {
            report.epochs += 1;
            if !epochs.insert(state.keys.epoch) || state.keys.epoch <= before.keys.epoch {
                report.faults.push(format!("{id} {}: epoch {} is no next one", event.seq, state.keys.epoch));
            }
            for (device, since) in &state.keys.devices {
                let is_away = state.role(device.user).is_none();
                if is_away || before.keys.devices.get(device) != Some(since) {
                    lost.insert(*device, is_away);
                }
            }
        }
        if !matches!(event.kind, EventKind::Message { .. }) {
            continue;
        }
        report.messages += 1;
        let seq = event.seq.0;
        // A device that was revoked right after may never have seen its own message come back.
        let readers = world.peers.iter().filter(|peer| {
            peer.message(id, seq).is_some_and(|message| matches!(message.shown, Shown::Content(_)))
        });
        let words =
            readers.min_by_key(|peer| peer.device != event.sender).and_then(|peer| peer.text_at(id, seq));
        for (index, peer) in world.peers.iter().enumerate() {
            let device = peer.device;
            let reads = before.keys.devices.contains_key(&device)
                && before.role(device.user).is_some()
                && lost.get(&device) != Some(&true);
            let message = peer.message(id, seq);
            let shown = message.as_ref().map(|message| &message.shown);
            // What was said again for newcomers was read by the others too, and shows nothing.
            let has_it = matches!(shown, Some(Shown::Content(_) | Shown::Nothing | Shown::Folded { .. }));
            if reads && !has_it && !revoked.contains(&index) {
                report.faults.push(format!("{device} cannot read {id} {seq} by {}: {shown:?}", event.sender));
            }
            if has_it && (!reads || peer.text_at(id, seq) != words) {
                report.faults.push(format!("{device} reads what it should not, {id} {seq}"));
            }
            report.reads += usize::from(has_it && device != event.sender);
        }
    }
    check_everyone_is_in(world, &state, revoked, report);
}

/// In the end every device of a member has its place, and is at the head.
fn check_everyone_is_in(world: &World, state: &ChatState, revoked: &[usize], report: &mut Report) {
    for (index, peer) in world.peers.iter().enumerate() {
        if revoked.contains(&index) || state.role(peer.device.user).is_none() {
            continue;
        }
        let device = peer.device;
        let cursor = peer.client.chat(state.id).map(|chat| chat.marks.cursor);
        if cursor != Some(state.head) {
            report.faults.push(format!("{device} is at {cursor:?} of {} in {}", state.head, state.id));
        }
        if state.keys.epoch.generation > 0 && peer.client.keys().epoch(state.id) != Some(state.keys.epoch) {
            let epoch = peer.client.keys().epoch(state.id);
            report.faults.push(format!("{device} has keys of {epoch:?}, not of {}", state.keys.epoch));
        }
    }
}
