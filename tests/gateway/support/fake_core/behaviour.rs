//! What the core can be told to do with a creation.

/// What the core does with a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// 201, once per `Idempotency-Key`.
    Create,
    /// A final 400 LAUNCH_007.
    Reject,
    /// 500, nothing made.
    Fail,
    /// Breaks the connection, nothing made.
    Reset,
    /// Never answers, nothing made.
    Hang,
    /// Makes the launch and never answers.
    CreateThenHang,
    /// Makes the launch and answers half of its JSON.
    Truncate,
    /// Makes the launch and answers 201 without its id.
    NoId,
    /// Makes the launch and answers 50 MB.
    Huge,
    /// Makes the launch and answers 201 with a page for people.
    Page,
    /// Makes the launch and calls the right answer a page.
    WrongType,
    /// Makes the launch and answers two seconds later.
    Slow,
}
