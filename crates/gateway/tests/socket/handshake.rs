//! From an HTTP request to an authenticated connection.

use std::sync::Arc;
use std::time::Duration;

use dunlin_model::ErrorCode;
use dunlin_wire::{CloseCode, Command, Format, Outcome, ServerFrame};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::client::{Client, upgrade_request};
use crate::raw::{Frame, Raw, http, upgrade_lines};
use crate::world::{Settings, World, soon, until};

const LIST: Command = Command::ListChats { after: None, limit: None };

/// A proper upgrade with one header replaced (or left out, where the new value is empty).
fn with(lines: &[String], name: &str, value: &str) -> Vec<String> {
    let others = lines.iter().filter(|line| !line.starts_with(&format!("{name}:")));
    let mut lines: Vec<String> = others.cloned().collect();
    if !value.is_empty() {
        lines.push(format!("{name}: {value}"));
    }
    lines
}

#[tokio::test]
async fn only_a_whole_handshake_of_version_13_is_upgraded() {
    let world = World::new().await;
    let [ada] = world.people().await;
    let lines = upgrade_lines(Some(&ada.access_token), Format::Json);
    let (status, head) = http(world.address, "/v1/ws", &lines).await;
    assert_eq!(status, 101);
    // The answer to the sample nonce of RFC 6455, section 1.3.
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    for (name, value, expected) in [
        ("Sec-WebSocket-Version", "8", 426),
        ("Sec-WebSocket-Version", "", 426),
        ("Upgrade", "", 426),
        ("Connection", "close", 426),
        ("Sec-WebSocket-Key", "", 400),
        ("Sec-WebSocket-Key", "dG9vIHNob3J0", 400),
        ("Sec-WebSocket-Protocol", "", 400),
        ("Sec-WebSocket-Protocol", "chat", 400),
        ("Sec-WebSocket-Protocol", "chat, dunlin.v1.json", 101),
        ("Connection", "keep-alive, Upgrade", 101),
    ] {
        let (status, answer) = http(world.address, "/v1/ws", &with(&lines, name, value)).await;
        assert_eq!(status, expected, "{name}: {value}: {answer}");
        if status == 426 && name == "Sec-WebSocket-Version" {
            assert!(answer.to_lowercase().contains("sec-websocket-version: 13"), "{answer}");
        }
        if status != 101 {
            assert!(answer.contains(r#""code":"invalidArgument""#), "{answer}");
        }
    }
    world.assert_serves().await;
}

#[tokio::test]
async fn pages_connect_from_the_servers_own_origin_or_a_configured_one() {
    let allowed = "https://chat.example.org";
    let world = World::configured(|config| config.allowed_origins = vec![allowed.to_owned()]).await;
    let [ada] = world.people().await;
    let lines = upgrade_lines(Some(&ada.access_token), Format::Proto);
    for (origin, expected) in [
        ("https://dunlin.test", 101),
        (allowed, 101),
        ("https://evil.example", 403),
        ("https://chat.example.org.evil.example", 403),
        ("null", 403),
    ] {
        let (status, answer) = http(world.address, "/v1/ws", &with(&lines, "Origin", origin)).await;
        assert_eq!(status, expected, "{origin}: {answer}");
    }
}

#[tokio::test]
async fn a_wrong_token_in_the_header_is_refused_before_the_upgrade() {
    let world = World::new().await;
    let [ada] = world.people().await;
    let forged = format!("{}A", ada.access_token);
    for value in ["Bearer nonsense", &format!("Bearer {forged}"), "Basic YWRhOnNlY3JldA==", "Bearer"] {
        let lines = with(&upgrade_lines(None, Format::Json), "Authorization", value);
        let (status, answer) = http(world.address, "/v1/ws", &lines).await;
        assert_eq!(status, 401, "{answer}");
        assert!(answer.contains(r#""code":"unauthenticated""#), "{answer}");
        assert!(answer.contains(r#""retry":"RETRY_AFTER_LOGIN""#), "{answer}");
    }
}

#[tokio::test]
async fn a_token_in_the_url_counts_for_nothing() {
    let world = World::new().await;
    let [ada] = world.people().await;
    for name in ["access_token", "token", "authorization"] {
        let mut request = upgrade_request(world.address, None, Format::Json);
        *request.uri_mut() =
            format!("ws://{}/v1/ws?{name}={}", world.address, ada.access_token).parse().unwrap();
        let stream = TcpStream::connect(world.address).await.unwrap();
        let mut client = Client::over(Box::new(stream), request, Format::Json).await;
        assert_eq!(client.refused(LIST).await.code, ErrorCode::Unauthenticated);
        assert_eq!(client.closed().await, Some(CloseCode::Unauthenticated.number()));
    }
}

#[tokio::test]
async fn the_first_command_may_authenticate() {
    let world = World::new().await;
    let [ada] = world.people().await;
    for format in Format::ALL {
        let mut client = Client::anonymous(world.address, None, *format).await;
        let access_token = ada.access_token.clone();
        assert_eq!(client.request(Command::Authenticate { access_token }).await, Outcome::Done);
        client.welcomed().await;
        assert_eq!(client.welcome.as_ref().unwrap().device, ada.device);
        client.resume(&[]).await;
        // Once is enough.
        let access_token = ada.access_token.clone();
        let again = client.refused(Command::Authenticate { access_token }).await;
        assert_eq!(again.code, ErrorCode::InvalidArgument);
        assert_eq!(client.close().await, Some(CloseCode::Normal.number()));
    }
}

#[tokio::test]
async fn what_is_pipelined_after_authenticate_is_answered_in_order() {
    let world = World::new().await;
    let [ada] = world.people().await;
    let mut client = Client::anonymous(world.address, None, Format::Proto).await;
    let authenticated = client.ask(Command::Authenticate { access_token: ada.access_token.clone() }).await;
    let listed = client.ask(LIST).await;
    assert_eq!(client.reply(authenticated).await, Outcome::Done);
    assert!(matches!(client.reply(listed).await, Outcome::Chats { .. }));
}

#[tokio::test]
async fn another_first_command_or_a_wrong_token_closes() {
    let world = World::new().await;
    for format in Format::ALL {
        let wrong = Command::Authenticate { access_token: "nonsense".into() };
        for command in [LIST, wrong] {
            let mut client = Client::anonymous(world.address, None, *format).await;
            let failure = client.refused(command).await;
            assert_eq!(failure.code, ErrorCode::Unauthenticated);
            assert_eq!(client.closed().await, Some(CloseCode::Unauthenticated.number()));
        }
    }
}

#[tokio::test]
async fn who_does_not_authenticate_in_time_is_told_and_closed() {
    let world = World::configured(|config| config.authenticate_within = Duration::from_millis(150)).await;
    let mut idle = Raw::connect(world.address, None, Format::Json).await;
    let Frame::Server(ServerFrame::Reply { id: 0, outcome: Outcome::Failed(failure) }) = idle.next().await
    else {
        panic!("no answer");
    };
    assert_eq!(failure.code, ErrorCode::Unauthenticated);
    assert_eq!(idle.next().await, Frame::Close(CloseCode::Unauthenticated.number()));
    assert_eq!(idle.next().await, Frame::End);
    world.assert_serves().await;
}

#[tokio::test]
async fn an_expired_token_is_refused_and_a_refreshed_one_works() {
    let world = World::new().await;
    let [ada] = world.people().await;
    world.clock.advance(Duration::from_secs(16 * 60));
    let lines = upgrade_lines(Some(&ada.access_token), Format::Json);
    assert_eq!(http(world.address, "/v1/ws", &lines).await.0, 401);
    let fresh = world.accounts.refresh(&ada.refresh_token).await.unwrap();
    world.online(&fresh, Format::Json).await;
}

#[tokio::test]
async fn the_welcome_tells_the_limits_in_force() {
    let world = World::with_window(17).await;
    let [ada] = world.people().await;
    let client = world.connect(&ada, Format::Json).await;
    let (welcome, config) = (client.welcome.unwrap(), world.gateway.config());
    assert_eq!(welcome.device, ada.device);
    assert_eq!(welcome.window_events, 17);
    assert_eq!(welcome.heartbeat, config.heartbeat);
    assert_eq!(usize::try_from(welcome.frame_bytes_max).unwrap(), config.frame_bytes_max);
    assert_eq!(welcome.requests_in_flight_max, config.requests_in_flight_max);
}

#[tokio::test]
async fn a_connection_over_tls_is_like_any_other() {
    let certified = rcgen::generate_simple_self_signed(vec!["dunlin.test".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    let tls = Some(TlsAcceptor::from(Arc::new(server)));
    let world = World::with(Settings { tls, ..Settings::default() }).await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let people = world.people::<2>().await;
    let [ada, bob] = &people;
    let chat = world.group(ada, &[bob]).await;
    let mut clients = Vec::new();
    for person in &people {
        let stream = TcpStream::connect(world.address).await.unwrap();
        let name = ServerName::try_from("dunlin.test").unwrap();
        let stream = soon("the TLS handshake", connector.connect(name, stream)).await.unwrap();
        let request = upgrade_request(world.address, Some(&person.access_token), Format::Proto);
        let mut client = Client::over(Box::new(stream), request, Format::Proto).await;
        client.welcomed().await;
        client.resume(&[]).await;
        clients.push(client);
    }
    let long = "x".repeat(16 * 1024);
    clients[0].send(chat, &long).await;
    assert_eq!(clients[1].events_up_to(chat, 2).await, ["1 +Created".to_owned(), format!("2 {long}")]);
    for client in clients {
        assert_eq!(client.close().await, Some(CloseCode::Normal.number()));
    }
    // Someone who speaks no TLS does no harm.
    let mut plain = TcpStream::connect(world.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    until("the end of all", || world.gateway.connection_count() == 0).await;
}
