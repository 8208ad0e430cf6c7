//! The core behind the gateway: one launch per key, whatever gets lost on the way.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use super::{Sim, locked, scheduler::Owner};
use crate::upstream::answer;
use payments::{
    checkout::Admission,
    intent::StoredAnswer,
    ports::{LookUp, Upstream, UpstreamAnswer, UpstreamError},
    time::UnixMs,
};

/// A copy of a request that is older than this is refused by its signature
/// (contracts/launch-core.yaml, promise 5).
const SIGNATURE_MS: i64 = 300_000;
/// How long a copy may stay under way after its sender gave up, in milliseconds.
const LATE_MS: u64 = 200_000;

/// Everything that the core made.
pub struct Core {
    /// The launches by key.
    pub launches: BTreeMap<String, (String, StoredAnswer)>,
    /// What was judged refused stays so, and what was not, too: a core that changes its mind about
    /// a copy under way is another matter.
    judged: BTreeMap<String, bool>,
    /// Nothing is taken before this moment.
    pub down_until: UnixMs,
}

impl Core {
    /// Up, and empty.
    pub fn new() -> Self {
        Self { launches: BTreeMap::new(), judged: BTreeMap::new(), down_until: UnixMs::new(0) }
    }
}

/// The core as one replica reaches it.
pub struct SimCore {
    pub sim: Arc<Sim>,
}

impl SimCore {
    fn down(&self) -> bool {
        let now = self.sim.scheduler.now();
        if self.sim.chance(self.sim.odds().core_down) {
            let until = now.plus_ms(i64::try_from(1_000 + self.sim.below(90_000)).unwrap_or(0));
            locked(&self.sim.core).down_until = until;
            self.fault();
        }
        !self.sim.calm() && now < locked(&self.sim.core).down_until
    }

    fn fault(&self) {
        self.sim.count(|counts| counts.core_faults += 1);
    }

    fn unknown(&self, why: &str) -> UpstreamAnswer {
        self.fault();
        UpstreamAnswer::Unknown(why.to_owned())
    }
}

/// What the core does with a request that reached it.
fn land(sim: &Sim, key: &str, refused: bool) -> UpstreamAnswer {
    let mut core = locked(&sim.core);
    if let Some((launch_id, answer)) = core.launches.get(key) {
        return UpstreamAnswer::Created { answer: answer.clone(), launch_id: launch_id.clone() };
    }
    if *core.judged.entry(key.to_owned()).or_insert(refused) {
        return UpstreamAnswer::Refused(answer(422, "refused"));
    }
    let launch_id = format!("launch-{}", core.launches.len() + 1);
    let answer = answer(201, &launch_id);
    core.launches.insert(key.to_owned(), (launch_id.clone(), answer.clone()));
    drop(core);
    sim.check_launch(key);
    UpstreamAnswer::Created { answer, launch_id }
}

#[async_trait]
impl Upstream for SimCore {
    async fn create(&self, admission: Admission) -> UpstreamAnswer {
        let sim = &self.sim;
        let Some(key) = admission.core_key().map(str::to_owned) else {
            return self.unknown("no key");
        };
        let signed_at = sim.scheduler.now();
        let odds = sim.odds();
        let named_bad = admission.request().body.windows(5).any(|part| part == b"wrong");
        let refused = named_bad || sim.chance(odds.core_refuses);
        sim.under_way().await;
        if self.down() {
            self.fault();
            return UpstreamAnswer::NotDone(String::from("refused connection"));
        }
        if sim.chance(odds.core_lost) {
            return self.unknown("lost on the way");
        }
        if sim.chance(odds.core_late) {
            let (late, world) = (i64::try_from(sim.below(LATE_MS)).unwrap_or(0), Arc::clone(sim));
            sim.scheduler.spawn(Owner::World, async move {
                world.scheduler.pause(late).await;
                if world.scheduler.now() < signed_at.plus_ms(SIGNATURE_MS) {
                    world.trace(|| format!("core: {key} lands late"));
                    land(&world, &key, refused);
                }
            });
            return self.unknown("timeout");
        }
        let answered = land(sim, &key, refused);
        sim.under_way().await;
        if sim.chance(odds.core_reply_lost) { self.unknown("no whole answer") } else { answered }
    }

    async fn look_up(&self, core_key: &str) -> LookUp {
        self.sim.under_way().await;
        if self.down() || self.sim.chance(self.sim.odds().core_lost) {
            return LookUp::Unreachable(String::from("refused connection"));
        }
        let found = locked(&self.sim.core).launches.get(core_key).cloned();
        self.sim.under_way().await;
        match found {
            Some((launch_id, answer)) => LookUp::Found { answer, launch_id },
            None => LookUp::Absent,
        }
    }

    async fn forward(&self, _: Admission) -> Result<StoredAnswer, UpstreamError> {
        self.sim.under_way().await;
        Ok(answer(200, "read"))
    }

    fn gate(&self) -> Result<(), UpstreamError> {
        if self.down() { Err(UpstreamError::Busy { retry_after_s: 2 }) } else { Ok(()) }
    }

    async fn ready(&self) -> Result<(), UpstreamError> {
        Ok(())
    }
}
