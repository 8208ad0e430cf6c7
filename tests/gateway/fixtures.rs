//! Books of earlier versions are taken over: what was under way ends, what has ended is answered as
//! before, and auditors read the same words.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use payments::intent::State;
use tempfile::TempDir;

use crate::reconcile::verified;
use crate::support::World;
use crate::support::audit::{Line, text};
use crate::support::database::Database;
use crate::support::fixture::{Fixture, KeptPayment};
use crate::support::moment::eventually;
use crate::support::world::{creation, launch};

/// The version that ran in front of the first paying users.
const FIRST: &str = "c2edd02";
const SOON: Duration = Duration::from_secs(60);
/// The views, each with the columns that name a row of it.
const VIEWS: [(&str, &[&str]); 8] = [
    ("intents", &["id"]),
    ("settlements", &["intent_id"]),
    ("attempts", &["intent_id", "kind", "tx_hash", "stripe_key"]),
    ("credit_entries", &["payer", "kind", "intent_id", "ref"]),
    ("free_slots", &["wallet", "month", "slot"]),
    ("obligations", &["intent_id"]),
    ("journal", &["txn_id", "account", "currency", "amount"]),
    ("findings", &["kind", "key"]),
];

/// What a gateway makes of a payment that it finds under way, and what it answers to the request
/// that made it.
fn end(payment: &KeptPayment) -> (&'static str, u16) {
    let pack = payment.label.starts_with("mpp_pack");
    match State::from_word(&payment.state).unwrap() {
        State::Created => ("created", 201),
        State::Granted => ("granted", 200),
        State::Rejected => ("rejected", 400),
        State::Released => ("released", 400),
        State::PayFailed => ("pay_failed", 402),
        // The card's bank has not said yet.
        State::Submitted if payment.label.starts_with("mpp") => ("submitted", 503),
        State::Queued
        | State::Signed
        | State::Submitted
        | State::SubmitUnknown
        | State::Charged
            if pack =>
        {
            ("granted", 200)
        }
        State::Queued | State::Signed | State::Submitted | State::SubmitUnknown => ("created", 201),
        State::Forwarding | State::CoreUnknown | State::Charged => ("created", 201),
    }
}

/// The books as they were left, before any gateway of today has opened them.
async fn left(fixture: &Fixture) -> BTreeMap<&'static str, Vec<Line>> {
    let dir = TempDir::new().unwrap();
    let database = Database::make(dir.path().join("left.db"));
    database.restore(&fixture.books).await;
    read(&database).await
}

async fn read(database: &Database) -> BTreeMap<&'static str, Vec<Line>> {
    let mut all = BTreeMap::new();
    for (view, _) in VIEWS {
        all.insert(view, database.audit().view(view).await);
    }
    all
}

/// Waits until every payment stands where it ends.
async fn all_end(world: &World, payments: &[KeptPayment]) {
    let audit = world.gateway.audit();
    let ended = async || {
        let rows = audit.view("intents").await;
        let stands = |id: &str| {
            rows.iter()
                .find(|row| text(row, "id") == id)
                .map(|row| text(row, "state"))
                .unwrap_or_default()
        };
        let other = payments.iter().filter(|payment| stands(&payment.id) != end(payment).0);
        let other: Vec<String> =
            other.map(|payment| format!("{} is {}", payment.label, stands(&payment.id))).collect();
        if other.is_empty() { Ok(()) } else { Err(other.join(", ")) }
    };
    eventually("every payment ends", SOON, ended).await;
}

/// No view lost a column or a row, and what had ended reads as before.
async fn views_are_kept(world: &World, before: &BTreeMap<&'static str, Vec<Line>>) {
    let after = read(&world.gateway.database).await;
    for (view, key) in VIEWS {
        let named = |line: &Line| key.iter().map(|column| text(line, column)).collect::<Vec<_>>();
        for old in &before[view] {
            let new = after[view]
                .iter()
                .find(|new| named(new) == named(old))
                .unwrap_or_else(|| panic!("{view} lost {old:?}"));
            let kept: Vec<&String> = new.keys().take(old.len()).collect();
            assert_eq!(kept, old.keys().collect::<Vec<_>>(), "the columns of {view}");
            if view == "intents" && State::from_word(&text(old, "state")).unwrap().is_terminal() {
                assert!(
                    old.iter().all(|(column, value)| new[column] == *value),
                    "{old:?} became {new:?}"
                );
            }
        }
    }
    let words =
        |view: &str| after[view].iter().map(|line| text(line, "state")).collect::<BTreeSet<_>>();
    assert_eq!(
        words("obligations"),
        BTreeSet::from(["open", "refund_due", "refunded", "used"].map(str::to_owned))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn books_of_the_first_version_are_served() {
    let fixture = Fixture::of(FIRST);
    let before = left(&fixture).await;
    let payments = fixture.payments();
    let states: BTreeSet<&str> = payments.iter().map(|payment| payment.state.as_str()).collect();
    // A claim stands in this state only within its own commit.
    let stored =
        State::ALL.map(State::word).into_iter().filter(|word| *word != State::Queued.word());
    assert_eq!(states, stored.collect());
    let restored = fixture.start().await;
    let world = &restored.world;
    all_end(world, &payments).await;
    for payment in &payments {
        let reply = world.send(payment.call.clone()).await;
        assert_eq!(reply.status.as_u16(), end(payment).1, "{}: {}", payment.label, reply.brief());
        assert_eq!(
            reply.replayed(),
            reply.status.is_success() || reply.status == 400,
            "{}: {}",
            payment.label,
            reply.brief()
        );
    }
    let refunded = async || {
        let rows = world.gateway.audit().rows("select state from refunds").await;
        if rows.iter().all(|row| text(row, "state") == "refunded") {
            Ok(())
        } else {
            Err(format!("{rows:?}"))
        }
    };
    eventually("approved refunds go back", SOON, refunded).await;
    views_are_kept(world, &before).await;
    verified(world).await;

    // What is owed from then funds a launch of today, and nothing is taken for it.
    let wallet = fixture.wallet("open");
    let mut draft = wallet.draft(&world.terms);
    let now_s = u64::try_from(restored.clock.now_ms() / 1_000).unwrap();
    (draft.valid_after, draft.valid_before) = (now_s - 600, now_s + 300);
    let reply = world.send(creation(&draft.sign(&wallet).v2(), &launch("at last"))).await.must(201);
    assert!(reply.charge().starts_with("none"), "{}", reply.brief());
    let left_open = world
        .gateway
        .audit()
        .rows("select intent_id from audit_obligations where state = 'open'")
        .await;
    let again = payments.iter().find(|payment| payment.label == "x402_rejected_again").unwrap();
    assert_eq!(
        left_open.iter().map(|row| text(row, "intent_id")).collect::<Vec<_>>(),
        [again.id.as_str()]
    );
    // The bank has said yes.
    let processing = world
        .stripe()
        .intents()
        .into_iter()
        .find(|intent| intent["status"] == "processing")
        .unwrap();
    world.stripe().emulator.settle_intent(processing["id"].as_str().unwrap(), true).unwrap();
    let submitted =
        payments.iter().find(|payment| payment.label == "mpp_charge_submitted").unwrap();
    let created = async || match world.send(submitted.call.clone()).await {
        reply if reply.status == 201 => Ok(()),
        reply => Err(reply.brief()),
    };
    eventually("the slow card's launch", SOON, created).await;
    verified(world).await;
}
