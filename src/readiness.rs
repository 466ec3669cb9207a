//! Whether the process can serve: latches that each part holds until it first can.

use std::sync::{Arc, Weak};

/// Whether every latch is gone.
#[derive(Clone, Debug)]
pub struct Readiness(Weak<()>);

/// Held by a part of the service until it can first serve; a copy for each such part.
#[derive(Clone, Debug)]
pub struct Latch {
    _held: Arc<()>,
}

/// Makes a readiness and its first latch.
pub fn readiness() -> (Readiness, Latch) {
    let held = Arc::new(());
    (Readiness(Arc::downgrade(&held)), Latch { _held: held })
}

impl Readiness {
    /// Whether every part can serve; once it is so, it stays so.
    pub fn is_ready(&self) -> bool {
        self.0.strong_count() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_the_last_latch_is_gone() {
        let (readiness, latch) = readiness();
        let another = latch.clone();
        drop(latch);
        assert!(!readiness.is_ready());
        drop(another);
        assert!(readiness.is_ready());
    }
}
