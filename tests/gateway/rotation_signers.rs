//! The signer of a gateway changes while its transactions are open.

use std::time::Duration;

use alloy_primitives::U256;
use serde_json::json;

use crate::proof_shapes::one_paid;
use crate::rotation::{KEYS, doctor_says, rotate, set};
use crate::settlement::until_created;
use crate::support::audit::{number, text};
use crate::support::trap::Point;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Setup, Wallet, World};

/// A signer with gas.
async fn fresh_signer(world: &World) -> Wallet {
    let signer = Wallet::random();
    world.chain.set_balance(signer.address, U256::from(10).pow(U256::from(18))).await;
    world.secrets.add(&signer.key_hex());
    signer
}

/// The saved transactions, oldest first: who signed them, under which nonce, what they do.
async fn attempts(world: &World) -> Vec<(String, i128, String)> {
    let lines = world
        .gateway
        .audit()
        .rows("select signer, eoa_nonce, kind from attempts order by seq")
        .await;
    lines
        .iter()
        .map(|line| (text(line, "signer"), number(line, "eoa_nonce"), text(line, "kind")))
        .collect()
}

fn name(signer: &Wallet) -> String {
    signer.address.to_string().to_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_waits_under_the_old_signer_is_finished_and_the_next_one_has_the_new() {
    let setup = Setup::paid()
        .alone(KEYS)
        .own_chain()
        .set("x402.fee_bump_after_s", "2")
        .set("x402.max_fee_gwei", "500");
    let mut world = setup.start().await;
    let (first, second) = (world.agent().await, world.agent().await);
    let header = world.proof(&first).v2();
    world.chain.set_automine(false).await;
    let _request = world.begin(creation(&header, &launch("stuck")));
    world.chain.until_pending(world.signer.address, 1).await;
    world.gateway.kill9();
    // From now on it is below the base fee: only another transaction under its nonce can be mined.
    let latest = world.chain.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
    let base_fee: U256 = latest["baseFeePerGas"].as_str().unwrap().parse().unwrap();
    world.chain.rpc("anvil_setNextBlockBaseFeePerGas", json!([base_fee * U256::from(50)])).await;
    world.chain.mine(1).await;
    world.chain.set_automine(true).await;
    assert_eq!(world.chain.tx_count(world.signer.address).await, 0);
    let (old, new) = (world.signer.key_hex(), fresh_signer(&world).await);
    set(&mut world, &[("x402.signer_key", &new.key_hex()), ("x402.other_signer_keys", &old)]);
    world.gateway.restart().await;
    until_created(&world, &header, "stuck").await;
    let so_far = attempts(&world).await;
    assert!(
        so_far.len() >= 2
            && so_far
                .iter()
                .all(|(signer, nonce, _)| (signer, *nonce) == (&name(&world.signer), 0)),
        "{so_far:?}"
    );
    world.settles_at(one_paid()).await;
    world.launch(&second, "next").await.must(201);
    assert_eq!(attempts(&world).await.last(), Some(&(name(&new), 0, "transfer".to_owned())));
    assert_eq!(
        (world.chain.tx_count(world.signer.address).await, world.chain.tx_count(new.address).await),
        (1, 1)
    );
    let open = world.gateway.audit().rows("select * from attempts where nonce_closed = 0").await;
    assert!(open.is_empty(), "{open:?}");
    world
        .settles_at(Totals { settlements: 2, transactions: 1, launches: 2, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_bytes_settle_without_the_key_that_signed_them() {
    let mut world = Setup::paid().alone(KEYS).proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let mut trap = world.proxy().trap("eth_sendRawTransaction", Point::BeforeSend);
    let _request = world.begin(creation(&header, &launch("saved")));
    trap.reached().await;
    world.gateway.kill9();
    let new = fresh_signer(&world).await;
    set(&mut world, &[("x402.signer_key", &new.key_hex())]);
    world.gateway.restart().await;
    world.settles_at(one_paid()).await;
    assert!(world.create(&header, &launch("saved")).await.must(201).replayed());
    assert_eq!((world.chain.tx_count(new.address).await, attempts(&world).await.len()), (0, 1));
    let logs = world.gateway.logs();
    assert_eq!(logs.matches("signer.key_not_here").count(), 1, "{logs}");
}

/// A transfer that was never sent and is too late: only its signer can fill the gap. Nobody else
/// stumbles over it.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_nonce_waits_for_the_key_of_its_signer_and_holds_up_nobody() {
    let mut world = Setup::paid().alone(KEYS).own_chain().proxied().start().await;
    let (first, second) = (world.agent().await, world.agent().await);
    let mut trap = world.proxy().trap("eth_sendRawTransaction", Point::BeforeSend);
    let _request = world.begin(creation(&world.proof(&first).v2(), &launch("too late")));
    trap.reached().await;
    world.gateway.kill9();
    world.chain.pass_s(400).await;
    let (old, new) = (world.signer.key_hex(), fresh_signer(&world).await);
    set(&mut world, &[("x402.signer_key", &new.key_hex())]);
    world.gateway.restart().await;
    world.settles_at(Totals::default()).await;
    let says = doctor_says(&world, "signers").await;
    let unknown = format!("1 nonces are open under {}, whose key is not here", name(&world.signer));
    assert_eq!(
        (says.len(), &says[0]["level"], &says[0]["says"]),
        (1, &"warn".into(), &unknown.into()),
        "{says:?}"
    );
    let mut draft = second.draft(&world.terms);
    // The chain's time runs ahead of ours.
    draft.valid_before += 1_000;
    world.create(&draft.sign(&second).v2(), &launch("meanwhile")).await.must(201);
    rotate(&mut world, &[("x402.other_signer_keys", &old)]).await;
    let closed = async || match world.chain.tx_count(world.signer.address).await {
        1 => Ok(()),
        count => Err(format!("{count} transactions of the old signer")),
    };
    world.gateway.until("the nonce is used", Duration::from_secs(60), closed).await;
    let all = attempts(&world).await;
    assert!(all.contains(&(name(&world.signer), 0, "void".to_owned())), "{all:?}");
    let may_be_dropped = async || {
        let says = doctor_says(&world, "signers").await;
        let text = says[0]["says"].as_str().unwrap_or_default().to_owned();
        if text.starts_with(&format!("nothing is open under {}", name(&world.signer))) {
            Ok(())
        } else {
            Err(text)
        }
    };
    world
        .gateway
        .until("the old key may be dropped", Duration::from_secs(60), may_be_dropped)
        .await;
}
