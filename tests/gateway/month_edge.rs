//! The month of a free launch is the calendar's in UTC, whatever the host's own time zone says.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::support::anvil::Anvil;
use crate::support::audit::text;
use crate::support::world::{Totals, launch};
use crate::support::{Reply, Setup, Wallet, World};

/// The last 200 milliseconds of a March, and the first of the April after it: in Los Angeles both
/// are a 31st of March in the afternoon.
const BEFORE: &str = "2027-03-31T23:59:59.800Z";
const AFTER: &str = "2027-04-01T00:00:00.200Z";
const EDGE_UNIX_S: u64 = 1_806_537_600;

/// A gateway in California whose clock is a file, before a chain of the same time.
async fn in_california() -> (World, Clock) {
    let dir = tempfile::TempDir::new().unwrap();
    let clock = Clock { path: dir.path().join("clock"), _dir: dir };
    clock.set(BEFORE);
    let path = clock.path.display().to_string();
    let chain = Arc::new(Anvil::start_at(EDGE_UNIX_S - 60).await);
    (
        Setup::new()
            .on_chain(chain)
            .set("test.clock_file", &path)
            .set("TZ", "America/Los_Angeles")
            .start()
            .await,
        clock,
    )
}

struct Clock {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Clock {
    /// Replaced whole: the gateway may read at any moment.
    fn set(&self, time: &str) {
        let next = self.path.with_extension("next");
        std::fs::write(&next, time).unwrap();
        std::fs::rename(&next, &self.path).unwrap();
    }
}

async fn launched(world: &World, wallet: &Wallet, title: &str) -> Reply {
    let mut draft = wallet.draft(&world.terms);
    (draft.valid_after, draft.valid_before) = (EDGE_UNIX_S - 600, EDGE_UNIX_S + 300);
    world.create(&draft.sign(wallet).v2(), &launch(title)).await
}

async fn months(world: &World) -> Vec<String> {
    let slots = world
        .gateway
        .audit()
        .rows("select month, slot from audit_free_slots order by month, slot")
        .await;
    slots.iter().map(|line| format!("{} {}", text(line, "month"), text(line, "slot"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn r053_each_launch_counts_in_its_own_utc_month() {
    let (world, clock) = in_california().await;
    let wallet = world.agent().await;
    assert!(
        launched(&world, &wallet, "the last of march")
            .await
            .must(201)
            .charge()
            .ends_with("remaining=4")
    );
    clock.set(AFTER);
    assert!(
        launched(&world, &wallet, "the first of april")
            .await
            .must(201)
            .charge()
            .ends_with("remaining=4")
    );
    assert_eq!(months(&world).await, ["2027-03 1", "2027-04 1"]);
    let mut draft = wallet.draft(&world.terms.asking(0));
    (draft.valid_after, draft.valid_before) = (EDGE_UNIX_S - 600, EDGE_UNIX_S + 300);
    let (name, value) = draft.sign(&wallet).v2();
    let usage =
        world.send(crate::support::Call::get("/usage").header(name, &value)).await.must(200).json();
    assert_eq!(
        usage["data"]["limits"]["launches_per_month"],
        json!({"limit": 5, "used": 1, "remaining": 4}),
        "{usage}"
    );
    let period = &usage["data"]["billing_period"];
    assert!(period["start"].as_str().unwrap().starts_with("2027-04-01T00:00:00"), "{period}");
    assert!(period["end"].as_str().unwrap().starts_with("2027-05-01T00:00:00"), "{period}");
    world.settles_at(Totals { free_slots: 2, launches: 2, ..Totals::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r053_a_month_that_is_used_up_is_followed_by_one_with_five() {
    let (world, clock) = in_california().await;
    let wallet = world.agent().await;
    for left in (0..5).rev() {
        let reply = launched(&world, &wallet, &format!("march {left}")).await.must(201);
        assert!(reply.charge().ends_with(&format!("remaining={left}")), "{}", reply.brief());
    }
    clock.set(AFTER);
    for left in (0..5).rev() {
        let reply = launched(&world, &wallet, &format!("april {left}")).await.must(201);
        assert!(reply.charge().ends_with(&format!("remaining={left}")), "{}", reply.brief());
    }
    // The clock of a replica may be behind: what is used up stays used up.
    clock.set(BEFORE);
    assert_eq!(world.gateway.audit().view("free_slots").await.len(), 10);
    world.settles_at(Totals { free_slots: 10, launches: 10, ..Totals::default() }).await;
}
