//! Pseudo-random numbers that depend on a seed.

/// A generator of such numbers (splitmix64).
pub struct Random(u64);

impl Random {
    /// Returns the stream of a seed: the same seed gives the same numbers.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Returns a number below a limit, which is more than zero.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("it is below the limit")
    }

    /// Returns true once in `one_in` calls on average.
    pub fn one_in(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    /// Returns a random element.
    pub fn choose<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
