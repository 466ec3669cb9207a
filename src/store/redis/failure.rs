//! What an error of the library means: for the connection, for the attempt, for the caller.

use redis::{ErrorKind, RedisError};

use crate::store::StoreError;

/// Why one attempt came to nothing.
pub(super) enum Failure {
    /// Somebody else wrote meanwhile.
    Conflict,
    /// Another connection may do better. If the old one was lost, what became of the commit is unknown, and its
    /// operation's identity will tell.
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
        if is_worth_another(&error) {
            Self::Lost(error)
        } else {
            Self::Final(store_error(error))
        }
    }
}

/// Whether an error means that another connection may do better.
///
/// This one broke, fell silent, or leads to a server that is not, or no longer, the one to write to.
pub(super) fn ends_connection(error: &RedisError) -> bool {
    is_lost(error)
        || leads_elsewhere(error)
        || error.kind() == ErrorKind::AuthenticationFailed
        || matches!(
            error.code(),
            Some("LOADING" | "MASTERDOWN" | "NOAUTH" | "NOREPLICAS" | "CLUSTERDOWN")
        )
}

/// Whether the server has said that it is not, or no longer, the primary.
pub(super) fn leads_elsewhere(error: &RedisError) -> bool {
    matches!(error.code(), Some("READONLY" | "MOVED" | "UNBLOCKED"))
}

/// Whether the same may be asked once more at once, on another connection.
pub(super) fn is_worth_another(error: &RedisError) -> bool {
    is_lost(error) || leads_elsewhere(error)
}

/// Whether the answer never came, so that what became of the command is unknown.
fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.kind() == ErrorKind::Parse
}

/// Says what an error of the library means for the caller.
pub(super) fn store_error(error: RedisError) -> StoreError {
    let unreadable =
        error.code() == Some("WRONGTYPE") || error.kind() == ErrorKind::UnexpectedReturnType;
    if unreadable {
        StoreError::corrupt(error)
    } else {
        StoreError::unavailable(error)
    }
}
