//! Books that are taken to another chain, or another token: refused before anything is served,
//! whatever the books know of it.

use serde_json::json;

use crate::proof_shapes::one_paid;
use crate::rotation::{KEYS, doctor_says};
use crate::support::anvil::{ASSET, Anvil};
use crate::support::token;
use crate::support::world::launch;
use crate::support::{Setup, World};

const OTHER_CHAIN: u64 = 31_337;
const OTHER_TOKEN: &str = "0x1111111111111111111111111111111111111111";

/// The same books are started with other settings: they are refused, in words that hold these.
async fn refused(world: &mut World, settings: &[(&str, &str)], says: &[&str]) {
    let before: Vec<String> =
        settings.iter().map(|(key, _)| world.gateway.setting(key).to_owned()).collect();
    settings.iter().for_each(|(key, value)| world.gateway.set(key, value));
    let doctor = doctor_says(world, "books_chain").await;
    assert!(doctor.iter().any(|line| line["level"] == "FAIL"), "{doctor:?}");
    world.gateway.spawn();
    let status = world.gateway.wait_end().await;
    let said = world.gateway.logs();
    assert_ne!(status.code(), Some(0), "{said}");
    for word in says {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
    settings.iter().zip(before).for_each(|((key, _), value)| world.gateway.set(key, &value));
}

#[tokio::test(flavor = "multi_thread")]
async fn r119_books_are_refused_on_another_chain_and_with_another_token() {
    let mut world = Setup::paid().alone(KEYS).own_chain().start().await;
    let wallet = world.agent().await;
    world.launch(&wallet, "paid").await.must(201);
    let other = Anvil::on(OTHER_CHAIN).await;
    assert!(world.gateway.sigterm().await.success());
    let chain = OTHER_CHAIN.to_string();
    let url = other.url();
    let settings = [("x402.chain_id", chain.as_str()), ("x402.rpc_url", url.as_str())];
    refused(&mut world, &settings, &["x402.chain_id", "eip155:84532", "eip155:31337"]).await;
    world.chain.rpc("anvil_setCode", json!([OTHER_TOKEN, token::runtime_code()])).await;
    refused(
        &mut world,
        &[("x402.asset", OTHER_TOKEN)],
        &["x402.asset", &ASSET.to_lowercase(), OTHER_TOKEN],
    )
    .await;
    world.gateway.restart().await;
    world.settles_at(one_paid()).await;
    world.create(&world.proof(&wallet).v2(), &launch("the right chain")).await.must(201);
}

/// Books of a release that kept no mark are known by what is in them.
#[tokio::test(flavor = "multi_thread")]
async fn r119_books_without_a_mark_are_known_by_their_payments() {
    let mut world = Setup::paid().alone(KEYS).own_chain().start().await;
    let wallet = world.agent().await;
    world.launch(&wallet, "paid").await.must(201);
    assert!(world.gateway.sigterm().await.success());
    let forget = "DELETE FROM key_marks WHERE name = 'x402.token'";
    world.gateway.database.writer().await.execute(forget, forget).await;
    let other = Anvil::on(OTHER_CHAIN).await;
    let (chain, url) = (OTHER_CHAIN.to_string(), other.url());
    refused(
        &mut world,
        &[("x402.chain_id", chain.as_str()), ("x402.rpc_url", url.as_str())],
        &["eip155:84532"],
    )
    .await;
    world.gateway.restart().await;
    world.settles_at(one_paid()).await;
}
