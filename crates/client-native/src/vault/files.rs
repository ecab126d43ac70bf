//! The names of the vault's files, private to their owner, and durable in their directory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::error::VaultError;

/// The database.
pub(super) const DATABASE: &str = "vault.sqlite3";
/// The file whose lock the owner holds.
pub(super) const LOCK: &str = "vault.lock";
/// A vault that is being created: it gets its name when it is whole.
const UNFINISHED: &str = "vault.sqlite3.new";
/// What SQLite appends to the name of a database for the files beside it.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Makes the vault's own directory, for its owner alone.
pub(super) fn private_dir(dir: &Path) -> Result<(), VaultError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(VaultError::io("create the vault's directory"))?;
    #[cfg(unix)]
    {
        // It may have existed with wider permissions.
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(dir, private).map_err(VaultError::io("make the vault's directory private"))?;
    }
    Ok(())
}

/// How a file that only its owner may read is opened.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Whether there is a database.
pub(super) fn has_database(dir: &Path) -> Result<bool, VaultError> {
    dir.join(DATABASE).try_exists().map_err(VaultError::io("look for the vault"))
}

/// Makes room for a new database and gives the path where it is to be built. SQLite gives the files beside it the
/// permissions of the database itself.
pub(super) fn begin_new(dir: &Path) -> Result<PathBuf, VaultError> {
    for companion in COMPANIONS {
        let path = dir.join(format!("{DATABASE}{companion}"));
        // SQLite would mix what they hold into the new database.
        if path.try_exists().map_err(VaultError::io("look for earlier files"))? {
            return Err(VaultError::InTheWay { path });
        }
    }
    let unfinished = dir.join(UNFINISHED);
    // What a creation that died left behind was never a vault.
    for companion in COMPANIONS.into_iter().chain([""]) {
        match fs::remove_file(dir.join(format!("{UNFINISHED}{companion}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(VaultError::io("remove an unfinished vault")(error));
            }
            _ => {}
        }
    }
    private_file().create_new(true).open(&unfinished).map_err(VaultError::io("create the vault"))?;
    Ok(unfinished)
}

/// Gives the new database its name.
pub(super) fn finish_new(dir: &Path) -> Result<(), VaultError> {
    let unfinished = dir.join(UNFINISHED);
    // Whole first, visible afterwards, durable last.
    File::open(&unfinished)
        .and_then(|file| file.sync_all())
        .map_err(VaultError::io("write the new vault"))?;
    fs::rename(unfinished, dir.join(DATABASE)).map_err(VaultError::io("name the new vault"))?;
    sync_dir(dir).map_err(VaultError::io("write the vault's directory"))
}
