//! The Welcome of a handshake: for whom it is can be seen, what it says cannot.

use std::collections::BTreeSet;

use dunlin_model::Suite;
use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn};

use super::Why;

const DOES_NOT_FIT: Why = "its Welcome is not for those whom it adds";

/// Those who join by a Welcome.
pub(super) enum Joining {
    /// The references of their key packages.
    With(BTreeSet<Vec<u8>>),
    /// So many, whose key packages are not in sight.
    Some(usize),
}

impl Joining {
    fn count(&self) -> usize {
        match self {
            Self::With(references) => references.len(),
            Self::Some(count) => *count,
        }
    }

    /// Checks that the Welcome is for exactly these, and that there is none when there is nobody.
    pub(super) fn fits(&self, welcome: Option<&[u8]>, suite: Suite) -> Result<(), Why> {
        let Some(welcome) = welcome else {
            return if self.count() == 0 { Ok(()) } else { Err(DOES_NOT_FIT) };
        };
        let message = MlsMessageIn::tls_deserialize_exact(welcome).map_err(|_| "its Welcome is not one")?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            return Err("its Welcome is not one");
        };
        let named: BTreeSet<Vec<u8>> =
            welcome.secrets().iter().map(|secret| secret.new_member().as_slice().to_vec()).collect();
        let fits = match self {
            Self::With(references) => named == *references,
            Self::Some(count) => named.len() == *count,
        };
        let same_suite = u16::from(welcome.ciphersuite()) == suite.0;
        if fits && same_suite && named.len() == welcome.secrets().len() && self.count() > 0 {
            Ok(())
        } else {
            Err(DOES_NOT_FIT)
        }
    }
}
