//! Exit codes, the same for every command, so that a script can tell what went wrong without
//! reading.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[cfg_attr(
    not(feature = "sandbox"),
    expect(dead_code, reason = "one list for all commands, and the agent is not in this build")
)]
pub(super) enum Exit {
    /// Everything as asked.
    Done = 0,
    /// It was done, and something is wrong: an answer that is no success, books that do not
    /// balance.
    Failed = 1,
    /// The command line, a file that it names, or the configuration.
    Arguments = 2,
    /// Nobody answered.
    Connection = 3,
    /// Not allowed: the agent refused to pay, the payment was refused, or the books refuse the
    /// change.
    Payment = 4,
    /// What was asked for is not there.
    NotFound = 5,
    /// A dry run that would have gone on.
    DryRun = 10,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that could not do what it was asked for: the code, and a text for standard error.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) text: String,
}

// === impl Failure ===

impl Failure {
    pub(super) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// An error with everything behind it.
    pub(super) fn from_error(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self::new(exit, crate::worker::drives::chain(error))
    }

    /// Says it and gives the code.
    pub(super) fn report(self) -> ExitCode {
        eprintln!("turnpike: {}", self.text);
        self.exit.into()
    }
}
