use super::*;

#[tokio::test]
async fn the_core_makes_one_launch_per_key_and_can_be_taken_away() {
    use crate::support::Call;
    let core = FakeCore::start().await;
    let call = Call::new("POST", "/launches")
        .header("idempotency-key", "k1")
        .header("x-turnpike-agent", "wallet:0x1")
        .json(&json!({"title": "t", "platforms": ["twitter"]}));
    let first = call.send(core.server.address).await.must(201);
    let again = call.send(core.server.address).await.must(201);
    assert_eq!(first.launch_id(), again.launch_id());
    assert_eq!(core.launch_count(), 1);
    core.server.down().await;
    assert!(call.try_send(core.server.address).await.is_err());
    core.server.up().await;
    core.behave(Behaviour::Reject);
    call.send(core.server.address).await.refused(400, "LAUNCH_007");
    let found = Call::get("/_core/launches/by-key/k1");
    assert_eq!(found.send(core.server.address).await.launch_id(), first.launch_id());
    let stranger = Call::get(&format!("/launches/{}", first.launch_id()));
    stranger.send(core.server.address).await.refused(404, "LAUNCH_001");
}
