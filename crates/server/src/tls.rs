//! TLS from a certificate and a key in PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsSection;

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file holds no PEM that fits.
    #[error("{} holds no {what}: {source}", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What was wrong.
        source: pem::Error,
    },
    /// Certificate and key are no use together.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What accepts TLS connections, when a certificate is configured.
pub(crate) fn acceptor(section: &TlsSection) -> Result<Option<TlsAcceptor>, TlsError> {
    let (Some(certificate), Some(key)) = (&section.certificate, &section.key) else { return Ok(None) };
    let chain = read_chain(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Pem {
        path: key.clone(),
        what: "private key",
        source,
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // WebSocket needs HTTP/1.1; a client that offers only HTTP/2 is told so in the handshake.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |source| TlsError::Pem { path: path.to_owned(), what: "certificate", source };
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if chain.is_empty() { Err(wrong(pem::Error::NoItemsFound)) } else { Ok(chain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_and_its_key_are_accepted_and_strangers_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let ours = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = write("certificate.pem", &ours.cert.pem());
        let key = write("key.pem", &ours.signing_key.serialize_pem());
        let other_key = write("other.pem", &other.signing_key.serialize_pem());
        let with = |certificate: &Option<PathBuf>, key: &Option<PathBuf>| {
            acceptor(&TlsSection { certificate: certificate.clone(), key: key.clone() })
        };
        assert!(matches!(with(&certificate, &key), Ok(Some(_))));
        assert!(matches!(with(&None, &None), Ok(None)));
        assert!(matches!(with(&key, &key), Err(TlsError::Pem { what: "certificate", .. })));
        assert!(matches!(with(&certificate, &certificate), Err(TlsError::Pem { what: "private key", .. })));
        assert!(matches!(with(&certificate, &other_key), Err(TlsError::Unusable(_))));
    }
}
