//! Codes on their way by webhook and by e-mail.

use std::time::Duration;

use dunlin_accounts::{
    CodeSender, SendError, SmtpConfig, SmtpSender, WebhookAuthentication, WebhookConfig, WebhookSender,
};
use dunlin_model::account::Address;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const VALID: Duration = Duration::from_secs(600);

fn ada() -> Address {
    Address::parse("ada@example.org").unwrap()
}

/// Takes one HTTP request, answers it with `status`, and returns its head (in lower case) and body.
async fn answer_once(listener: TcpListener, status: &str) -> (String, String) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).await.unwrap();
    }
    let head = head.to_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

async fn webhook(
    authentication: WebhookAuthentication,
    status: &'static str,
) -> (Result<(), SendError>, String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/codes", listener.local_addr().unwrap());
    let sender = WebhookSender::new(WebhookConfig { url, authentication }).unwrap();
    let address = ada();
    let (sent, (head, body)) =
        tokio::join!(sender.send(&address, "012345", VALID), answer_once(listener, status));
    (sent, head, body)
}

#[tokio::test]
async fn a_webhook_gets_the_code_and_a_signature_it_can_check() {
    let (sent, head, body) = webhook(WebhookAuthentication::Hmac("key".into()), "204 No Content").await;
    sent.unwrap();
    assert!(head.starts_with("post /codes "));
    assert_eq!(body, r#"{"address":"ada@example.org","kind":"email","code":"012345","validSeconds":600}"#);
    // printf '%s' BODY | openssl dgst -sha256 -hmac key
    assert!(
        head.contains(
            "x-dunlin-signature: sha256=529ba695d961669ce10ed5042c081bd2233ba22f93e036ff97f01ac429560a25\r\n"
        ),
        "{head}"
    );
}

#[tokio::test]
async fn a_webhook_knows_us_by_a_bearer_token_and_its_refusal_is_an_error() {
    let (sent, head, _) = webhook(WebhookAuthentication::Bearer("secret".into()), "500 Oops").await;
    assert!(head.contains("authorization: bearer secret\r\n"));
    assert!(matches!(sent, Err(SendError::WebhookStatus(500))));
}

#[tokio::test]
async fn errors_and_settings_do_not_print_secrets() {
    let config = WebhookConfig {
        url: "http://127.0.0.1:1/hidden".into(),
        authentication: WebhookAuthentication::Bearer("hidden".into()),
    };
    assert!(!format!("{config:?}").contains("hidden"));
    let error = WebhookSender::new(config).unwrap().send(&ada(), "012345", VALID).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hidden"));
    let config = SmtpConfig {
        url: "smtp://u:hidden@localhost".into(),
        from: "codes@example.org".into(),
        user: None,
        password: None,
    };
    assert!(!format!("{config:?}").contains("hidden"));
}

#[tokio::test]
async fn nonsense_settings_are_refused_when_the_server_starts() {
    for url in ["", "codes", "ftp://example.org"] {
        let config = WebhookConfig { url: url.into(), authentication: WebhookAuthentication::None };
        assert!(WebhookSender::new(config).is_err(), "{url}");
    }
    for (url, from) in [("nonsense", "codes@example.org"), ("smtp://localhost", "nobody")] {
        let config = SmtpConfig { url: url.into(), from: from.into(), user: None, password: None };
        assert!(SmtpSender::new(&config).is_err(), "{url} {from}");
    }
}

/// As much of a mail server (RFC 5321) as takes one mail; returns what it was told.
async fn take_mail(listener: TcpListener) -> String {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut told = String::new();
    let mut in_mail = false;
    stream.write_all(b"220 mail.test ESMTP\r\n").await.unwrap();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return told;
        }
        told.push_str(&line);
        let answer: &[u8] = match (in_mail, line.trim_end()) {
            (true, ".") => {
                in_mail = false;
                b"250 taken\r\n"
            }
            (true, _) => continue,
            (false, "DATA") => {
                in_mail = true;
                b"354 go on\r\n"
            }
            (false, "QUIT") => return told,
            (false, _) => b"250 fine\r\n",
        };
        stream.write_all(answer).await.unwrap();
        if told.ends_with("\r\n.\r\n") {
            return told;
        }
    }
}

#[tokio::test]
async fn a_code_goes_by_mail_but_not_to_a_phone_number() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = SmtpConfig {
        url: format!("smtp://{}", listener.local_addr().unwrap()),
        from: "Dunlin <codes@example.org>".into(),
        user: None,
        password: None,
    };
    let sender = SmtpSender::new(&config).unwrap();
    let phone = Address::parse("+15551234567").unwrap();
    assert!(matches!(sender.send(&phone, "012345", VALID).await, Err(SendError::WrongKind)));
    let address = ada();
    let (sent, told) = tokio::join!(sender.send(&address, "012345", VALID), take_mail(listener));
    sent.unwrap();
    assert!(told.contains("RCPT TO:<ada@example.org>"));
    assert!(told.contains("Your code is 012345."));
    assert!(told.contains("valid for 10 minutes"));
}
