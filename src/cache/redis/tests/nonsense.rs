//! A Redis that went away, forgot, or holds what nobody here has written.

use payments::{
    agent::Payer,
    fingerprint::Fingerprint,
    ports::{AgentLimiter, IdentityClaim, ProofMemory, ProofUse, Taken, WrittenBy},
    time::UnixMs,
};

use super::{
    Arc, Fallback, RedisLimiter, RedisProofs, Server, UsedProofs, agent, key, link, thirty,
};

/// What is put in the place of a value; `#` stands for the key.
const NONSENSE: [&[&str]; 8] = [
    &["SET", "#", ""],
    &["SET", "#", "nonsense"],
    &["SET", "#", "-1"],
    &["SET", "#", "nan"],
    &["SET", "#", "inf"],
    &["SET", "#", "99999999999999999999999999999999999999"],
    &["LPUSH", "#", "1"],
    &["HSET", "#", "a", "1"],
];

async fn poison(server: &Server, key: &str, words: &[&str]) {
    let words: Vec<&str> = words.iter().map(|word| if *word == "#" { key } else { word }).collect();
    let _: i64 = server.say(&["DEL", key]).await;
    let _: redis::Value = server.say(&words).await;
}

async fn key_of(server: &Server, kind: &str) -> String {
    let keys: Vec<String> = server.say(&["KEYS", &format!("test:{kind}*")]).await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys[0].clone()
}

fn claim(number: u8) -> IdentityClaim {
    IdentityClaim {
        key: key(number),
        fingerprint: Fingerprint::of("GET", "/launches", "", b""),
        at: UnixMs::new(0),
    }
}

async fn memory(server: &Server) -> RedisProofs {
    RedisProofs::new(link(server).await, Arc::new(UsedProofs::default()))
}

#[tokio::test]
async fn nonsense_in_a_bucket_is_a_full_bucket() {
    let server = Server::start().await;
    let limiter = RedisLimiter::new(link(&server).await, thirty(), Arc::new(Fallback));
    assert_eq!(limiter.take(&agent()).await, Taken::Passed { remaining: 29 });
    let key = key_of(&server, "limit").await;
    for words in NONSENSE {
        poison(&server, &key, words).await;
        for left in [29, 28] {
            assert_eq!(
                limiter.take(&agent()).await,
                Taken::Passed { remaining: left },
                "{words:?}"
            );
        }
    }
    let left_ms: i64 = server.say(&["PTTL", &key]).await;
    assert!((1..=60_000).contains(&left_ms), "a bucket that is full again is forgotten: {left_ms}");
}

#[tokio::test]
async fn no_key_tells_whose_it_is() {
    let server = Server::start().await;
    let limiter = RedisLimiter::new(link(&server).await, thirty(), Arc::new(Fallback));
    for payer in [agent(), Payer::Card(String::from("account"))] {
        limiter.take(&payer).await;
    }
    memory(&server).await.take_paying(&key(1), UnixMs::new(0)).await;
    let keys: Vec<String> = server.say(&["KEYS", "*"]).await;
    assert_eq!(keys.len(), 5, "two buckets, a proof, its age, and the look of the link: {keys:?}");
    for key in keys {
        assert!(
            key.starts_with("test:") && !key.contains("0101010101") && !key.contains("account"),
            "{key}"
        );
    }
}

#[tokio::test]
async fn without_redis_an_agent_is_counted_by_the_process() {
    let server = Server::start().await;
    let limiter = RedisLimiter::new(link(&server).await, thirty(), Arc::new(Fallback));
    drop(server);
    assert_eq!(limiter.take(&agent()).await, Taken::Passed { remaining: u32::MAX });
}

#[tokio::test]
async fn a_proof_is_fresh_only_where_nothing_can_have_been_lost() {
    let server = Server::start().await;
    let used = Arc::new(UsedProofs::default());
    let (one, two) =
        (RedisProofs::new(link(&server).await, Arc::clone(&used)), memory(&server).await);
    assert_eq!(
        one.take_identity(claim(1), WrittenBy::Queue).await,
        ProofUse::Unsure,
        "this Redis remembers nothing yet"
    );
    assert_eq!(
        one.take_identity(claim(2), WrittenBy::Queue).await,
        ProofUse::Fresh,
        "a second has passed"
    );
    assert_eq!(two.take_identity(claim(2), WrittenBy::Queue).await, ProofUse::Identity);
    let _: String = server.say(&["FLUSHALL"]).await;
    assert_eq!(
        one.take_identity(claim(2), WrittenBy::Queue).await,
        ProofUse::Identity,
        "the process remembers"
    );
    assert_eq!(used.take_queue(), [claim(2)], "what is unsure is not left to the queue");
    let third = memory(&server).await;
    assert_eq!(
        third.take_identity(claim(2), WrittenBy::Queue).await,
        ProofUse::Unsure,
        "the books decide"
    );
    drop(server);
    assert_eq!(one.take_identity(claim(3), WrittenBy::Queue).await, ProofUse::Unsure);
    assert_eq!(
        one.take_identity(claim(3), WrittenBy::Queue).await,
        ProofUse::Identity,
        "copies are told apart"
    );
    assert_eq!(one.take_paying(&key(4), UnixMs::new(0)).await, ProofUse::Unsure);
    assert!(used.take_queue().is_empty());
}

#[tokio::test]
async fn nonsense_in_the_place_of_a_proof_leaves_it_to_the_books() {
    let server = Server::start().await;
    memory(&server).await.take_identity(claim(1), WrittenBy::Queue).await;
    let poisoned = key_of(&server, "proof").await;
    for words in NONSENSE {
        poison(&server, &poisoned, words).await;
        assert_eq!(
            memory(&server).await.take_identity(claim(1), WrittenBy::Queue).await,
            ProofUse::Unsure,
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn nonsense_in_the_place_of_the_age_is_a_redis_that_forgot() {
    let server = Server::start().await;
    let proofs = memory(&server).await;
    proofs.take_identity(claim(0), WrittenBy::Queue).await;
    for (number, words) in (1..).zip([NONSENSE[1], NONSENSE[4], NONSENSE[6]]) {
        poison(&server, "test:born", words).await;
        assert_eq!(
            proofs.take_identity(claim(number), WrittenBy::Queue).await,
            ProofUse::Unsure,
            "{words:?}"
        );
    }
    assert_eq!(proofs.take_identity(claim(9), WrittenBy::Queue).await, ProofUse::Fresh);
}
