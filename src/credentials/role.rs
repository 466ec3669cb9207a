//! What secrets are for.

use super::{OPERATOR_TOKEN_FILE, WEBHOOK_SECRET_FILE};

/// What a secret lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Post alerts.
    Webhook,
    /// Everything else.
    Operator,
    /// Check, watch and count errors.
    App,
}

impl Role {
    /// The variable that holds the secrets of this role; with `_FILE`, the one that names their file.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Webhook => "AUTOLOG_WEBHOOK_SECRET",
            Self::Operator => "AUTOLOG_OPERATOR_TOKENS",
            Self::App => "AUTOLOG_APP_TOKENS",
        }
    }

    /// The file in the data directory that a secret of this role is generated into, if it is.
    pub const fn generated_name(self) -> Option<&'static str> {
        match self {
            Self::Webhook => Some(WEBHOOK_SECRET_FILE),
            Self::Operator => Some(OPERATOR_TOKEN_FILE),
            Self::App => None,
        }
    }
}
