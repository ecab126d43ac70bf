//! Environment variables over the file.

use toml::{Table, Value};

use super::{Config, ConfigError};

/// What every variable begins with.
const PREFIX: &str = "DUNLIN_";
/// What stands between a section and a field.
const SEPARATOR: &str = "__";

/// Sets in `table` what `variables` say, each checked by itself so that an error names it.
pub(super) fn apply(
    table: &mut Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(PREFIX).filter(|path| path.contains(SEPARATOR)) else { continue };
        let keys: Vec<String> = path.split(SEPARATOR).map(str::to_lowercase).collect();
        if let Err(reason) = set(table, &keys, &text) {
            return Err(ConfigError::Variable { name, reason });
        }
    }
    Ok(())
}

/// Takes `text` as a TOML value if that fits, and as plain text otherwise: neither numbers nor words need
/// quotes, and a password may look like a number.
fn set(table: &mut Table, keys: &[String], text: &str) -> Result<(), String> {
    let as_toml =
        format!("value = {text}").parse::<Table>().ok().and_then(|mut parsed| parsed.remove("value"));
    let mut reason = String::new();
    for value in as_toml.into_iter().chain([Value::String(text.to_owned())]) {
        // The file is part of the check, because sections such as codes.smtp have fields that must be there.
        let mut merged = table.clone();
        insert(&mut merged, keys, value)?;
        match merged.clone().try_into::<Config>() {
            Ok(_) => {
                *table = merged;
                return Ok(());
            }
            // Its siblings may still come from later variables; what is missing then is noticed at the end.
            Err(error) if error.message().starts_with("missing field") => {
                *table = merged;
                return Ok(());
            }
            Err(error) => reason = error.message().to_owned(),
        }
    }
    Err(reason)
}

fn insert(table: &mut Table, keys: &[String], value: Value) -> Result<(), String> {
    let Some((last, sections)) = keys.split_last() else { return Ok(()) };
    let mut place = table;
    for section in sections {
        place = place
            .entry(section.clone())
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .ok_or_else(|| format!("{section} is a value, not a section"))?;
    }
    place.insert(last.clone(), value);
    Ok(())
}
