//! The web app, as it was built into the program: static files with the rules that browsers are to hold it to.
//!
//! Whoever serves the app's code could serve other code: what protects against everybody else stands here. The content
//! security policy lets nothing in but the app's own files, and those connect to this server and to
//! the object store of its attachments, where there is one, and to nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

/// `wasm-unsafe-eval` allows the compilation of WebAssembly and nothing else. Pictures and sounds are decrypted in the
/// page, which shows them from memory. The same as in docs/web.md.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Where an object store joins the policy, and nowhere else: what comes from there is fetched and decrypted.
const CONNECT: &str = "connect-src 'self'";
/// What a page may ask the device for.
const PERMISSIONS: &str = "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()";
/// The page itself.
const INDEX: &str = "index.html";
/// Files whose names follow from what they hold.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// Cargo builds this anew when the variable changes: `cargo xtask` sets it to what names the app that it built. Files that
/// come to a directory that was not there are not noticed otherwise.
const _: Option<&str> = option_env!("DUNLIN_WEB_APP");

/// The app's files; none where the program was built without.
#[derive(RustEmbed)]
#[folder = "../../web/dist/"]
#[allow_missing = true]
struct Built;

/// A file, and the same compressed.
#[derive(Debug)]
struct File {
    body: Bytes,
    brotli: Option<Bytes>,
    media_type: &'static str,
    tag: HeaderValue,
}

/// What is served, and how browsers are to hold it.
#[derive(Debug)]
struct App {
    files: BTreeMap<String, File>,
    policy: HeaderValue,
}

/// Routes to the app's files, and to its page at `/`; without routes where the program was built without the app. The
/// page may also reach `object_store`, an origin.
pub(crate) fn routes(object_store: Option<&str>) -> Router {
    let built = Built::iter().filter_map(|name| Some((name.to_string(), Built::get(&name)?)));
    let files = built.map(|(name, file)| {
        let tag = data_encoding::BASE64URL_NOPAD.encode(&file.metadata.sha256_hash());
        (name, (Bytes::from(file.data.into_owned()), tag))
    });
    of_files(&files.collect(), object_store)
}

/// The policy of an app that may also reach this origin.
fn policy(object_store: Option<&str>) -> HeaderValue {
    let joined = object_store.map(|origin| POLICY.replace(CONNECT, &format!("{CONNECT} {origin}")));
    // An origin has ASCII characters alone; without it the app cannot reach attachments, and all else works.
    joined.and_then(|policy| policy.try_into().ok()).unwrap_or(HeaderValue::from_static(POLICY))
}

fn of_files(built: &BTreeMap<String, (Bytes, String)>, object_store: Option<&str>) -> Router {
    let file = |(name, (body, tag)): (&String, &(Bytes, String))| {
        let file = File {
            body: body.clone(),
            brotli: built.get(&format!("{name}.br")).map(|(body, _)| body.clone()),
            media_type: media_type(name),
            tag: HeaderValue::from_str(&format!("\"{tag}\"")).ok()?,
        };
        (!name.ends_with(".br")).then(|| (name.clone(), file))
    };
    let app = App { files: built.iter().filter_map(file).collect(), policy: policy(object_store) };
    let mut router = Router::new();
    for name in app.files.keys() {
        router = router.route(&format!("/{name}"), get(serve));
    }
    if app.files.contains_key(INDEX) {
        router = router.route("/", get(serve));
    }
    router.with_state(Arc::new(app))
}

async fn serve(State(app): State<Arc<App>>, uri: Uri, asked: HeaderMap) -> Response {
    let name = uri.path().trim_start_matches('/');
    let name = if name.is_empty() { INDEX } else { name };
    let Some(file) = app.files.get(name) else { return StatusCode::NOT_FOUND.into_response() };
    let mut headers = HeaderMap::new();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::CACHE_CONTROL, if name.starts_with(HASHED) { FOREVER } else { ASK_AGAIN });
    say(header::VARY, "accept-encoding");
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(header::REFERRER_POLICY, "no-referrer");
    say(header::HeaderName::from_static("permissions-policy"), PERMISSIONS);
    say(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    say(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    // A worker has the policy that its own file came with.
    headers.insert(header::CONTENT_SECURITY_POLICY, app.policy.clone());
    headers.insert(header::ETAG, file.tag.clone());
    if asked.get(header::IF_NONE_MATCH) == Some(&file.tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    let body = match &file.brotli {
        Some(brotli) if takes_brotli(&asked) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
            brotli
        }
        _ => &file.body,
    };
    (headers, body.clone()).into_response()
}

/// Whether a client takes brotli (RFC 9110 section 12.5.3).
fn takes_brotli(asked: &HeaderMap) -> bool {
    let accepted = asked.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let is_refused =
            weight.trim().strip_prefix("q=").is_some_and(|weight| weight.trim().parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("br") && !is_refused
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("webmanifest") => "application/manifest+json",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/web.md");

    fn app() -> Router {
        app_beside(None)
    }

    fn app_beside(object_store: Option<&str>) -> Router {
        let file = |name: &str, body: &'static str| {
            (name.to_owned(), (Bytes::from_static(body.as_bytes()), format!("tag-{name}")))
        };
        let files = BTreeMap::from([
            file("index.html", "<!doctype html>"),
            file("assets/core-1a2b.wasm", "plain"),
            file("assets/core-1a2b.wasm.br", "packed"),
        ]);
        of_files(&files, object_store)
    }

    async fn ask(path: &str, headers: &[(header::HeaderName, &str)]) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let response = app().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 1_000).await.unwrap();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_page_is_asked_for_again_and_held_to_its_policy() {
        let (status, headers, body) = ask("/", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "<!doctype html>"));
        assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(headers[header::CACHE_CONTROL], ASK_AGAIN);
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        let tag = headers[header::ETAG].to_str().unwrap();
        let (status, _, body) = ask("/", &[(header::IF_NONE_MATCH, tag)]).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    }

    async fn policy_beside(object_store: Option<&str>) -> String {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = app_beside(object_store).oneshot(request).await.unwrap();
        response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn the_policy_is_the_one_in_the_docs_and_an_object_store_joins_what_is_connected_to_alone() {
        let (_, section) = PAGE.split_once("## What the server must send").unwrap();
        let documented =
            section.split("```").nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(policy_beside(None).await, documented);
        let origin = "https://files.example.org:9000";
        let joined = documented.replace("connect-src 'self'", &format!("connect-src 'self' {origin}"));
        assert_eq!(policy_beside(Some(origin)).await, joined);
        assert_eq!(joined.matches(origin).count(), 1);
        assert_eq!(policy_beside(Some("https://not an\norigin")).await, documented);
    }

    #[tokio::test]
    async fn what_is_named_by_what_it_holds_is_kept_and_packed_for_those_who_take_it() {
        let path = "/assets/core-1a2b.wasm";
        for (accepted, wanted) in
            [("gzip, br", "packed"), ("gzip", "plain"), ("br;q=0", "plain"), ("BR;q=0.5", "packed")]
        {
            let (status, headers, body) = ask(path, &[(header::ACCEPT_ENCODING, accepted)]).await;
            assert_eq!((status, body.as_str()), (StatusCode::OK, wanted), "{accepted}");
            assert_eq!(headers.contains_key(header::CONTENT_ENCODING), wanted == "packed");
            assert_eq!(headers[header::CONTENT_TYPE], "application/wasm");
            assert_eq!(headers[header::CACHE_CONTROL], FOREVER);
        }
    }

    #[tokio::test]
    async fn nothing_else_is_there() {
        for path in ["/assets/core-1a2b.wasm.br", "/assets/", "/../Cargo.toml", "/assets/..%2findex.html"] {
            assert_eq!(ask(path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
