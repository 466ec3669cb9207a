//! What one client may cost.

use std::time::Duration;

/// How many connections the admin listener may have open.
const ADMIN_CONNECTIONS: usize = 256;

/// What one client may cost a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections may be open; one more is answered 503 and closed.
    pub connections: usize,
    /// How long a new connection may send nothing.
    pub first_byte: Duration,
    /// How long the head of a request may take from its first byte.
    pub head: Duration,
    /// How long a connection may wait for its next request.
    pub idle: Duration,
    /// How long a client may leave an answer unread once the network's buffers are full.
    pub write: Duration,
    /// How long requests in flight may take at shutdown.
    pub drain: Duration,
    /// The largest head of a request, in bytes.
    pub head_bytes: usize,
    /// What the body of a request may cost.
    pub body: BodyLimits,
}

/// What the body of a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The largest body, in bytes.
    pub bytes: usize,
    /// The largest body of a webhook, in bytes.
    pub webhook_bytes: usize,
    /// How long a body may take, from the head to its last byte.
    pub deadline: Duration,
}

impl Limits {
    /// The limits of the admin listener, where only probes and Prometheus come.
    #[must_use]
    pub fn admin(self) -> Self {
        Self {
            connections: ADMIN_CONNECTIONS,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            first_byte: Duration::from_secs(5),
            head: Duration::from_secs(5),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            drain: Duration::from_secs(6),
            head_bytes: 16 * 1_024,
            body: BodyLimits::default(),
        }
    }
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1_024,
            webhook_bytes: 16 * 1_024 * 1_024,
            deadline: Duration::from_secs(10),
        }
    }
}
