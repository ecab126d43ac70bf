//! The cipher suites that chats use.

use openmls_traits::types::Ciphersuite;

/// A cipher suite (RFC 9420 section 17.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519 (draft-ietf-mls-pq-ciphersuites): hybrid post-quantum
    /// by X-Wing. The default.
    Hybrid,
    /// MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519: for groups made large.
    X25519,
}

/// No suite that chats use has this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Cipher suite {0:#06x} is not supported.")]
pub struct UnknownSuite(pub u16);

impl Suite {
    /// All of them, the preferred first.
    pub const ALL: [Self; 2] = [Self::Hybrid, Self::X25519];

    /// Its number in the IANA registry; of the hybrid suite, the number that the draft suggests.
    pub fn number(self) -> u16 {
        u16::from(self.ciphersuite())
    }

    pub(crate) const fn ciphersuite(self) -> Ciphersuite {
        match self {
            Self::Hybrid => Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
            Self::X25519 => Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
        }
    }
}

impl TryFrom<u16> for Suite {
    type Error = UnknownSuite;

    fn try_from(number: u16) -> Result<Self, UnknownSuite> {
        Self::ALL.into_iter().find(|suite| suite.number() == number).ok_or(UnknownSuite(number))
    }
}

impl TryFrom<Ciphersuite> for Suite {
    type Error = UnknownSuite;

    fn try_from(suite: Ciphersuite) -> Result<Self, UnknownSuite> {
        Self::try_from(u16::from(suite))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_registry_and_the_draft() {
        assert_eq!(Suite::Hybrid.number(), 0x004F);
        assert_eq!(Suite::X25519.number(), 0x0001);
        assert_eq!(Suite::try_from(0x004F), Ok(Suite::Hybrid));
        // Of the obsolete draft: X-Wing with ChaCha20-Poly1305.
        assert_eq!(Suite::try_from(0x004D), Err(UnknownSuite(0x004D)));
    }
}
