//! Validated names: what may become a key, a label or a log field.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text;

/// Why a text is no valid name. Never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("must not be empty")]
    Empty,
    /// The text has more characters than the name may have.
    #[error("must be at most {max} characters long")]
    TooLong {
        /// The most characters allowed.
        max: usize,
    },
    /// The text has a character that the name may not have.
    #[error("may only contain {allowed}")]
    Character {
        /// The characters allowed, in words.
        allowed: &'static str,
    },
}

/// Defines one kind of name: a shared string that can only be made by its rule.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:literal, $valid:expr, $allowed:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The most characters a name of this kind may have.
            pub const MAX: usize = $max;

            /// Checks `text` against the rule of this kind of name.
            pub fn check(text: &str) -> Result<(), NameError> {
                check(text, Self::MAX, $valid, $allowed)
            }

            /// Makes a name of `text` if its rule lets it.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                Self::check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                text::parse(deserializer)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// An application's name: 1 to 100 of `A-Z a-z 0-9 . _ : @ / -`.
    App, 100, |byte| is_name_byte(byte) || byte == b'/', "letters, digits and . _ : @ / -"
);
name!(
    /// An environment's name: 1 to 50 of `A-Z a-z 0-9 . _ : @ -`.
    Environment, 50, is_name_byte, "letters, digits and . _ : @ -"
);
name!(
    /// An endpoint: 1 to 200 of printable ASCII without space, quotes and backslash.
    Endpoint, 200, is_endpoint_byte, "printable ASCII without space, quotes and backslash"
);
name!(
    /// The name of an operator's token: 1 to 64 of `A-Z a-z 0-9 . _ @ -`.
    Operator, 64, |byte| is_name_byte(byte) && byte != b':', "letters, digits and . _ @ -"
);
name!(
    /// What tells one alert from another: 1 to 16 of `A-Z a-z 0-9 . _ : @ -`; Alertmanager's have 16.
    Fingerprint, 16, is_name_byte, "letters, digits and . _ : @ -"
);

/// Why somebody asked for something, in their words: at most 500 characters, none of them one that does
/// not print.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(Box<str>);

impl Reason {
    /// The most characters a reason may have.
    pub const MAX: usize = 500;

    /// Checks a reason that somebody wrote.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.chars().count() > Self::MAX {
            Err(NameError::TooLong { max: Self::MAX })
        } else if text.chars().any(misleads) {
            Err(NameError::Character {
                allowed: "characters that print",
            })
        } else {
            Ok(Self(text.into()))
        }
    }

    /// Makes a reason of any text: characters that do not print become spaces, and what is over `max` characters is cut.
    pub fn lossy(text: &str, max: usize) -> Self {
        let printable = |character: char| {
            if misleads(character) { ' ' } else { character }
        };
        Self(
            text.chars()
                .take(max.min(Self::MAX))
                .map(printable)
                .collect(),
        )
    }

    /// The reason as text; empty if none was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether no reason was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the text.
    pub fn clear(&mut self) {
        self.0 = Box::default();
    }
}

/// Whether a character would let a text break out of its line, or show in another order than it is written in: controls,
/// separators of lines and paragraphs, and Unicode's `Bidi_Control`.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

fn check(
    text: &str,
    max: usize,
    valid: impl Fn(u8) -> bool,
    allowed: &'static str,
) -> Result<(), NameError> {
    if text.is_empty() {
        Err(NameError::Empty)
    } else if !text.bytes().all(valid) {
        Err(NameError::Character { allowed })
    } else if text.len() > max {
        Err(NameError::TooLong { max })
    } else {
        Ok(())
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'@' | b'-')
}

const fn is_endpoint_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_may_have_a_slash_and_an_environment_may_not() {
        assert!(App::parse("team/shop").is_ok());
        assert!(matches!(
            Environment::parse("eu/production"),
            Err(NameError::Character { .. })
        ));
    }

    #[test]
    fn lengths_are_bounded_at_their_limits() {
        assert!(App::parse(&"a".repeat(100)).is_ok());
        assert_eq!(
            App::parse(&"a".repeat(101)),
            Err(NameError::TooLong { max: 100 })
        );
        assert!(Environment::parse(&"a".repeat(50)).is_ok());
        assert_eq!(
            Environment::parse(&"a".repeat(51)),
            Err(NameError::TooLong { max: 50 })
        );
        assert!(Endpoint::parse(&"a".repeat(200)).is_ok());
        assert_eq!(
            Endpoint::parse(&"a".repeat(201)),
            Err(NameError::TooLong { max: 200 })
        );
        assert_eq!(App::parse(""), Err(NameError::Empty));
    }

    #[test]
    fn no_control_character_quote_or_backslash_gets_into_a_name() {
        for bad in ["a b", "a\"b", "a\\b", "a\nb", "a\0b", "é", "a\u{202e}b"] {
            assert!(App::parse(bad).is_err(), "{bad:?}");
            assert!(Environment::parse(bad).is_err(), "{bad:?}");
            assert!(Endpoint::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Endpoint::parse("/api/orders/{id}?x=1&y=%20").is_ok());
    }

    #[test]
    fn a_reason_stays_on_its_line_and_in_its_order() {
        for bad in [
            '\n', '\u{1b}', '\u{85}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}', '\u{200f}',
        ] {
            let text = format!("a{bad}b");
            assert!(Reason::parse(&text).is_err(), "{text:?}");
            assert_eq!(Reason::lossy(&text, 10).as_str(), "a b", "{text:?}");
        }
        let good = "Zahlung hängt, 支払い, \u{5d0}\u{5d1}, \u{1f469}\u{200d}\u{1f692}";
        assert_eq!(Reason::parse(good).unwrap().as_str(), good);
        assert_eq!(Reason::lossy(good, 100).as_str(), good);
    }

    #[test]
    fn an_error_never_quotes_the_text() {
        let error = App::parse("hunter2 secret").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
