//! Where there are no Unix sockets.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use super::Own;
use crate::session::Session;

/// Listens for nobody.
pub(crate) struct Host;

impl Host {
    /// Never fails.
    ///
    /// # Errors
    /// None.
    pub(crate) fn listen(_: PathBuf) -> io::Result<Self> {
        Ok(Self)
    }

    /// Runs `own`.
    pub(crate) async fn serve<T>(self, _: &Rc<Session>, _: Own, own: impl Future<Output = T>) -> T {
        own.await
    }
}
