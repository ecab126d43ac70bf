//! Access tokens: JWS in compact form (RFC 7515) signed with EdDSA (RFC 8037). One algorithm and one header,
//! compared byte for byte, so that no token chooses how it is checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dunlin_model::{DeviceId, DeviceNumber, Timestamp};
use ed25519_dalek::{Signature, Signer, SigningKey};
use serde::{Deserialize, Serialize};

use crate::AccountError;

/// Bytes of an access token that are looked at.
pub(crate) const ACCESS_TOKEN_BYTES_MAX: usize = 1_024;
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

/// What an access token says (RFC 7519, section 4.1). Times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    /// The user's id.
    pub(crate) sub: String,
    /// The number of the user's device.
    pub(crate) device: u32,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    pub(crate) jti: String,
}

impl Claims {
    /// Who the token speaks for.
    pub(crate) fn device(&self) -> Result<DeviceId, AccountError> {
        let user = self.sub.parse().map_err(|_| AccountError::Unauthenticated)?;
        Ok(DeviceId { user, number: DeviceNumber(self.device) })
    }

    /// From when on it is not accepted.
    pub(crate) const fn expires(&self) -> Timestamp {
        Timestamp(self.exp.saturating_mul(1_000))
    }
}

/// Signs `claims`; the same claims give the same token, since EdDSA signatures are deterministic.
pub(crate) fn sign(key: &SigningKey, claims: &Claims) -> String {
    let payload = serde_json::to_vec(claims).expect("claims are plain strings and numbers");
    let mut token = URL_SAFE_NO_PAD.encode(HEADER);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature.to_bytes(), &mut token);
    token
}

/// The claims of a token, whose signature, issuer and expiry hold at `now`.
pub(crate) fn verify(
    key: &SigningKey,
    issuer: &str,
    now: Timestamp,
    token: &str,
) -> Result<Claims, AccountError> {
    let refused = AccountError::Unauthenticated;
    if token.len() > ACCESS_TOKEN_BYTES_MAX {
        return Err(refused);
    }
    let Some((signed, signature)) = token.rsplit_once('.') else { return Err(refused) };
    let Some((header, payload)) = signed.split_once('.') else { return Err(refused) };
    if header != URL_SAFE_NO_PAD.encode(HEADER) {
        return Err(refused);
    }
    let signature: Option<[u8; 64]> =
        URL_SAFE_NO_PAD.decode(signature).ok().and_then(|bytes| bytes.try_into().ok());
    let Some(signature) = signature else { return Err(refused) };
    let holds =
        key.verifying_key().verify_strict(signed.as_bytes(), &Signature::from_bytes(&signature)).is_ok();
    if !holds {
        return Err(refused);
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| AccountError::Unauthenticated)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| AccountError::Unauthenticated)?;
    // `iat` is not held against the clock, which may have been set back since.
    if claims.iss != issuer || now >= claims.expires() {
        return Err(AccountError::Unauthenticated);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            iss: "dunlin".into(),
            sub: dunlin_model::UserId::from_bytes([7; 16]).to_string(),
            device: 3,
            iat: 1_000,
            exp: 1_900,
            jti: "x".into(),
        }
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    #[test]
    fn a_token_reads_back_until_it_expires() {
        let token = sign(&key(), &claims());
        let verified = verify(&key(), "dunlin", Timestamp(1_899_999), &token).unwrap();
        assert_eq!(verified, claims());
        assert_eq!(verified.device().unwrap().number, DeviceNumber(3));
        assert!(verify(&key(), "dunlin", Timestamp(1_900_000), &token).is_err());
        assert!(verify(&key(), "other", Timestamp(1_500_000), &token).is_err());
        assert!(verify(&SigningKey::from_bytes(&[2; 32]), "dunlin", Timestamp(0), &token).is_err());
    }

    #[test]
    fn no_changed_byte_of_a_token_is_accepted() {
        let token = sign(&key(), &claims());
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify(&key(), "dunlin", Timestamp(0), &changed).is_err(), "byte {at}");
        }
        for short in ["", ".", "..", "...", "a.b.c"] {
            assert!(verify(&key(), "dunlin", Timestamp(0), short).is_err());
        }
    }

    #[test]
    fn a_token_does_not_choose_its_algorithm() {
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims()).unwrap());
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        assert!(verify(&key(), "dunlin", Timestamp(0), &format!("{none}.{payload}.")).is_err());
    }
}
