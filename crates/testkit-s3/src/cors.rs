//! Cross-origin requests as S3 treats them (Amazon S3 User Guide, "Elements of a CORS configuration"): what the rules of the bucket
//! name is allowed, nothing else, and never with credentials.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::{HeaderMap, Response, StatusCode};
use s3s::Body;
use serde::Deserialize;

/// The rules of a bucket; the first one that fits a request counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Cors(Vec<Rule>);

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Rule {
    allowed_origins: Vec<String>,
    allowed_methods: Vec<Verb>,
    #[serde(default)]
    allowed_headers: Vec<String>,
    #[serde(default)]
    expose_headers: Vec<String>,
    max_age_seconds: Option<u32>,
}

/// The methods that a rule may name.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    Get,
    Put,
    Post,
    Delete,
    Head,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
        }
    }
}

impl Cors {
    /// Rules in the JSON that S3 takes (`CORSRules` of `PutBucketCors`).
    ///
    /// # Errors
    /// When it is no list of rules.
    pub fn from_json(rules: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(rules)
    }

    /// The answer to a browser that asks before it sends a request (`OPTIONS`).
    pub(crate) fn preflight(&self, asked: &HeaderMap) -> Response<Body> {
        let names = text(asked, &ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let found = text(asked, &ORIGIN).zip(text(asked, &ACCESS_CONTROL_REQUEST_METHOD)).and_then(
            |(origin, method)| {
                let rule =
                    self.rule(origin, method, |rule| names.iter().all(|name| rule.allows_header(name)));
                rule.map(|rule| (rule, origin))
            },
        );
        let mut answer = Response::new(Body::empty());
        let Some((rule, origin)) = found else {
            *answer.status_mut() = StatusCode::FORBIDDEN;
            return answer;
        };
        rule.mark(origin, answer.headers_mut());
        if !names.is_empty() {
            answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, value(&names.join(", ")));
        }
        if let Some(seconds) = rule.max_age_seconds {
            answer.headers_mut().insert(ACCESS_CONTROL_MAX_AGE, seconds.into());
        }
        answer
    }

    /// Lets the page of this origin have the answer to a request, if a rule does.
    pub(crate) fn mark(&self, origin: &HeaderValue, method: &str, answer: &mut HeaderMap) {
        let Ok(origin) = origin.to_str() else { return };
        if let Some(rule) = self.rule(origin, method, |_| true) {
            rule.mark(origin, answer);
        }
    }

    fn rule(&self, origin: &str, method: &str, fits: impl Fn(&Rule) -> bool) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.allows(origin, method) && fits(rule))
    }
}

impl Rule {
    fn allows(&self, origin: &str, method: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| matches(allowed, origin))
            && self.allowed_methods.iter().any(|allowed| allowed.name() == method)
    }

    fn allows_header(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.allowed_headers.iter().any(|allowed| matches(&allowed.to_ascii_lowercase(), &name))
    }

    fn mark(&self, origin: &str, answer: &mut HeaderMap) {
        let anybody = self.allowed_origins.iter().any(|allowed| allowed == "*");
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value(if anybody { "*" } else { origin }));
        let methods: Vec<&str> = self.allowed_methods.iter().map(|method| method.name()).collect();
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, value(&methods.join(", ")));
        if !self.expose_headers.is_empty() {
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, value(&self.expose_headers.join(", ")));
        }
        answer.insert(VARY, value("Origin, Access-Control-Request-Headers, Access-Control-Request-Method"));
    }
}

/// A pattern may hold one `*`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
        None => pattern == text,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("rules are written in characters that headers may have")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/operations.md");
    const APP: &str = "https://chat.example.org";

    /// The rule that operators are told to set.
    fn documented() -> Cors {
        let (_, page) = PAGE.split_once("**CORS**").unwrap();
        let (_, rule) = page.split_once("```json").unwrap();
        Cors::from_json(rule.split_once("```").unwrap().0).unwrap()
    }

    fn ask(cors: &Cors, origin: &str, method: &str, names: &str) -> Response<Body> {
        let mut asked = HeaderMap::new();
        asked.insert(ORIGIN, value(origin));
        asked.insert(ACCESS_CONTROL_REQUEST_METHOD, value(method));
        if !names.is_empty() {
            asked.insert(ACCESS_CONTROL_REQUEST_HEADERS, value(names));
        }
        cors.preflight(&asked)
    }

    #[test]
    fn the_documented_rule_lets_the_app_put_and_read_and_nothing_else() {
        let cors = documented();
        for (method, names) in [
            ("PUT", "content-type,x-amz-checksum-sha256"),
            ("PUT", "x-amz-checksum-sha256"),
            ("GET", "range"),
        ] {
            let answer = ask(&cors, APP, method, names);
            assert_eq!(answer.status(), StatusCode::OK, "{method} {names}");
            assert_eq!(text(answer.headers(), &ACCESS_CONTROL_ALLOW_ORIGIN), Some(APP));
            assert_eq!(text(answer.headers(), &ACCESS_CONTROL_ALLOW_METHODS), Some("GET, PUT"));
            let allowed = text(answer.headers(), &ACCESS_CONTROL_ALLOW_HEADERS).unwrap();
            assert_eq!(allowed.replace(' ', ""), names);
        }
        for (origin, method, names) in [
            ("https://other.example.org", "PUT", ""),
            ("http://chat.example.org", "GET", ""),
            (APP, "DELETE", ""),
            (APP, "POST", ""),
            (APP, "PUT", "authorization"),
            (APP, "PUT", "x-amz-checksum-sha256, x-amz-acl"),
        ] {
            let answer = ask(&cors, origin, method, names);
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{origin} {method} {names}");
            assert!(answer.headers().is_empty());
        }
    }

    #[test]
    fn an_answer_is_for_the_origins_and_methods_of_a_rule() {
        let cors = documented();
        let marked = |origin: &str, method: &str| {
            let mut answer = HeaderMap::new();
            cors.mark(&value(origin), method, &mut answer);
            text(&answer, &ACCESS_CONTROL_ALLOW_ORIGIN).map(str::to_owned)
        };
        assert_eq!(marked(APP, "GET").as_deref(), Some(APP));
        assert_eq!(marked(APP, "DELETE"), None);
        assert_eq!(marked("https://other.example.org", "GET"), None);
    }

    #[test]
    fn a_pattern_has_one_wildcard_and_a_method_is_one_that_s3_knows() {
        assert!(matches("https://*.example.org", "https://chat.example.org"));
        assert!(!matches("https://*.example.org", "https://example.org"));
        assert!(!matches("aba*aba", "aba"));
        assert!(matches("*", "https://anything"));
        assert!(Cors::from_json(r#"[{"AllowedOrigins": ["*"], "AllowedMethods": ["OPTIONS"]}]"#).is_err());
        assert!(Cors::from_json(r#"[{"AllowedOrigins": ["*"], "AllowedMethod": ["GET"]}]"#).is_err());
    }
}
