//! As much of OpenAPI and JSON Schema as our document uses. What it does not know fails the test.

use serde_json::{Map, Value};

pub(crate) struct Document(pub(crate) Value);

/// Methods an OpenAPI path may have that we might serve.
pub(crate) const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

impl Document {
    pub(crate) fn new(document: Value) -> Self {
        Self(document)
    }

    pub(crate) fn paths(&self) -> &Map<String, Value> {
        self.0["paths"].as_object().unwrap()
    }

    /// The documented path that `path` belongs to; a literal part goes before a variable one.
    fn find(&self, path: &str) -> Option<&Value> {
        let matches = |template: &&String| {
            let (mut wanted, mut given) = (template.split('/'), path.split('/'));
            loop {
                match (wanted.next(), given.next()) {
                    (None, None) => return true,
                    (Some(wanted), Some(given)) if wanted == given || wanted.starts_with('{') => {}
                    _ => return false,
                }
            }
        };
        let template = self.paths().keys().filter(matches).min_by_key(|path| path.matches('{').count())?;
        Some(&self.paths()[template])
    }

    /// Panics unless the document says that this may be answered.
    pub(crate) fn check(&self, method: &str, path: &str, status: u16, body: &Value) {
        let Some(operation) = self.find(path).and_then(|item| item.get(method)) else {
            assert!(
                matches!(status, 404 | 405 | 429),
                "{method} {path} is not documented, and gave {status}"
            );
            return self.fits(&serde_json::json!({"$ref": "#/components/schemas/ErrorBody"}), body, "error");
        };
        let response = &operation["responses"][status.to_string()];
        assert!(!response.is_null(), "{method} {path}: {status} is not documented: {body}");
        match response["content"]["application/json"].get("schema") {
            Some(schema) => self.fits(schema, body, &format!("{method} {path} {status}")),
            None => assert!(body.is_null(), "{method} {path} {status}: no body is documented: {body}"),
        }
    }

    /// Panics unless `value` fits `schema`.
    fn fits(&self, schema: &Value, value: &Value, at: &str) {
        if let Err(why) = self.judge(schema, value, at) {
            panic!("{why}");
        }
    }

    fn judge(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        for (keyword, wanted) in schema.as_object().into_iter().flatten() {
            let holds = match keyword.as_str() {
                "$ref" => {
                    let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                    let named = self.0.pointer(pointer).ok_or(format!("{at}: {wanted} does not exist"))?;
                    self.judge(named, value, at)?;
                    true
                }
                "type" => match wanted.as_array() {
                    Some(types) => types.iter().any(|wanted| is_a(wanted, value)),
                    None => is_a(wanted, value),
                },
                "enum" => wanted.as_array().unwrap().contains(value),
                "oneOf" => {
                    let fitting = wanted.as_array().unwrap().iter();
                    fitting.filter(|schema| self.judge(schema, value, at).is_ok()).count() == 1
                }
                "allOf" => {
                    for schema in wanted.as_array().unwrap() {
                        self.judge(schema, value, at)?;
                    }
                    true
                }
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.judge(wanted, item, &format!("{at}[{place}]"))?;
                    }
                    true
                }
                "required" => {
                    wanted.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some())
                }
                "properties" => {
                    for (name, schema) in wanted.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            self.judge(schema, value, &format!("{at}.{name}"))?;
                        }
                    }
                    true
                }
                "propertyNames" => {
                    for name in value.as_object().into_iter().flat_map(Map::keys) {
                        self.judge(wanted, &Value::from(name.as_str()), at)?;
                    }
                    true
                }
                "minimum" => value.as_f64() >= wanted.as_f64(),
                "additionalProperties" => {
                    wanted != &Value::Bool(false)
                        || schema.get("properties").is_some_and(|known| {
                            value
                                .as_object()
                                .is_some_and(|object| object.keys().all(|name| known.get(name).is_some()))
                        })
                }
                "description" | "example" | "format" | "title" | "default" | "maximum" => true,
                other => return Err(format!("{at}: this check does not know {other}")),
            };
            if !holds {
                return Err(format!("{at}: {value} is not as {keyword} {wanted} demands"));
            }
        }
        Ok(())
    }
}

fn is_a(wanted: &Value, value: &Value) -> bool {
    match wanted.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("this check does not know the type {other}"),
    }
}
