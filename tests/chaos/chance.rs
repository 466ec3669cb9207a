//! Randomness that can be had again.

/// A sequence that looks random and is the same for the same seed (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// Begins with the seed in `AUTOLOG_SEED`, or with another one each time, and prints it.
    pub(crate) fn new() -> Self {
        let seed = std::env::var("AUTOLOG_SEED").map_or_else(
            |_| u64::from(std::process::id()),
            |text| text.parse().unwrap(),
        );
        println!("AUTOLOG_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
