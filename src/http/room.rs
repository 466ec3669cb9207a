//! Room for the bodies of webhooks, which may be long: what does not fit is refused at once, and sent again later.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;

/// How many bytes of a body take one share; a webhook takes one at least.
const SHARE: usize = 512 * 1_024;
/// How many shares there are, unless the longest body needs more: two of 16 MiB, or 64 usual ones.
const SHARES: usize = 64;

/// Room for the webhooks in progress, shared by all of them.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

/// What one webhook takes of it, until it is dropped.
#[derive(Debug)]
pub struct Share {
    room: Room,
    taken: OwnedSemaphorePermit,
}

impl Room {
    /// Room enough for a body of `longest` bytes.
    #[must_use]
    pub fn of(longest: usize) -> Self {
        let shares = SHARES.max(longest.div_ceil(SHARE));
        Self(Arc::new(Semaphore::new(shares.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes room for one webhook of which nothing is known yet.
    pub(super) fn enter(&self) -> Result<Share, ApiError> {
        Ok(Share {
            taken: self.take(1)?,
            room: self.clone(),
        })
    }

    fn take(&self, shares: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let shares = u32::try_from(shares).unwrap_or(u32::MAX);
        let taken = Arc::clone(&self.0).try_acquire_many_owned(shares);
        taken.map_err(|_full| ApiError::Overloaded)
    }
}

impl Share {
    /// Takes what a body of so many bytes needs besides.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        let missing = bytes
            .div_ceil(SHARE)
            .saturating_sub(self.taken.num_permits());
        if missing > 0 {
            self.taken.merge(self.room.take(missing)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        Room::of(16 * 1_024 * 1_024)
    }

    #[test]
    fn sixty_four_short_webhooks_fit_and_no_more() {
        let room = room();
        let mut shares: Vec<Share> = (0..SHARES).map(|_| room.enter().unwrap()).collect();
        for share in &mut shares {
            share.grow(1).unwrap();
        }
        assert!(matches!(room.enter(), Err(ApiError::Overloaded)));
        shares.pop();
        assert!(room.enter().is_ok());
    }

    #[test]
    fn a_body_takes_what_it_has_grown_to_and_gives_it_back() {
        let room = room();
        let (mut one, mut two) = (room.enter().unwrap(), room.enter().unwrap());
        one.grow(16 * 1_024 * 1_024).unwrap();
        two.grow(1_024 * 1_024).unwrap();
        two.grow(16 * 1_024 * 1_024).unwrap();
        two.grow(100).unwrap();
        assert!(room.enter().is_err());
        drop(one);
        assert!(matches!(
            two.grow(48 * 1_024 * 1_024),
            Err(ApiError::Overloaded)
        ));
        drop(two);
        assert_eq!(room.0.available_permits(), SHARES);
    }

    #[test]
    fn the_longest_body_that_is_configured_always_fits_into_empty_room() {
        let longest = 1_024 * 1_024 * 1_024;
        let room = Room::of(longest);
        assert!(room.enter().unwrap().grow(longest).is_ok());
    }
}
