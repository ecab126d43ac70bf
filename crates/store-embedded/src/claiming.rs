//! The writes that concern key packages. Those of a device and suite are numbered, and stand from `first` to
//! before `next`; claims are numbered too, so that the oldest can be forgotten.

use bytes::Bytes;
use dunlin_model::{ChatId, DeviceId, Seq, Suite};
use dunlin_store::keys::{KEY_CLAIMS_REMEMBERED_MAX, KEY_PACKAGES_WAITING_MAX};
use dunlin_store::{KeyClaim, StoreError};
use sha2::{Digest, Sha256};

use crate::keys::{self, Key};
use crate::rows::{self, Row};
use crate::staging::Staging;

/// The numbers of a device's packages and claims of one suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Numbers {
    /// The package that is given out next.
    first: u64,
    /// The number of the next package that comes.
    next: u64,
    /// The oldest claim that is remembered.
    first_claim: u64,
    /// The number of the next claim.
    next_claim: u64,
}

/// A package as it stands in its row, with its name.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    hash: [u8; 32],
    row: Row,
}

impl Package {
    pub(crate) fn new(bytes: &Bytes) -> Result<Self, StoreError> {
        Ok(Self { hash: Sha256::digest(bytes).into(), row: rows::encode(bytes)? })
    }
}

impl Numbers {
    pub(crate) fn read(row: &[u8]) -> Result<Self, StoreError> {
        let [first, next, first_claim, next_claim] = rows::read_numbers(row)?;
        Ok(Self { first, next, first_claim, next_claim })
    }

    pub(crate) fn row(self) -> Row {
        rows::numbers([self.first, self.next, self.first_claim, self.next_claim])
    }

    pub(crate) fn waiting(self) -> usize {
        usize::try_from(self.next.saturating_sub(self.first)).unwrap_or(usize::MAX)
    }
}

/// A row of the order of claims: what was claimed, and the package's name unless it was of last resort.
type Claimed = (ChatId, Seq, Option<[u8; 32]>);

impl Staging<'_> {
    pub(crate) fn put_key_packages(
        &mut self,
        device: DeviceId,
        suite: Suite,
        packages: Vec<Package>,
        last_resort: Option<Row>,
    ) -> Result<usize, StoreError> {
        let of = keys::PackagesOf { device, suite };
        let mut numbers = self.key_numbers(of)?;
        for Package { hash, row } in packages {
            if numbers.waiting() >= KEY_PACKAGES_WAITING_MAX {
                break;
            }
            if self.get(&of.known(&hash))?.is_none() {
                self.put(of.known(&hash), rows::numbers([]));
                self.put(of.package(numbers.next), row);
                numbers.next += 1;
            }
        }
        if let Some(row) = last_resort {
            self.put(of.last_resort(), row);
        }
        self.put(of.numbers(), numbers.row());
        Ok(numbers.waiting())
    }

    pub(crate) fn claim_key_package(
        &mut self,
        device: DeviceId,
        suite: Suite,
        claim: KeyClaim,
    ) -> Result<Option<Row>, StoreError> {
        let of = keys::PackagesOf { device, suite };
        let claimed = of.claim(claim.chat, claim.change);
        if let Some(row) = self.get(&claimed)? {
            return Ok(Some(row));
        }
        let mut numbers = self.key_numbers(of)?;
        let (row, hash) = if numbers.waiting() > 0 {
            let row = self.get(&of.package(numbers.first))?;
            let row = row.ok_or_else(|| StoreError::Damaged("a key package is missing".to_owned()))?;
            let hash: [u8; 32] = Sha256::digest(rows::decode::<Bytes>(&row)?).into();
            (row, Some(hash))
        } else {
            let Some(row) = self.get(&of.last_resort())? else { return Ok(None) };
            (row, None)
        };
        let forgotten = self.claim_to_forget(of, numbers)?;
        let order: Claimed = (claim.chat, claim.change, hash);
        let order = rows::encode(&order)?;
        // All is read and encoded: from here on nothing fails.
        if hash.is_some() {
            self.remove(of.package(numbers.first));
            numbers.first += 1;
        }
        self.put(claimed, row.clone());
        self.put(of.claim_order(numbers.next_claim), order);
        numbers.next_claim += 1;
        if let Some((chat, change, hash)) = forgotten {
            self.remove(of.claim(chat, change));
            self.remove(of.claim_order(numbers.first_claim));
            if let Some(hash) = hash {
                self.remove(of.known(&hash));
            }
            numbers.first_claim += 1;
        }
        self.put(of.numbers(), numbers.row());
        Ok(Some(row))
    }

    /// The oldest claim, when one more would be too many.
    fn claim_to_forget(&self, of: keys::PackagesOf, numbers: Numbers) -> Result<Option<Claimed>, StoreError> {
        let remembered = numbers.next_claim.saturating_sub(numbers.first_claim);
        if usize::try_from(remembered).unwrap_or(usize::MAX) < KEY_CLAIMS_REMEMBERED_MAX {
            return Ok(None);
        }
        self.get(&of.claim_order(numbers.first_claim))?.map(|row| rows::decode(&row)).transpose()
    }

    fn key_numbers(&self, of: keys::PackagesOf) -> Result<Numbers, StoreError> {
        self.get(&of.numbers())?.map_or(Ok(Numbers::default()), |row| Numbers::read(&row))
    }

    pub(crate) fn remove_key_packages(&mut self, device: DeviceId) -> Result<(), StoreError> {
        let (from, to) = keys::packages_of_device(device);
        let stored = self.engine.range(from.clone(), to.clone()).map(|entry| entry.map(|(key, _)| key));
        let mut there: Vec<Key> = stored.collect::<Result<_, _>>()?;
        there.extend(self.staged_between(&from, &to));
        for key in there {
            self.remove(key);
        }
        Ok(())
    }
}
