//! Whether the upstream is there. One question serves everybody who asks meanwhile, its answer
//! holds for a second, and no answer is waited for longer than a few seconds: an upstream whose
//! health hangs costs each request that long, however many there are.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use payments::{
    ports::{Clock, UpstreamError},
    time::UnixMs,
};
use tokio::sync::watch;

/// How long an answer holds.
const HOLDS_MS: i64 = 1_000;
/// How long the upstream may take to say that it is there.
const TIMEOUT: Duration = Duration::from_secs(3);

type Said = Result<(), UpstreamError>;

/// What the upstream said of itself last, and the question that is open.
#[derive(Default)]
pub(super) struct HealthWatch {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    known: Option<(Said, UnixMs)>,
    open: Option<watch::Receiver<Option<Said>>>,
}

// === impl HealthWatch ===

impl HealthWatch {
    /// The answer that still holds, or that of the question that is open; otherwise asks.
    pub(super) async fn ask(
        &self,
        clock: &Arc<dyn Clock>,
        question: impl Future<Output = Said> + Send + 'static,
    ) -> Said {
        let mut answer = match self.known_or_open(clock, question) {
            Ok(known) => return known,
            Err(open) => open,
        };
        let said = answer.wait_for(Option::is_some).await;
        said.ok().and_then(|said| said.clone()).unwrap_or_else(|| {
            Err(UpstreamError::Unreachable(String::from("its health was not asked")))
        })
    }

    /// The question goes on though its first asker hangs up.
    fn known_or_open(
        &self,
        clock: &Arc<dyn Clock>,
        question: impl Future<Output = Said> + Send + 'static,
    ) -> Result<Said, watch::Receiver<Option<Said>>> {
        let now = clock.now();
        let mut state = lock(&self.state);
        if let Some((said, at)) = &state.known
            && now >= *at
            && now < at.plus_ms(HOLDS_MS)
        {
            return Ok(said.clone());
        }
        // A sender that is gone without an answer was cut off.
        if let Some(open) = state.open.as_ref().filter(|open| open.has_changed().is_ok()) {
            return Err(open.clone());
        }
        let (tell, open) = watch::channel(None);
        state.open = Some(open.clone());
        let (shared, clock) = (Arc::clone(&self.state), Arc::clone(clock));
        tokio::spawn(async move {
            let said = tokio::time::timeout(TIMEOUT, question).await.unwrap_or_else(|_| {
                Err(UpstreamError::Unreachable(format!(
                    "its health does not answer within {} s",
                    TIMEOUT.as_secs()
                )))
            });
            let mut state = lock(&shared);
            state.known = Some((said.clone(), clock.now()));
            state.open = None;
            tell.send_replace(Some(said));
        });
        Err(open)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use testkit::clock::{HandClock, START};

    use super::*;

    #[tokio::test]
    async fn one_question_serves_all_and_its_answer_holds_for_a_second() {
        let hand = Arc::new(HandClock::at(START));
        let clock: Arc<dyn Clock> = hand.clone();
        let (watch, asked) = (HealthWatch::default(), Arc::new(AtomicUsize::new(0)));
        let question = || {
            let asked = Arc::clone(&asked);
            async move {
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Err(UpstreamError::Unreachable(String::from("away")))
            }
        };
        let answers =
            futures::future::join_all((0..50).map(|_| watch.ask(&clock, question()))).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        watch.ask(&clock, question()).await.unwrap_err();
        assert_eq!(asked.load(Ordering::Relaxed), 1, "what it said holds");
        hand.turn_ms(HOLDS_MS);
        watch.ask(&clock, question()).await.unwrap_err();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_question_goes_on_without_its_first_asker() {
        let clock: Arc<dyn Clock> = Arc::new(HandClock::at(START));
        let watch = HealthWatch::default();
        let mut first = Box::pin(watch.ask(&clock, async {
            tokio::task::yield_now().await;
            Ok(())
        }));
        assert!(futures::poll!(&mut first).is_pending());
        drop(first);
        assert_eq!(watch.ask(&clock, std::future::pending()).await, Ok(()));
    }
}
