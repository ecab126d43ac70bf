//! What this device wants said: numbered once, kept until the server has accepted or refused it.
//!
//! The order matters: the number is durable before it is used, and the command is durable under its number
//! before it is sent. So a retry, even by a later process, carries the number it had the first time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dunlin_model::ClientSeq;
use dunlin_wire::{ClientFrame, Command, Format, decode_client, encode_client};

use super::files::replace;
use super::{DeviceFiles, FileLock};
use crate::failure::{Failure, Result};

const LOCK: &str = "number.lock";
const NEWEST: &str = "newest-number";

/// A command that the server has not answered for good.
#[derive(Debug, Clone)]
pub(crate) struct Unsent {
    /// Its number.
    pub(crate) number: ClientSeq,
    /// The command, which carries the number.
    pub(crate) command: Command,
}

impl DeviceFiles {
    /// Takes the next number and keeps the command that `with_number` makes of it.
    pub(crate) fn keep_unsent(&self, with_number: impl FnOnce(ClientSeq) -> Command) -> Result<Unsent> {
        let lock = FileLock::take(&self.path(LOCK))?;
        let path = self.path(NEWEST);
        let number = ClientSeq(self.newest_number()?.0 + 1);
        replace(&path, number.to_string().as_bytes()).map_err(|error| Failure::file(&path, &error))?;
        let unsent = Unsent { number, command: with_number(number) };
        let mut bytes = Vec::new();
        encode_client(
            Format::Json,
            &ClientFrame { id: number.0, command: unsent.command.clone() },
            &mut bytes,
        );
        let path = self.unsent_path(number);
        replace(&path, &bytes).map_err(|error| Failure::file(&path, &error))?;
        drop(lock);
        Ok(unsent)
    }

    /// All that is kept, in the order it was written.
    pub(crate) fn unsent(&self) -> Result<Vec<Unsent>> {
        let dir = self.path("outbox");
        let entries = fs::read_dir(&dir).map_err(|error| Failure::file(&dir, &error))?;
        let mut numbers: Vec<u64> = entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".json")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        let mut unsent = Vec::new();
        for number in numbers.into_iter().map(ClientSeq) {
            let path = self.unsent_path(number);
            match fs::read(&path) {
                Ok(bytes) => {
                    let frame = decode_client(Format::Json, &bytes).map_err(|_| unreadable(&path))?;
                    unsent.push(Unsent { number, command: frame.command });
                }
                // Another process has just had it accepted.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::file(&path, &error)),
            }
        }
        Ok(unsent)
    }

    /// Forgets a command that was accepted or refused.
    pub(crate) fn forget_unsent(&self, number: ClientSeq) -> Result {
        let path = self.unsent_path(number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::file(&path, &error)),
            _ => Ok(()),
        }
    }

    fn newest_number(&self) -> Result<ClientSeq> {
        let path = self.path(NEWEST);
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map(ClientSeq).map_err(|_| unreadable(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(ClientSeq(0)),
            Err(error) => Err(Failure::file(&path, &error)),
        }
    }

    fn unsent_path(&self, number: ClientSeq) -> PathBuf {
        self.path("outbox").join(format!("{number}.json"))
    }
}

fn unreadable(path: &Path) -> Failure {
    Failure::Failed(format!(
        "{} cannot be read. Log in again with 'dunlin login' to start afresh.",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use dunlin_model::{ChatId, DeviceId, DeviceNumber, UserId};

    use super::super::Profile;
    use super::*;

    fn device_files(home: &Path) -> DeviceFiles {
        let profile = Profile::open(Some(home.to_owned()), "ada").unwrap();
        profile.device(DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) }).unwrap()
    }

    fn leave(number: ClientSeq) -> Command {
        let chat = ChatId::from_bytes([2; 16]);
        Command::Submit {
            chat,
            client_seq: number,
            command: dunlin_model::ChatCommand::Leave,
            attestation: None,
        }
    }

    #[test]
    fn what_is_unsent_comes_back_in_order_with_its_numbers() {
        let home = tempfile::tempdir().unwrap();
        let files = device_files(home.path());
        for _ in 0..11 {
            files.keep_unsent(leave).unwrap();
        }
        files.forget_unsent(ClientSeq(3)).unwrap();
        let unsent = device_files(home.path()).unsent().unwrap();
        let numbers: Vec<u64> = unsent.iter().map(|unsent| unsent.number.0).collect();
        assert_eq!(numbers, [1, 2, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert!(unsent.iter().all(|unsent| unsent.command == leave(unsent.number)));
    }

    #[test]
    fn processes_at_once_never_take_the_same_number() {
        let home = tempfile::tempdir().unwrap();
        device_files(home.path());
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let home = home.path().to_owned();
                std::thread::spawn(move || {
                    let files = device_files(&home);
                    (0..10).map(|_| files.keep_unsent(leave).unwrap().number.0).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut numbers: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    }
}
