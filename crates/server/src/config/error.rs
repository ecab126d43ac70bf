//! What can be wrong with a configuration, in sentences for whoever wrote it.

use std::io;
use std::path::PathBuf;

/// Why a configuration was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("The configuration file {} cannot be read.", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file says something that is not understood.
    #[error("The configuration file {} is not valid: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What, and in which line.
        source: Box<toml::de::Error>,
    },
    /// A variable says something that is not understood.
    #[error("The environment variable {name} is not valid: {reason}")]
    Variable {
        /// Which variable.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The values do not go together.
    #[error("The configuration is not valid: {0}")]
    Invalid(String),
}
