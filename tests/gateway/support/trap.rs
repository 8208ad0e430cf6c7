//! A foreign call stopped at an exact point, so that a test can act there: kill the caller, lock
//! its books, change the world.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::server::Answer;

/// How long a call may take to its trap, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(300);

/// Where in a foreign call the trap snaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The call has left its caller and reaches nobody.
    BeforeSend,
    /// The call is on its way to its callee; no answer comes back.
    AfterSend,
    /// The callee has done its work and answered; the answer is held.
    AfterEffect,
    /// The answer has been handed back.
    AfterReply,
}

impl Point {
    pub const ALL: [Self; 4] =
        [Self::BeforeSend, Self::AfterSend, Self::AfterEffect, Self::AfterReply];
}

/// A trap as the test holds it.
pub struct Trap {
    reached: watch::Receiver<bool>,
    open: watch::Sender<bool>,
}

/// A trap as the bench part holds it: for the first call that contains `needle`.
pub struct Armed {
    needle: String,
    at: Point,
    reached: watch::Sender<bool>,
    open: watch::Receiver<bool>,
}

/// A trap for the next call whose text contains `needle`.
pub fn arm(needle: &str, at: Point) -> (Trap, Armed) {
    let (trap, reached, open) = Trap::new();
    (trap, Armed { needle: needle.to_owned(), at, reached, open })
}

/// Takes the first armed trap that this call springs.
pub fn sprung(armed: &mut Vec<Armed>, call: &str) -> Option<Armed> {
    let at = armed.iter().position(|trap| call.contains(&trap.needle))?;
    Some(armed.remove(at))
}

impl Trap {
    /// A trap, and its other half: how the call says that it is there, and how it hears that it may
    /// go on.
    pub fn new() -> (Self, watch::Sender<bool>, watch::Receiver<bool>) {
        let (reached, seen) = watch::channel(false);
        let (open, gate) = watch::channel(false);
        (Self { reached: seen, open }, reached, gate)
    }

    /// Waits until the call has come to the point.
    pub async fn reached(&mut self) {
        let reached = self.reached.wait_for(|reached| *reached);
        drop(
            tokio::time::timeout(LIMIT, reached)
                .await
                .expect("the call comes to the point")
                .unwrap(),
        );
    }

    /// Lets a held answer go on; a call that was held before its callee is lost.
    pub fn release(&self) {
        let _ = self.open.send(true);
    }
}

impl Armed {
    /// Runs the call up to the point and no further until the test lets it.
    pub async fn run(mut self, forward: BoxFuture<'static, Answer>) -> Answer {
        match self.at {
            Point::BeforeSend => {
                self.snap().await;
                Err(gone())
            }
            Point::AfterSend => {
                tokio::spawn(forward);
                self.snap().await;
                Err(gone())
            }
            Point::AfterEffect => {
                let answer = forward.await;
                self.snap().await;
                answer
            }
            Point::AfterReply => {
                let answer = forward.await;
                tokio::spawn(async move {
                    // The answer is written when this function has returned.
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    self.reached.send_replace(true);
                });
                answer
            }
        }
    }

    async fn snap(&mut self) {
        self.reached.send_replace(true);
        // A test that forgot its trap lets everything go.
        let _ = self.open.wait_for(|open| *open).await;
    }
}

fn gone() -> std::io::Error {
    std::io::Error::other("the call is lost")
}

#[tokio::test]
async fn a_trap_snaps_once_and_at_its_point() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    for at in Point::ALL {
        let effects = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&effects);
        let forward = Box::pin(async move {
            counter.fetch_add(1, Ordering::SeqCst);
            super::server::json(200, &serde_json::Value::Null)
        });
        let (mut trap, armed) = arm("this one", at);
        let mut list = vec![armed];
        assert!(sprung(&mut list, "elsewhere in").is_none());
        let armed = sprung(&mut list, "and this one").unwrap();
        assert!(sprung(&mut list, "and this one").is_none());
        let call = tokio::spawn(armed.run(forward));
        trap.reached().await;
        let done = effects.load(Ordering::SeqCst);
        match at {
            Point::BeforeSend => assert_eq!(done, 0),
            Point::AfterSend => {}
            Point::AfterEffect | Point::AfterReply => assert_eq!(done, 1),
        }
        trap.release();
        let answered = call.await.unwrap().is_ok();
        assert_eq!(answered, matches!(at, Point::AfterEffect | Point::AfterReply), "{at:?}");
    }
}
