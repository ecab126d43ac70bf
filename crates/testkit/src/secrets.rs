//! What must be found nowhere, in every form in which a program might write it, and the search for it.

use std::collections::{BTreeSet, HashMap};

use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};

/// Patterns are found by their first bytes.
const PREFIX_BYTES: usize = 8;
/// Below this, random bytes of some hundred megabytes might be the secret by chance.
const SECRET_BYTES_MIN: usize = 10;
/// Of keys, any half is looked for too: whoever has one half can guess the rest of some.
const HALF_KEY_BYTES: usize = 16;
/// Whether a pattern may begin with these three bytes.
const BEGINNINGS: usize = 1 << 24;

/// Secrets, each with a name for whoever reads why the test failed.
#[derive(Debug, Default)]
pub struct Secrets {
    named: Vec<(String, Vec<u8>)>,
}

/// The secrets in all their forms, ready to be looked for.
#[derive(Debug)]
pub struct Scanner {
    patterns: Vec<(String, Vec<u8>)>,
    by_prefix: HashMap<[u8; PREFIX_BYTES], Vec<usize>>,
    begins: Vec<bool>,
}

impl Secrets {
    /// Something that a person wrote, or a file's bytes.
    ///
    /// # Panics
    /// When it is so short that it could be found by chance.
    pub fn add(&mut self, name: &str, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref();
        assert!(secret.len() >= SECRET_BYTES_MIN, "{name} is too short to be looked for");
        self.named.push((name.to_owned(), secret.to_vec()));
    }

    /// Random bytes, such as a key, of which no part is to be found either.
    ///
    /// # Panics
    /// When they are not random.
    pub fn add_key(&mut self, name: &str, key: &[u8]) {
        assert!(key.iter().collect::<BTreeSet<_>>().len() > HALF_KEY_BYTES / 2, "{name} is a key");
        for half in key.chunks(HALF_KEY_BYTES).filter(|half| half.len() == HALF_KEY_BYTES) {
            self.add(name, half);
        }
    }

    /// How many were added.
    pub fn count(&self) -> usize {
        self.named.len()
    }

    /// The names of what was added.
    pub fn names(&self) -> BTreeSet<&str> {
        self.named.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Prepares the search.
    pub fn scanner(&self) -> Scanner {
        let mut scanner =
            Scanner { patterns: Vec::new(), by_prefix: HashMap::new(), begins: vec![false; BEGINNINGS] };
        for (name, secret) in &self.named {
            let mut known = BTreeSet::new();
            for (form, pattern) in forms(secret) {
                if known.insert(pattern.clone()) {
                    scanner.add(format!("{name} ({form})"), pattern);
                }
            }
        }
        scanner
    }
}

impl Scanner {
    fn add(&mut self, name: String, pattern: Vec<u8>) {
        let prefix = *pattern.first_chunk().expect("secrets are longer than this");
        self.begins[beginning(&pattern)] = true;
        self.by_prefix.entry(prefix).or_default().push(self.patterns.len());
        self.patterns.push((name, pattern));
    }

    /// The names of what stands in these bytes.
    pub fn found_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for (at, window) in bytes.windows(PREFIX_BYTES).enumerate() {
            if !self.begins[beginning(window)] {
                continue;
            }
            let Some(candidates) = self.by_prefix.get(window) else { continue };
            for (name, pattern) in candidates.iter().map(|candidate| &self.patterns[*candidate]) {
                if bytes[at..].starts_with(pattern) {
                    found.insert(name.as_str());
                }
            }
        }
        found
    }
}

fn beginning(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
}

/// The forms in which a program might write these bytes.
fn forms(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let list = |separator: &str| {
        let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
        numbers.join(separator).into_bytes()
    };
    let mut forms = vec![
        ("as it is", bytes.to_vec()),
        ("reversed", bytes.iter().rev().copied().collect()),
        ("hex", HEXLOWER.encode(bytes).into_bytes()),
        ("hex", HEXUPPER.encode(bytes).into_bytes()),
        ("escaped", bytes.escape_ascii().to_string().into_bytes()),
        ("a list of numbers", list(", ")),
        ("a list of numbers", list(",")),
    ];
    for (name, encoding, bits) in
        [("base64", &BASE64_NOPAD, 6), ("base64url", &BASE64URL_NOPAD, 6), ("base32", &BASE32_NOPAD, 5)]
    {
        // What stands before it in what was encoded shifts it by some bits.
        for before in 0..bits.min(5) {
            let encoded = aligned(encoding, bits, bytes, before);
            if bits == 5 {
                forms.push((name, encoded.to_ascii_lowercase().into_bytes()));
            }
            forms.push((name, encoded.into_bytes()));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let units: Vec<u16> = text.encode_utf16().collect();
        forms.push(("UTF-16", units.iter().flat_map(|unit| unit.to_le_bytes()).collect()));
        forms.push(("UTF-16", units.iter().flat_map(|unit| unit.to_be_bytes()).collect()));
        forms.push(("lower case", text.to_lowercase().into_bytes()));
        let json = units.iter().map(|unit| match u8::try_from(*unit) {
            Ok(ascii) if ascii.is_ascii() => char::from(ascii).to_string(),
            _ => format!("\\u{unit:04x}"),
        });
        forms.push(("JSON", json.collect::<String>().into_bytes()));
        let percent = text.bytes().map(|byte| match byte {
            plain if plain.is_ascii_alphanumeric() || b"-_.~".contains(&plain) => {
                char::from(plain).to_string()
            }
            other => format!("%{other:02X}"),
        });
        forms.push(("percent", percent.collect::<String>().into_bytes()));
    }
    forms
}

/// The characters that depend on `bytes` alone, where so many others stand before them.
fn aligned(encoding: &Encoding, bits: usize, bytes: &[u8], before: usize) -> String {
    let encoded = encoding.encode(&[&vec![0; before], bytes].concat());
    let (from, until) = ((before * 8).div_ceil(bits), (before + bytes.len()) * 8 / bits);
    encoded[from..until].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_whatever_form_it_stands() {
        let secret = "Grüße an den Igel 🦔";
        let mut secrets = Secrets::default();
        secrets.add("greeting", secret);
        let scanner = secrets.scanner();
        let hidden = [
            format!("before {secret} after"),
            HEXLOWER.encode(format!("x{secret}y").as_bytes()),
            BASE64_NOPAD.encode(format!("x{secret}y").as_bytes()),
            BASE64URL_NOPAD.encode(format!("xx{secret}yy").as_bytes()),
            BASE32_NOPAD.encode(format!("xxx{secret}yy").as_bytes()).to_lowercase(),
            format!("{:?}", secret.as_bytes()),
            secret.as_bytes().escape_ascii().to_string(),
            "Gr\\u00fc\\u00dfe an den Igel \\ud83e\\udd94".to_owned(),
            "Gr%C3%BC%C3%9Fe%20an%20den%20Igel%20%F0%9F%A6%94".to_owned(),
        ];
        for text in hidden {
            assert!(!scanner.found_in(text.as_bytes()).is_empty(), "{text}");
        }
        assert!(scanner.found_in("Grüße an den Dachs".repeat(10).as_bytes()).is_empty());
    }

    #[test]
    fn half_a_key_is_found() {
        let key: Vec<u8> = (100..132).collect();
        let mut secrets = Secrets::default();
        secrets.add_key("key", &key);
        let scanner = secrets.scanner();
        assert_eq!(scanner.found_in(&key[..HALF_KEY_BYTES]).len(), 1);
        assert_eq!(scanner.found_in(&key[HALF_KEY_BYTES..]).len(), 1);
        assert!(scanner.found_in(&key[1..31]).is_empty());
    }
}
