//! Actions of operators whose answer is lost on the way: each is done once.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::{
    credits::{BOUGHT, account, bought, card_world, payer},
    lost_answers::two_processes,
    operator_actions::act,
    support::{
        Call, Card, moment::Stopwatch, one_store::left_out, postgres_proxy::CommitPoint,
        world::Totals,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r114_a_grant_whose_answer_is_lost_is_made_once() {
    if left_out() {
        return;
    }
    let world = two_processes().await;
    let token = bought(&world, &Card::new()).await;
    let target = format!("/operator/api/credits/{}/grant", payer(&world).await);
    let grant = |name: &str| {
        let call =
            Call::new("POST", &target).json(&json!({"credits": 3, "reason": "a lost launch"}));
        call.header("x-turnpike-desk", "1").header("idempotency-key", name)
    };
    for outage_s in [0, 6] {
        let name = format!("ticket-{outage_s}");
        let mut commit = world.databases[0].trap_commit(CommitPoint::After);
        let (call, operator) = (grant(&name), world.gateway.operator);
        let request = tokio::spawn(async move { call.try_send(operator).await });
        commit.reached().await;
        for database in &world.databases {
            database.weather.refuse().await;
        }
        commit.release();
        sleep(Duration::from_secs(outage_s)).await;
        world.databases.iter().for_each(|database| database.weather.accept());
        let mut reply = request.await.unwrap().expect("an answer");
        let watch = Stopwatch::start();
        while reply.status == 503 {
            assert!(watch.elapsed() < Duration::from_secs(30), "{}", reply.brief());
            sleep(Duration::from_millis(500)).await;
            reply = grant(&name).send(operator).await;
        }
        reply.must(200);
    }
    assert_eq!(account(&world, &token).await["balance"], 26);
    world.settles_at(Totals { credits: 26, ..BOUGHT }).await;
}

/// Without a fault: the name decides, on every kind of books and by every way in.
#[tokio::test(flavor = "multi_thread")]
async fn r114_an_action_is_done_once_under_its_name() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    let (payer, body) = (payer(&world).await, json!({"credits": 3, "reason": "a lost launch"}));
    let target = format!("credits/{payer}/grant");
    let named = |body: &serde_json::Value| {
        let call = Call::new("POST", &format!("/operator/api/{target}"))
            .json(body)
            .header("x-turnpike-desk", "1");
        call.header("idempotency-key", "ticket 7")
    };
    for _ in 0..2 {
        named(&body).send(world.gateway.operator).await.must(200);
        assert_eq!(account(&world, &token).await["balance"], 23);
    }
    // Another change under the same name is a mistake.
    named(&json!({"credits": 4, "reason": "a lost launch"}))
        .send(world.gateway.operator)
        .await
        .refused(409, "SERVER_009");
    for _ in 0..2 {
        let run = world
            .gateway
            .run(&["credits", "void", &payer, "2", "--reason", "too many", "--name", "ticket 8"])
            .await;
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(account(&world, &token).await["balance"], 21);
    }
    // Without a name each is a change of its own.
    act(&world, &target, &body).await.must(200);
    act(&world, &target, &body).await.must(200);
    assert_eq!(account(&world, &token).await["balance"], 27);
    world.settles_at(Totals { credits: 27, ..BOUGHT }).await;
}
