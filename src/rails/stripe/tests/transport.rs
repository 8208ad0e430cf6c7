//! Stripes that are silent, absent or indiscreet, and configurations that cannot work.

use std::sync::Arc;

use payments::ports::{CardError, CardRail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{
    super::{StripeConfig, StripeConfigError, StripeRail},
    world::{AMOUNT, KEY, SAVED_AT, TOKEN, TestClock, TestSealer, config, intent, rail, saved},
};

/// The words of a charge that stays unknown.
async fn unknown(url: &str) -> String {
    let mut config = config(url);
    config.timeout_ms = 300;
    let rail = made(&config).unwrap();
    match rail.charge(intent(), &saved(&rail), AMOUNT, SAVED_AT).await {
        Err(error @ CardError::Unreachable(_)) => {
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains(KEY) && !shown.contains(TOKEN) && !shown.contains("127.0.0.1"),
                "{shown}"
            );
            shown
        }
        other => panic!("{other:?}"),
    }
}

fn made(config: &StripeConfig) -> Result<StripeRail, StripeConfigError> {
    StripeRail::new(config, Arc::new(TestSealer), Arc::new(TestClock(0.into())))
}

/// Hears a request and answers with these bytes, then hangs up.
async fn raw(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 8_192]).await;
            let _ = stream.write_all(answer).await;
        }
    });
    url
}

#[tokio::test]
async fn a_silent_or_absent_stripe_leaves_the_payment_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    assert!(unknown(&url).await.contains("within 300 ms"));
    drop(listener);
    assert!(unknown(&url).await.contains("no connection"));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_payment_unknown() {
    assert!(unknown(&raw(b"").await).await.contains("the connection broke"));
    let cut = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{\"id\":\"pi_1\"").await;
    assert!(unknown(&cut).await.contains("broke off"));
    let endless = raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n").await;
    assert!(unknown(&endless).await.contains("broke off"));
}

#[test]
fn an_unusable_configuration_is_refused_by_name() {
    let with = |change: fn(&mut StripeConfig)| {
        let mut config = config("https://api.stripe.com");
        change(&mut config);
        made(&config).err()
    };
    assert_eq!(with(|_| {}), None);
    assert_eq!(with(|c| c.api_base = String::from("http://[::1]:8404/")), None);
    assert_eq!(with(|c| c.api_base = String::from("http://localhost:8404")), None);
    assert_eq!(with(|c| (c.livemode, c.secret_key) = (true, String::from("rk_live_1"))), None);
    for url in [
        "",
        "api.stripe.com",
        "ftp://x",
        "http://api.stripe.com",
        "http://127.0.0.1.example.com",
        "https://u:p@x",
        "https://x/?a=b",
    ] {
        let mut config = config("https://api.stripe.com");
        config.api_base = url.to_owned();
        assert_eq!(made(&config).err(), Some(StripeConfigError::Url), "{url:?}");
    }
    assert_eq!(with(|c| c.secret_key = String::new()), Some(StripeConfigError::Key));
    assert_eq!(with(|c| c.secret_key = String::from("pk_test_1")), Some(StripeConfigError::Key));
    assert_eq!(with(|c| c.secret_key = String::from("sk_test_\n")), Some(StripeConfigError::Key));
    assert_eq!(with(|c| c.secret_key = String::from("sk_live_1")), Some(StripeConfigError::Mode));
    assert_eq!(with(|c| c.livemode = true), Some(StripeConfigError::Mode));
    assert_eq!(with(|c| c.api_version = String::from("\n")), Some(StripeConfigError::Version));
}

#[test]
fn the_rail_shows_neither_key_nor_address() {
    let shown = format!("{:?}", rail("http://127.0.0.1:1"));
    assert!(
        shown.contains("livemode") && !shown.contains(KEY) && !shown.contains("127.0.0.1"),
        "{shown}"
    );
}
