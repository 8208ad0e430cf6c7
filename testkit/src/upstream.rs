//! An upstream that answers what it is told and remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use payments::{
    checkout::Admission,
    intent::StoredAnswer,
    ports::{LookUp, Upstream, UpstreamAnswer, UpstreamError},
};

/// The API behind us. The last answer that it was told is repeated for ever; told nothing, it
/// creates.
#[derive(Default)]
pub struct FakeUpstream {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    answers: VecDeque<UpstreamAnswer>,
    look_ups: VecDeque<LookUp>,
    closed: Option<u64>,
    without_keys: bool,
    creations: Vec<Admission>,
    looked_up: Vec<String>,
    forwarded: Vec<Admission>,
}

/// A creation's answer: 201 and this launch.
pub fn created(launch_id: &str) -> UpstreamAnswer {
    UpstreamAnswer::Created { answer: answer(201, launch_id), launch_id: launch_id.to_owned() }
}

/// A final refusal.
pub fn refused() -> UpstreamAnswer {
    UpstreamAnswer::Refused(answer(422, "refused"))
}

/// No final answer.
pub fn unknown() -> UpstreamAnswer {
    UpstreamAnswer::Unknown(String::from("timeout"))
}

/// It was not done.
pub fn turned_away() -> UpstreamAnswer {
    UpstreamAnswer::NotDone(String::from("status 401"))
}

/// A stored answer with one header and a small body.
pub fn answer(status: u16, text: &str) -> StoredAnswer {
    StoredAnswer {
        status,
        headers: vec![(String::from("content-type"), String::from("application/json"))],
        body: Bytes::from(format!("{{\"id\":\"{text}\"}}")),
    }
}

impl FakeUpstream {
    /// What the next creations are answered, in this order.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = UpstreamAnswer>) {
        self.inner().answers = answers.into_iter().collect();
    }

    /// What the next look-ups are answered, in this order; told nothing, it does not say.
    pub fn look_up_next(&self, answers: impl IntoIterator<Item = LookUp>) {
        self.inner().look_ups = answers.into_iter().collect();
    }

    /// Closes the gate for these seconds, or opens it.
    pub fn close_gate(&self, retry_after_s: Option<u64>) {
        self.inner().closed = retry_after_s;
    }

    /// It knows no idempotency keys: what is sent twice is made twice.
    pub fn forget_keys(&self) {
        self.inner().without_keys = true;
    }

    /// The creations that arrived.
    pub fn creations(&self) -> Vec<Admission> {
        self.inner().creations.clone()
    }

    /// The keys of the creations that arrived.
    pub fn creation_keys(&self) -> Vec<String> {
        self.inner()
            .creations
            .iter()
            .filter_map(|admission| admission.core_key().map(str::to_owned))
            .collect()
    }

    /// The keys that were looked up.
    pub fn looked_up(&self) -> Vec<String> {
        self.inner().looked_up.clone()
    }

    /// The other calls that arrived.
    pub fn forwarded(&self) -> Vec<Admission> {
        self.inner().forwarded.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Upstream for FakeUpstream {
    async fn create(&self, admission: Admission) -> UpstreamAnswer {
        let mut inner = self.inner();
        let launch_id = format!("launch-{}", admission.core_key().unwrap_or("without-key"));
        inner.creations.push(admission);
        next(&mut inner.answers).unwrap_or_else(|| created(&launch_id))
    }

    fn repeats_safely(&self) -> bool {
        !self.inner().without_keys
    }

    async fn look_up(&self, core_key: &str) -> LookUp {
        let mut inner = self.inner();
        inner.looked_up.push(core_key.to_owned());
        next(&mut inner.look_ups).unwrap_or_else(|| LookUp::Unreachable(String::from("silent")))
    }

    async fn forward(&self, admission: Admission) -> Result<StoredAnswer, UpstreamError> {
        self.inner().forwarded.push(admission);
        Ok(answer(200, "forwarded"))
    }

    fn gate(&self) -> Result<(), UpstreamError> {
        match self.inner().closed {
            Some(retry_after_s) => Err(UpstreamError::Busy { retry_after_s }),
            None => Ok(()),
        }
    }

    async fn ready(&self) -> Result<(), UpstreamError> {
        self.gate()
    }
}

/// The next of a list whose last element is repeated.
pub(super) fn next<T: Clone>(told: &mut VecDeque<T>) -> Option<T> {
    if told.len() > 1 { told.pop_front() } else { told.front().cloned() }
}
