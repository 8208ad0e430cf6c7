//! How many blocks are asked for at once. Nodes limit the blocks of a question, or what it may
//! answer: the first limit holds for every question, the second for busy blocks only. So a refusal
//! halves the window, and what went well for a while doubles it again.

/// Blocks per question: what most providers allow.
pub(super) const MAX_BLOCKS: u64 = 2_000;
/// Questions that are taken before a larger one is tried.
const TAKEN_BEFORE_MORE: u32 = 16;

/// The window of one run.
pub(super) struct Window {
    most: u64,
    blocks: u64,
    taken: u32,
}

impl Window {
    /// For a node of which this is known.
    pub(super) fn new(most: u64) -> Self {
        let most = most.clamp(1, MAX_BLOCKS);
        Self { most, blocks: most, taken: 0 }
    }

    /// How many blocks to ask for.
    pub(super) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// A question was answered.
    pub(super) fn taken(&mut self) {
        self.taken = self.taken.saturating_add(1);
        if self.taken >= TAKEN_BEFORE_MORE {
            (self.taken, self.blocks) = (0, self.blocks.saturating_mul(2).min(self.most));
        }
    }

    /// A question for so many blocks was refused.
    pub(super) fn refused(&mut self, blocks: u64) {
        (self.taken, self.blocks) = (0, (blocks / 2).max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_halves_and_success_doubles_up_to_what_is_known() {
        let mut window = Window::new(9_999);
        assert_eq!(window.blocks(), MAX_BLOCKS);
        for blocks in [2_000, 1_000, 500] {
            window.refused(blocks);
        }
        assert_eq!(window.blocks(), 250);
        (1..TAKEN_BEFORE_MORE).for_each(|_| window.taken());
        assert_eq!(window.blocks(), 250);
        window.taken();
        assert_eq!(window.blocks(), 500);
        window.refused(1);
        assert_eq!((window.blocks(), Window::new(0).blocks()), (1, 1));
    }
}
