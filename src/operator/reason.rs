//! Why an operator changes something: asked for by every change, on the page, over the API and by
//! commands.

/// Longest reason that the books keep, in characters.
pub const LONGEST: usize = 500;
/// What a reason must be.
pub const EXPECTED: &str = "why, in 1 to 500 characters, on one line";

/// Reads a reason; the books keep it without the space around it.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("a change needs a reason"),
        text if text.chars().count() > LONGEST => Err("a reason has at most 500 characters"),
        text if text.chars().any(char::is_control) => Err("a reason has no control characters"),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_says_something() {
        assert_eq!(read("  the agent asked "), Ok(String::from("the agent asked")));
        assert!(read(&"é".repeat(LONGEST)).is_ok());
        for wrong in ["", "  ", "two\nlines", "bell\u{7}", &"x".repeat(LONGEST + 1)] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
