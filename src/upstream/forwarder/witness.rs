//! Who is told of calls to the upstream. A witness changes no outcome.

use http::HeaderMap;

/// What is said at the end of a call: the status of a whole answer, or that there was none.
pub type Told = Box<dyn FnOnce(Option<u16>) + Send>;

/// Is told of every call but the questions for health, as it leaves and as it is answered.
pub trait Witness: Send + Sync {
    /// A call is about to leave, with these headers. They may be added to, with what ties the call
    /// to the work that it is made for.
    fn leaving(&self, headers: &mut HeaderMap) -> Told;
}

/// Nobody.
pub struct NoWitness;

impl Witness for NoWitness {
    fn leaving(&self, _: &mut HeaderMap) -> Told {
        Box::new(|_| {})
    }
}
