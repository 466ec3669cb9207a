//! The secrets that are valid now.

use crate::domain::name::Operator;

/// The secrets that are valid now.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Operators by name and token.
    pub operators: Vec<(Operator, String)>,
    /// Tokens of applications.
    pub apps: Vec<String>,
    /// Secrets of webhooks.
    pub webhooks: Vec<String>,
}

impl Credentials {
    /// Whether it is a webhook's secret.
    pub fn webhook(&self, presented: &[u8]) -> bool {
        self.webhooks
            .iter()
            .any(|secret| secret.as_bytes() == presented)
    }

    /// The operator whose token it is.
    pub fn operator(&self, token: &[u8]) -> Option<Operator> {
        let mut operators = self.operators.iter();
        operators
            .find(|(_, own)| own.as_bytes() == token)
            .map(|(name, _)| name.clone())
    }

    /// Whether it is an application's token.
    pub fn app(&self, token: &[u8]) -> bool {
        self.apps.iter().any(|own| own.as_bytes() == token)
    }
}
