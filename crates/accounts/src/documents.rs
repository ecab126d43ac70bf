//! Profiles, settings, contacts and blocks: documents replaced on condition that nobody else did meanwhile.

use std::collections::BTreeSet;

use dunlin_model::UserId;
use dunlin_model::account::{
    Address, BLOCKS_MAX, CONTACTS_MAX, Contact, Document, DocumentKind, PROFILE_ABOUT_BYTES_MAX,
    PROFILE_NAME_BYTES_MAX, Profile, Settings, Version, Versioned,
};
use dunlin_model::limits::PICTURE_BYTES_MAX;
use dunlin_store::{Replaced, StoreError};

use crate::{AccountError, Accounts, RACES_MAX};

/// Ties a document's contents to its place among the documents.
trait Part: Sized {
    const KIND: DocumentKind;
    fn of(document: Document) -> Option<Self>;
    fn into_document(self) -> Document;
}

macro_rules! part {
    ($content:ty, $kind:ident) => {
        impl Part for $content {
            const KIND: DocumentKind = DocumentKind::$kind;
            fn of(document: Document) -> Option<Self> {
                match document {
                    Document::$kind(content) => Some(content),
                    _ => None,
                }
            }
            fn into_document(self) -> Document {
                Document::$kind(self)
            }
        }
    };
}

part!(Profile, Profile);
part!(Settings, Settings);
part!(Vec<Contact>, Contacts);
part!(BTreeSet<UserId>, Blocks);

impl Accounts {
    /// What a user shows of themselves.
    ///
    /// # Errors
    /// `NoSuchUser`, `Store`.
    pub async fn profile(&self, user: UserId) -> Result<Versioned<Profile>, AccountError> {
        self.known(user).await?;
        self.read(user).await
    }

    /// Replaces a profile; with `version`, only if it is still the one that was read.
    ///
    /// # Errors
    /// `TooLarge`, `Changed`, `Busy`, `Store`.
    pub async fn set_profile(
        &self,
        user: UserId,
        version: Option<Version>,
        profile: Profile,
    ) -> Result<Versioned<Profile>, AccountError> {
        fits(&profile.name, PROFILE_NAME_BYTES_MAX, "The name")?;
        fits(&profile.about, PROFILE_ABOUT_BYTES_MAX, "The about text")?;
        fits(&profile.picture, PICTURE_BYTES_MAX, "The picture")?;
        self.replace(user, version, profile).await
    }

    /// A user's settings.
    ///
    /// # Errors
    /// `Store`.
    pub async fn settings(&self, user: UserId) -> Result<Versioned<Settings>, AccountError> {
        self.read(user).await
    }

    /// Replaces settings; with `version`, only if they are still the ones that were read.
    ///
    /// # Errors
    /// `Changed`, `Busy`, `Store`.
    pub async fn set_settings(
        &self,
        user: UserId,
        version: Option<Version>,
        settings: Settings,
    ) -> Result<Versioned<Settings>, AccountError> {
        self.replace(user, version, settings).await
    }

    /// A user's contacts, in the order in which they were added.
    ///
    /// # Errors
    /// `Store`.
    pub async fn contacts(&self, user: UserId) -> Result<Versioned<Vec<Contact>>, AccountError> {
        self.read(user).await
    }

    /// Replaces all contacts; with `version`, only if they are still the ones that were read. A user named twice
    /// is kept once, as named last.
    ///
    /// # Errors
    /// `Oneself`, `TooLarge`, `TooMany`, `Changed`, `Busy`, `Store`.
    pub async fn set_contacts(
        &self,
        user: UserId,
        version: Option<Version>,
        mut contacts: Vec<Contact>,
    ) -> Result<Versioned<Vec<Contact>>, AccountError> {
        if contacts.len() > CONTACTS_MAX {
            return Err(AccountError::TooMany { what: "contacts", limit: CONTACTS_MAX });
        }
        for contact in &contacts {
            fits(&contact.name, PROFILE_NAME_BYTES_MAX, "The name")?;
            if contact.user == user {
                return Err(AccountError::Oneself);
            }
        }
        let mut named = BTreeSet::new();
        contacts.reverse();
        contacts.retain(|contact| named.insert(contact.user));
        contacts.reverse();
        self.replace(user, version, contacts).await
    }

    /// Adds a contact, or renames one.
    ///
    /// # Errors
    /// `Oneself`, `NoSuchUser`, `TooLarge`, `TooMany`, `Busy`, `Store`.
    pub async fn put_contact(&self, user: UserId, contact: &Contact) -> Result<(), AccountError> {
        fits(&contact.name, PROFILE_NAME_BYTES_MAX, "The name")?;
        self.another(user, contact.user).await?;
        self.change(user, |contacts: &mut Vec<Contact>| {
            let full = contacts.len() >= CONTACTS_MAX;
            match contacts.iter_mut().find(|known| known.user == contact.user) {
                Some(known) if known.name == contact.name => return Ok(false),
                Some(known) => known.name.clone_from(&contact.name),
                None if full => {
                    return Err(AccountError::TooMany { what: "contacts", limit: CONTACTS_MAX });
                }
                None => contacts.push(contact.clone()),
            }
            Ok(true)
        })
        .await
    }

    /// Removes a contact, if it is there.
    ///
    /// # Errors
    /// `Busy`, `Store`.
    pub async fn remove_contact(&self, user: UserId, contact: UserId) -> Result<(), AccountError> {
        self.change(user, |contacts: &mut Vec<Contact>| {
            let before = contacts.len();
            contacts.retain(|known| known.user != contact);
            Ok(contacts.len() != before)
        })
        .await
    }

    /// Whom a user blocks.
    ///
    /// # Errors
    /// `Store`.
    pub async fn blocks(&self, user: UserId) -> Result<BTreeSet<UserId>, AccountError> {
        Ok(self.read::<BTreeSet<UserId>>(user).await?.value)
    }

    /// Blocks another user.
    ///
    /// # Errors
    /// `Oneself`, `NoSuchUser`, `TooMany`, `Busy`, `Store`.
    pub async fn block(&self, user: UserId, other: UserId) -> Result<(), AccountError> {
        self.another(user, other).await?;
        self.change(user, |blocks: &mut BTreeSet<UserId>| {
            if !blocks.contains(&other) && blocks.len() >= BLOCKS_MAX {
                return Err(AccountError::TooMany { what: "blocked users", limit: BLOCKS_MAX });
            }
            Ok(blocks.insert(other))
        })
        .await
    }

    /// Unblocks another user, if they are blocked.
    ///
    /// # Errors
    /// `Busy`, `Store`.
    pub async fn unblock(&self, user: UserId, other: UserId) -> Result<(), AccountError> {
        self.change(user, |blocks: &mut BTreeSet<UserId>| Ok(blocks.remove(&other))).await
    }

    /// The user with exactly this address. Whoever calls limits how often one may ask.
    ///
    /// # Errors
    /// `InvalidAddress`, `Store`.
    pub async fn find_user(&self, address: &str) -> Result<Option<UserId>, AccountError> {
        let address = Address::parse(address).map_err(|_| AccountError::InvalidAddress)?;
        Ok(self.store.find_user(&address).await?)
    }

    async fn known(&self, user: UserId) -> Result<(), AccountError> {
        self.store.user(user).await?.map(drop).ok_or(AccountError::NoSuchUser)
    }

    async fn another(&self, user: UserId, other: UserId) -> Result<(), AccountError> {
        if user == other {
            return Err(AccountError::Oneself);
        }
        self.known(other).await
    }

    async fn read<T: Part>(&self, user: UserId) -> Result<Versioned<T>, AccountError> {
        let Versioned { version, value } = self.store.document(user, T::KIND).await?;
        let value = T::of(value).ok_or_else(|| StoreError::Damaged("a document of the wrong kind".into()))?;
        Ok(Versioned { version, value })
    }

    async fn replace<T: Part + Clone>(
        &self,
        user: UserId,
        version: Option<Version>,
        value: T,
    ) -> Result<Versioned<T>, AccountError> {
        for _ in 0..RACES_MAX {
            let current = match version {
                Some(version) => version,
                None => self.read::<T>(user).await?.version,
            };
            let read = Versioned { version: current, value: value.clone().into_document() };
            match self.store.replace_document(user, &read).await? {
                Replaced::Done(version) => return Ok(Versioned { version, value }),
                Replaced::Changed if version.is_some() => return Err(AccountError::Changed),
                Replaced::Changed => {}
            }
        }
        Err(AccountError::Busy)
    }

    /// Changes a document; `change` says whether it did anything, and may be run again on newer contents.
    async fn change<T: Part>(
        &self,
        user: UserId,
        change: impl Fn(&mut T) -> Result<bool, AccountError>,
    ) -> Result<(), AccountError> {
        for _ in 0..RACES_MAX {
            let Versioned { version, mut value } = self.read::<T>(user).await?;
            if !change(&mut value)? {
                return Ok(());
            }
            let changed = Versioned { version, value: value.into_document() };
            match self.store.replace_document(user, &changed).await {
                Ok(Replaced::Done(_)) => return Ok(()),
                // Every change here may be repeated, so what is uncertain is simply looked at again.
                Ok(Replaced::Changed) | Err(StoreError::Uncertain(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccountError::Busy)
    }
}

fn fits(text: &str, limit: usize, what: &'static str) -> Result<(), AccountError> {
    if text.len() <= limit { Ok(()) } else { Err(AccountError::TooLarge { what, limit }) }
}
