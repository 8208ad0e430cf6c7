//! What is shown of an account is never what was before a change.

use payments::{
    money::Credits,
    ports::{BalanceCache, ShownBalance},
};

use super::{Arc, Duration, LinkSettings, RedisLink, Server, agent, link};
use crate::cache::redis::RedisBalances;

fn shown(balance: u64) -> ShownBalance {
    ShownBalance { balance: Credits::new(balance), debt: Credits::new(3) }
}

async fn process(server: &Server) -> RedisBalances {
    let balances = RedisBalances::new(link(server).await);
    balances.say().await;
    balances
}

async fn balance_key(server: &Server) -> String {
    let keys: Vec<String> = server.say(&["KEYS", "test:balance*"]).await;
    keys[0].clone()
}

#[tokio::test]
async fn a_balance_is_shown_by_every_process_until_one_forgets_it() {
    let server = Server::start().await;
    let [one, two] = [process(&server).await, process(&server).await];
    one.put(&agent(), shown(20)).await;
    assert_eq!(one.get(&agent()).await, Some(shown(20)));
    assert_eq!(two.get(&agent()).await, Some(shown(20)));
    let left_ms: i64 = server.say(&["PTTL", &balance_key(&server).await]).await;
    assert!((1..=300_000).contains(&left_ms), "{left_ms}");
    assert!(two.forget(&agent()).await);
    assert_eq!(one.get(&agent()).await, None);
    // A read that began before the change ends after it.
    one.put(&agent(), shown(20)).await;
    assert_eq!((one.get(&agent()).await, two.get(&agent()).await), (None, None));
    let left_ms: i64 = server.say(&["PTTL", &balance_key(&server).await]).await;
    assert!((1..=10_000).contains(&left_ms), "{left_ms}");
}

#[tokio::test]
async fn a_change_that_could_not_be_said_ends_every_balance_of_before() {
    let server = Server::start().await;
    let other = process(&server).await;
    other.put(&agent(), shown(20)).await;
    // A process that starts does not know what the one before it did last.
    let started = RedisBalances::new(link(&server).await);
    assert_eq!(started.get(&agent()).await, None);
    started.say().await;
    assert_eq!((started.get(&agent()).await, other.get(&agent()).await), (None, None));
    other.put(&agent(), shown(21)).await;
    // A peer without Redis, for now.
    let settings = LinkSettings {
        url: server.url(),
        prefix: String::from("test:"),
        limit: Duration::from_secs(20),
    };
    let away = Arc::new(RedisLink::new(settings).unwrap());
    let cut_off = RedisBalances::new(Arc::clone(&away));
    assert!(!cut_off.forget(&agent()).await);
    cut_off.say().await;
    assert_eq!(other.get(&agent()).await, Some(shown(21)), "nobody could hear of it");
    assert_eq!(cut_off.get(&agent()).await, None);
    assert!(away.connect().await);
    cut_off.say().await;
    assert_eq!((cut_off.get(&agent()).await, other.get(&agent()).await), (None, None));
}

#[tokio::test]
async fn a_redis_that_forgot_everything_shows_balances_again() {
    let server = Server::start().await;
    let balances = process(&server).await;
    balances.put(&agent(), shown(20)).await;
    let _: String = server.say(&["FLUSHALL"]).await;
    assert_eq!(balances.get(&agent()).await, None);
    balances.put(&agent(), shown(21)).await;
    assert_eq!(balances.get(&agent()).await, Some(shown(21)));
}

#[tokio::test]
async fn nonsense_is_no_balance() {
    let server = Server::start().await;
    let balances = process(&server).await;
    balances.put(&agent(), shown(20)).await;
    let (key, age): (_, String) =
        (balance_key(&server).await, server.say(&["GET", "test:age"]).await);
    let of_this_age = |text: &str| format!("{age} {text}");
    let huge = of_this_age("99999999999999999999999 0");
    for kept in [
        "999",
        "999 0",
        "",
        "-",
        &of_this_age("999"),
        &of_this_age("-1 0"),
        &of_this_age("1 2 3"),
        &huge,
    ] {
        let _: String = server.say(&["SET", &key, kept]).await;
        assert_eq!(balances.get(&agent()).await, None, "{kept}");
    }
    let _: i64 = server.say(&["DEL", &key]).await;
    let _: i64 = server.say(&["LPUSH", &key, "999"]).await;
    assert_eq!(balances.get(&agent()).await, None);
    assert!(balances.forget(&agent()).await, "a change replaces it");
}
