//! Books that are older than the chain, as restored ones are: what was paid since is owed to
//! whoever paid it, and nobody is asked to pay again.

use std::time::Duration;

use crate::reconcile::{agrees, reconcile, verified};
use crate::support::anvil::STRANGER;
use crate::support::audit::{number, text};
use crate::support::card::unchallenged;
use crate::support::moment::{eventually, now_unix_s};
use crate::support::proof::Proof;
use crate::support::world::{PRICE, launch};
use crate::support::{Header, Reply, Setup, Wallet, World, token};

/// The gateways, once they have noted where their books begin.
async fn began(setup: Setup) -> World {
    let world = setup.start().await;
    noted(&world).await;
    world
}

async fn noted(world: &World) {
    eventually("the books' first block", Duration::from_secs(20), async || {
        match world
            .gateway
            .audit()
            .rows("SELECT mark FROM reconcile_marks WHERE name LIKE '%:first'")
            .await
            .len()
        {
            1 => Ok(()),
            count => Err(format!("{count} marks")),
        }
    })
    .await;
}

async fn held(world: &World, account: &str) -> i128 {
    let journal = world.gateway.audit().view("journal").await;
    journal
        .iter()
        .filter(|line| text(line, "account") == account)
        .map(|line| number(line, "amount"))
        .sum()
}

/// States of what is owed, each with its payer and amount.
async fn owed(world: &World) -> Vec<(String, i128, String)> {
    let owed = world.gateway.audit().view("obligations").await;
    owed.iter()
        .map(|line| (text(line, "payer"), number(line, "amount_minor"), text(line, "state")))
        .collect()
}

fn debt(wallet: &Wallet, state: &str) -> Vec<(String, i128, String)> {
    vec![(format!("wallet:{:#x}", wallet.address), i128::from(PRICE), state.to_owned())]
}

#[track_caller]
fn settled_before(reply: Reply) -> String {
    let reply = reply.refused(409, "SERVER_009");
    assert_eq!(reply.json()["reason"], "settled_before_these_books", "{}", reply.brief());
    unchallenged(&reply);
    reply.json()["retry"].as_str().unwrap().to_owned()
}

/// In every spelling, with its own body and with others, again and again: the proof opens nothing.
async fn opens_nothing(world: &World, proof: &Proof, body: &str) {
    for title in [body, "a stranger's", body] {
        for header in [proof.v2(), proof.v1()] {
            settled_before(world.create(&header, &launch(title)).await);
        }
    }
}

/// A stranger mines somebody's authorization.
async fn cashed(world: &World, proof: &Proof) {
    world.chain.send(token::transfer_with_authorization(&proof.draft, &proof.signature)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r126_what_was_paid_after_a_backup_is_owed_once_and_its_proof_opens_nothing() {
    let mut world = began(Setup::paid().own_chain()).await;
    let wallet = world.agent().await;
    let backup = world.back_up().await;
    let proof = world.proof(&wallet);
    world.create(&proof.v2(), &launch("forgotten")).await.must(201);
    let sent = self::sent(&world).await;
    world.restore(&backup).await;
    backup.dropped().await;
    assert!(world.gateway.audit().view("intents").await.is_empty());
    opens_nothing(&world, &proof, "forgotten").await;
    assert_eq!(owed(&world).await, debt(&wallet, "open"));
    assert_eq!(
        (held(&world, "asset:usdc_hot").await, world.core().launch_count()),
        (i128::from(PRICE), 1)
    );
    let of_payer = format!("liab:refund_due:wallet:{:#x}", wallet.address);
    assert_eq!(held(&world, &of_payer).await, -i128::from(PRICE));
    restart(&mut world).await;
    opens_nothing(&world, &proof, "forgotten").await;
    // Comparing the books with the chain leaves it as it is.
    for arguments in [&[][..], &["--full"]] {
        let found = ["extra_launch", "unearned_receipt"];
        let report = reconcile(&world, arguments).await.0;
        let kinds: Vec<&str> = report["differences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["kind"].as_str().unwrap())
            .collect();
        assert!(kinds.iter().all(|kind| found.contains(kind)), "{report}");
    }
    assert_eq!(
        (owed(&world).await, held(&world, "suspense:unmatched").await),
        (debt(&wallet, "open"), 0)
    );
    verified(&world).await;
    // A fresh proof of that wallet is paid with it, and is not sent; another wallet pays.
    let fresh = world.create(&world.proof(&wallet).v2(), &launch("again")).await.must(201);
    assert!(fresh.charge().starts_with("none; reason=entitlement"), "{}", fresh.brief());
    assert_eq!(self::sent(&world).await, sent, "the fresh proof was sent");
    assert_eq!(owed(&world).await, debt(&wallet, "used"));
    opens_nothing(&world, &proof, "forgotten").await;
    assert_eq!(owed(&world).await, debt(&wallet, "used"));
    let paid = world.create(&world.proof(&wallet).v2(), &launch("a third")).await.must(201);
    assert!(paid.charge().starts_with("0.55 USDC"), "{}", paid.brief());
    assert_eq!(held(&world, "asset:usdc_hot").await, 2 * i128::from(PRICE));
    verified(&world).await;
}

/// Transactions of the gateways' signers in blocks.
async fn sent(world: &World) -> u64 {
    world.totals().await.transactions
}

async fn restart(world: &mut World) {
    for gateway in world.gateways_mut() {
        assert!(gateway.sigterm().await.success(), "{}", gateway.logs());
        gateway.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r126_a_forgotten_proof_whose_time_is_over_asks_nobody_to_pay_again() {
    let world = began(Setup::paid().own_chain()).await;
    let wallet = world.agent().await;
    let mut draft = wallet.draft(&world.terms);
    draft.valid_before = now_unix_s() + 12;
    let proof = draft.sign(&wallet);
    cashed(&world, &proof).await;
    let mut unused = wallet.draft(&world.terms);
    unused.valid_before = draft_end(&proof);
    let unused = unused.sign(&wallet);
    let header: Header = proof.v2();
    eventually("the end of the proof", Duration::from_secs(30), async || {
        if now_unix_s() > draft_end(&proof) { Ok(()) } else { Err(String::from("still valid")) }
    })
    .await;
    settled_before(world.create(&header, &launch("too late")).await);
    assert_eq!(owed(&world).await, debt(&wallet, "open"));
    crate::proofs::refused_with_challenge(
        world.create(&unused.v2(), &launch("too late")).await,
        "never used",
    );
    let other = world.create(&world.proof(&wallet).v2(), &launch("in time")).await.must(201);
    assert!(other.charge().starts_with("none; reason=entitlement"), "{}", other.brief());
}

fn draft_end(proof: &Proof) -> u64 {
    proof.draft.valid_before
}

/// Kept for the operator: it is not known what was given for it.
async fn in_suspense(world: &World, proof: &Proof) {
    assert_eq!(settled_before(world.create(&proof.v2(), &launch("old")).await), "never");
    assert_eq!(
        (owed(world).await, held(world, "suspense:unmatched").await),
        (Vec::new(), -i128::from(PRICE))
    );
    opens_nothing(world, proof, "old").await;
    assert_eq!(
        (world.totals().await.settlements, held(world, "suspense:unmatched").await),
        (0, -i128::from(PRICE))
    );
    agrees(world, &["--full"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r126_what_is_older_than_the_books_or_a_known_relayers_is_in_suspense() {
    let mut world = began(Setup::paid().own_chain()).await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    cashed(&world, &proof).await;
    world.chain.mine(1).await;
    world.forget().await;
    noted(&world).await;
    in_suspense(&world, &proof).await;
    let world = began(Setup::paid().own_chain().set("x402.known_relayers", STRANGER)).await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    cashed(&world, &proof).await;
    assert_eq!(settled_before(world.create(&proof.v2(), &launch("theirs")).await), "never");
    assert_eq!(
        (owed(&world).await, held(&world, "suspense:unmatched").await),
        (Vec::new(), -i128::from(PRICE))
    );
}

/// The operator's price has changed since: what is owed pays for exactly its amount, and stays owed
/// until then.
#[tokio::test(flavor = "multi_thread")]
async fn r126_what_is_owed_pays_only_for_a_call_of_its_amount() {
    let mut world = began(Setup::paid().own_chain()).await;
    let wallet = world.agent().await;
    cashed_and_shown(&world, &wallet).await;
    crate::rotation::rotate(&mut world, &[("pricing.launch_usdc", "0.60")]).await;
    let dearer = wallet.draft(&world.terms.asking(600_000)).sign(&wallet);
    let reply = world.create(&dearer.v2(), &launch("dearer")).await.must(201);
    assert!(reply.charge().starts_with("0.60 USDC"), "{}", reply.brief());
    assert_eq!(owed(&world).await, debt(&wallet, "open"));
    crate::rotation::rotate(&mut world, &[("pricing.launch_usdc", "0.55")]).await;
    let reply = world.launch(&wallet, "its price").await.must(201);
    assert!(reply.charge().starts_with("none; reason=entitlement"), "{}", reply.brief());
    verified(&world).await;
}

async fn cashed_and_shown(world: &World, wallet: &Wallet) {
    let proof = world.proof(wallet);
    cashed(world, &proof).await;
    settled_before(world.create(&proof.v2(), &launch("shown")).await);
    assert_eq!(owed(world).await, debt(wallet, "open"));
}
