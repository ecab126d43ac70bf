//! Reading: one value, or a page of rows in key order.

use dunlin_client::{Key, Value};
use rusqlite::{OptionalExtension, ToSql};

use super::Vault;
use super::error::{KeyPrefix, VaultError};
use super::range::{Direction, KeyRange, Page};

/// No page has more rows.
pub const SCAN_ROWS_MAX: usize = 1_000;
/// A page ends with the row that makes its keys and values this large.
pub const SCAN_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Vault {
    /// What stands under `key`.
    ///
    /// # Errors
    /// When the value is damaged or the file cannot be read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, VaultError> {
        let sealed: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT sealed FROM entry WHERE key = ?1")
            .and_then(|mut select| select.query_row([key], |row| row.get(0)).optional())
            .map_err(VaultError::database("read a row"))?;
        sealed.map(|sealed| self.open_value(key, &sealed)).transpose()
    }

    /// The first rows of `range`: at most `rows_max` (1 to [`SCAN_ROWS_MAX`], other numbers count as the nearest of
    /// these), fewer when they are large ([`SCAN_BYTES_MAX`]). [`Page::next`] is what to scan next.
    ///
    /// # Errors
    /// When a value is damaged or the file cannot be read.
    pub fn scan(&self, range: &KeyRange, direction: Direction, rows_max: usize) -> Result<Page, VaultError> {
        const DOING: &str = "read rows";
        let rows_max = rows_max.clamp(1, SCAN_ROWS_MAX);
        // Four statements, so that each bound and the order come out of the index.
        let sql = match (direction, &range.until) {
            (Direction::Ascending, None) => "SELECT key, sealed FROM entry WHERE key >= ?1 ORDER BY key",
            (Direction::Ascending, Some(_)) => {
                "SELECT key, sealed FROM entry WHERE key >= ?1 AND key < ?2 ORDER BY key"
            }
            (Direction::Descending, None) => {
                "SELECT key, sealed FROM entry WHERE key >= ?1 ORDER BY key DESC"
            }
            (Direction::Descending, Some(_)) => {
                "SELECT key, sealed FROM entry WHERE key >= ?1 AND key < ?2 ORDER BY key DESC"
            }
        };
        let bounds: Vec<&dyn ToSql> = match &range.until {
            None => vec![&range.from],
            Some(until) => vec![&range.from, until],
        };
        let mut select = self.connection.prepare_cached(sql).map_err(VaultError::database(DOING))?;
        let mut found = select.query(bounds.as_slice()).map_err(VaultError::database(DOING))?;
        let mut rows: Vec<(Key, Value)> = Vec::new();
        let mut bytes = 0;
        while let Some(row) = found.next().map_err(VaultError::database(DOING))? {
            if let Some((last, _)) = rows.last()
                && (rows.len() == rows_max || bytes >= SCAN_BYTES_MAX)
            {
                let next = match direction {
                    Direction::Ascending => range.clone().after(last),
                    Direction::Descending => range.clone().before(last),
                };
                return Ok(Page { rows, next: Some(next) });
            }
            let key: Key = row.get(0).map_err(VaultError::database(DOING))?;
            let sealed: Vec<u8> = row.get(1).map_err(VaultError::database(DOING))?;
            let value = self.open_value(&key, &sealed)?;
            bytes += key.len() + value.len();
            rows.push((key, value));
        }
        Ok(Page { rows, next: None })
    }

    fn open_value(&self, key: &[u8], sealed: &[u8]) -> Result<Value, VaultError> {
        self.sealer.open_row(key, sealed).map_err(|_| VaultError::DamagedRow { prefix: KeyPrefix::of(key) })
    }
}
