//! Balances that are shown while Redis is lost, slow, flushed or poisoned: no decision reads one.

use std::time::Duration;

use crate::cache_faults::{NORMAL, world_on};
use crate::credits::{BOUGHT, account, bought, on_credit, payer};
use crate::support::moment::{Stopwatch, eventually};
use crate::support::redis::{Redis, cache_is};
use crate::support::world::Totals;
use crate::support::{Card, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn r090_no_decision_reads_a_poisoned_flushed_or_missing_balance() {
    let mut redis = Redis::start().await;
    // What Redis holds is judged here, and not how soon a busy machine hears of it.
    let world = world_on(&redis, Setup::paid().cards().set("cache.timeout_ms", "20000")).await;
    for gateway in world.gateways() {
        cache_is(gateway, "ok").await;
    }
    let card = Card::new();
    let token = bought(&world, &card).await;
    assert_eq!(account(&world, &token).await["balance"], 20, "right at once for the buyer");
    let payer = payer(&world).await;
    let void = world
        .gateway
        .run(&["credits", "void", &payer, "20", "--reason", "another process changes the books"])
        .await;
    assert!(void.status.success(), "{}", String::from_utf8_lossy(&void.stderr));
    assert_eq!(account(&world, &token).await["balance"], 0, "the command told the gateways");
    let keys = redis.keys("balance").await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    let age = redis.say(&["GET", "turnpike:age"]).await;
    let age = age.lines().nth(1).unwrap().to_owned();
    for forged in ["999", "999 0", &format!("{age} 999 0")] {
        redis.say(&["SET", &keys[0], forged]).await;
        let shown = account(&world, &token).await;
        assert_eq!(shown["balance"], if forged.starts_with(&age) { 999 } else { 0 }, "{forged}");
        world.send(on_credit(&token, "nothing left")).await.must(402);
    }
    redis.flush().await;
    assert_eq!(account(&world, &token).await["balance"], 0);
    world.send(on_credit(&token, "nothing left")).await.must(402);
    redis.kill9();
    world.send(on_credit(&token, "nothing left")).await.must(402);
    bought(&world, &card).await;
    assert_eq!(account(&world, &token).await["balance"], 20);
    world.send(on_credit(&token, "with Redis down")).await.must(201);
    assert_eq!(account(&world, &token).await["balance"], 19);
    world.launch(&world.agent().await, "a wallet's").await.must(201);
    world
        .settles_at(Totals {
            settlements: 3,
            charges: 2,
            credits: 19,
            launches: 2,
            transactions: 1,
            ..BOUGHT
        })
        .await;
}

/// A balance that was kept before Redis went must not be shown once it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_changed_while_redis_was_away_is_not_shown_when_it_is_back() {
    let redis = Redis::start().await;
    let world = world_on(&redis, Setup::paid().cards()).await;
    let token = bought(&world, &Card::new()).await;
    for (trouble, left) in [("lost", 19), ("slow", 18)] {
        cache_is(&world.gateway, "ok").await;
        // What forbids to keep it, because it changed a moment ago.
        for key in redis.keys("balance").await {
            redis.say(&["DEL", &key]).await;
        }
        let kept = async || {
            assert_eq!(account(&world, &token).await["balance"], left + 1);
            if redis.keys("balance").await.len() == 1 {
                Ok(())
            } else {
                Err(String::from("it is not"))
            }
        };
        eventually("the balance is kept", Duration::from_secs(20), kept).await;
        match trouble {
            "lost" => redis.proxy.refuse().await,
            _ => redis.proxy.delay(Duration::from_secs(5)),
        }
        let watch = Stopwatch::start();
        world.send(on_credit(&token, trouble)).await.must(201);
        assert_eq!(account(&world, &token).await["balance"], left, "{trouble}");
        assert!(watch.elapsed() < NORMAL, "{trouble}: {:?}", watch.elapsed());
        match trouble {
            "lost" => redis.proxy.accept(),
            _ => redis.proxy.calm(),
        }
        cache_is(&world.gateway, "ok").await;
        assert_eq!(account(&world, &token).await["balance"], left, "{trouble}, and back");
    }
    world.settles_at(Totals { credits: 18, launches: 2, ..BOUGHT }).await;
}
