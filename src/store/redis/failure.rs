//! Why an attempt to write was not done.

use redis::RedisError;

use super::connection::{is_lost, store_error};
use crate::store::StoreError;

/// Why one attempt came to nothing.
pub(super) enum Failure {
    /// Somebody else wrote meanwhile.
    Conflict,
    /// The connection was lost: what became of the commit is unknown, and its operation's identity will tell.
    Lost(RedisError),
    /// Another attempt would do no better.
    Final(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        if is_lost(&error) {
            Self::Lost(error)
        } else {
            Self::Final(store_error(error))
        }
    }
}
