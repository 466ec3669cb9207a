//! Room for the bodies of webhooks, which may be long: what does not fit is refused at once, and sent again later.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;

/// How many webhooks may be in progress.
const PLACES: usize = 64;
/// So much of each body takes no more than its place, so that long webhooks never stand in the way of short ones.
const SHORT: usize = 64 * 1_024;
/// How many bytes of what is longer take one share.
const SHARE: usize = 64 * 1_024;
/// How many shares there are, unless the longest body needs more: 32 MiB.
const SHARES: usize = 512;

/// Room for the webhooks in progress, shared by all of them.
#[derive(Clone, Debug)]
pub struct Room {
    places: Arc<Semaphore>,
    shares: Arc<Semaphore>,
}

/// What one webhook takes of it, until it is dropped.
#[derive(Debug)]
pub struct Occupied {
    room: Room,
    _place: OwnedSemaphorePermit,
    shares: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Room enough for a body of `longest` bytes.
    #[must_use]
    pub fn of(longest: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(PLACES)),
            shares: Arc::new(Semaphore::new(SHARES.max(shares(longest)))),
        }
    }

    /// Takes room for one webhook of which nothing is known yet.
    pub(super) fn enter(&self) -> Result<Occupied, ApiError> {
        Ok(Occupied {
            _place: take(&self.places, 1)?,
            room: self.clone(),
            shares: None,
        })
    }
}

impl Occupied {
    /// Takes what a body of so many bytes needs besides.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        let taken = self
            .shares
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = shares(bytes).saturating_sub(taken);
        if missing == 0 {
            return Ok(());
        }
        let more = take(&self.room.shares, missing)?;
        match &mut self.shares {
            Some(shares) => shares.merge(more),
            None => self.shares = Some(more),
        }
        Ok(())
    }
}

/// How many shares a body of so many bytes takes.
const fn shares(bytes: usize) -> usize {
    bytes.saturating_sub(SHORT).div_ceil(SHARE)
}

fn take(room: &Arc<Semaphore>, permits: usize) -> Result<OwnedSemaphorePermit, ApiError> {
    let permits = u32::try_from(permits).unwrap_or(u32::MAX);
    let taken = Arc::clone(room).try_acquire_many_owned(permits);
    taken.map_err(|_full| ApiError::Overloaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 16 * 1_024 * 1_024;

    #[test]
    fn sixty_four_short_webhooks_fit_and_no_more() {
        let room = Room::of(LONGEST);
        let mut all: Vec<Occupied> = (0..PLACES).map(|_| room.enter().unwrap()).collect();
        for one in &mut all {
            one.grow(SHORT).unwrap();
        }
        assert!(matches!(room.enter(), Err(ApiError::Overloaded)));
        all.pop();
        assert!(room.enter().is_ok());
        assert_eq!(room.shares.available_permits(), SHARES);
    }

    #[test]
    fn two_of_the_longest_leave_room_for_short_ones_and_give_theirs_back() {
        let room = Room::of(LONGEST);
        let (mut one, mut two) = (room.enter().unwrap(), room.enter().unwrap());
        one.grow(LONGEST).unwrap();
        two.grow(LONGEST / 2).unwrap();
        two.grow(LONGEST).unwrap();
        two.grow(100).unwrap();
        let mut third = room.enter().unwrap();
        third.grow(SHORT).unwrap();
        let refused = third.grow(LONGEST / 2);
        assert!(matches!(refused, Err(ApiError::Overloaded)));
        drop(one);
        third.grow(LONGEST).unwrap();
        drop((two, third));
        assert_eq!(room.places.available_permits(), PLACES);
        assert_eq!(room.shares.available_permits(), SHARES);
    }

    #[test]
    fn the_longest_body_that_is_configured_always_fits_into_empty_room() {
        let longest = 1_024 * 1_024 * 1_024;
        assert!(Room::of(longest).enter().unwrap().grow(longest).is_ok());
    }
}
