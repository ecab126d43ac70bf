use std::io::Write as _;

use super::*;

fn from_file(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("written");
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(file.path()), variables)
}

#[test]
fn without_file_and_variables_everything_has_its_default() {
    let config = Config::load(None, []).unwrap();
    assert_eq!(config, Config::default());
    assert!(config.server.listen.ip().is_loopback());
    assert_eq!(config.retention.days, 30);
}

#[test]
fn a_variable_goes_before_the_file_and_the_file_before_the_default() {
    let text = "[server]\ndata_dir = \"/somewhere\"\n[chats]\nmembers_max = 7\n";
    let config = from_file(
        text,
        &[
            ("DUNLIN_CHATS__MEMBERS_MAX", "9"),
            ("DUNLIN_CODES__SMTP__PASSWORD", "12345"),
            ("DUNLIN_CODES__SMTP__URL", "smtp://localhost:25"),
            ("DUNLIN_CODES__SMTP__FROM", "Dunlin <codes@example.org>"),
            ("DUNLIN_CONNECTIONS__ALLOWED_ORIGINS", "[\"https://chat.example.org\"]"),
            ("DUNLIN_PROFILE", "belongs to the terminal commands"),
            ("HOME", "/nowhere"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.data_dir, Path::new("/somewhere"));
    assert_eq!(config.chats.members_max, 9);
    assert_eq!(config.chats.text_bytes_max, ChatLimits::default().text_bytes_max);
    assert_eq!(config.codes.smtp.unwrap().password.as_deref(), Some("12345"));
    assert_eq!(config.connections.allowed_origins, ["https://chat.example.org"]);
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = from_file("[server]\n\nlisten_on = \"127.0.0.1:1\"\n", &[]).unwrap_err().to_string();
    assert!(error.contains("listen_on") && error.contains("line 3"), "{error}");
}

#[test]
fn an_unknown_or_unreadable_variable_is_named() {
    for (name, value, reason) in [
        ("DUNLIN_CHATS__MEMBERS", "9", "unknown field"),
        ("DUNLIN_CHAT__MEMBERS_MAX", "9", "unknown field"),
        ("DUNLIN_CHATS__MEMBERS_MAX", "many", "invalid type"),
        ("DUNLIN_SERVER__LISTEN", "nowhere", "socket address"),
    ] {
        let error = from_file("", &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(reason), "{error}");
    }
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    for text in [
        "[tls]\ncertificate = \"a.pem\"\n",
        "[retention]\ndays = 0\n",
        "[codes]\nsender = \"smtp\"\n",
        "[codes]\nsender = \"webhook\"\n",
        "[chats]\nmembers_max = 0\n",
    ] {
        assert!(matches!(from_file(text, &[]), Err(ConfigError::Invalid(_))), "{text}");
    }
}

#[test]
fn more_days_than_time_has_are_for_ever() {
    let text = "[retention]\nevent_days = 9223372036854775807\n[attachments]\ndays = 9223372036854775807\n";
    let config = from_file(text, &[]).unwrap();
    assert_eq!(config.attachments.kept(), Duration::MAX.saturating_sub(Duration::from_nanos(999_999_999)));
    assert_eq!(config.retention.policy().events, config.attachments.kept());
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    assert!(matches!(Config::load(Some(Path::new("not/there.toml")), []), Err(ConfigError::Read { .. })));
}

#[test]
fn chats_that_the_server_can_read_must_be_asked_for() {
    use dunlin_model::Encryption::{Mls, None};
    let encryptions = |text: &str, test_accounts| {
        let config = from_file(text, &[]).unwrap();
        config.delivery.delivery(config.chats.clone(), &config.attachments, test_accounts).encryptions
    };
    assert_eq!(encryptions("", false), [Mls]);
    assert_eq!(encryptions("[delivery]\nplaintext_chats = true\n", false), [Mls, None]);
    assert_eq!(encryptions("", true), [Mls, None], "load tools create them");
}

#[test]
fn an_object_store_needs_one_key_which_is_never_shown() {
    let text = "[attachments.s3]\nendpoint = \"https://s3.example.org\"\nbucket = \"files\"\naccess_key_id = \"AKID\"\n";
    assert!(matches!(from_file(text, &[]), Err(ConfigError::Invalid(_))), "without a key");
    let config = from_file(text, &[("DUNLIN_ATTACHMENTS__S3__SECRET_ACCESS_KEY", "12345")]).unwrap();
    assert!(!format!("{config:?}").contains("12345"));
    let s3 = config.attachments.s3.unwrap().config().unwrap();
    assert_eq!(
        (s3.secret_access_key.as_str(), s3.region.as_str(), s3.prefix.as_str()),
        ("12345", S3_REGION, S3_PREFIX)
    );
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"hush\n").unwrap();
    let path = file.path().to_string_lossy().into_owned();
    let from = [("DUNLIN_ATTACHMENTS__S3__SECRET_ACCESS_KEY_FILE", path.as_str())];
    let section = from_file(text, &from).unwrap().attachments.s3.unwrap();
    assert_eq!(section.config().unwrap().secret_access_key, "hush");
    let both = [from[0], ("DUNLIN_ATTACHMENTS__S3__SECRET_ACCESS_KEY", "hush")];
    assert!(matches!(from_file(text, &both), Err(ConfigError::Invalid(_))));
    drop(file);
    assert!(section.config().is_err(), "the file is gone");
    assert!(from_file("[attachments.s3]\nbucket = \"files\"\n", &[]).is_err(), "without the rest");
}
