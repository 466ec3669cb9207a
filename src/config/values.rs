//! Values as people write them: lengths of time, sizes, switches.

use std::str::FromStr;
use std::time::Duration;

/// A length of time such as `30m`, `90s` or `1h 30m`, in whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub Duration);

/// The text is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a length of time such as 30m, 90s or 250ms")]
pub struct LengthError;

impl FromStr for Length {
    type Err = LengthError;

    fn from_str(text: &str) -> Result<Self, LengthError> {
        match humantime::parse_duration(text) {
            Ok(length) if length.subsec_nanos() % 1_000_000 == 0 => Ok(Self(length)),
            Ok(_) | Err(_) => Err(LengthError),
        }
    }
}

/// A size in bytes, such as `65536`, `64KiB` or `16MiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bytes(pub(super) usize);

/// The text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of bytes such as 65536, 64KiB or 16MiB")]
pub(super) struct BytesError;

impl FromStr for Bytes {
    type Err = BytesError;

    fn from_str(text: &str) -> Result<Self, BytesError> {
        let (number, unit) = text
            .strip_suffix("KiB")
            .map(|number| (number, 1 << 10))
            .or_else(|| text.strip_suffix("MiB").map(|number| (number, 1 << 20)))
            .or_else(|| text.strip_suffix("GiB").map(|number| (number, 1 << 30)))
            .unwrap_or((text, 1));
        let number: Option<usize> = number.trim_end().parse().ok();
        number
            .and_then(|number| number.checked_mul(unit))
            .map(Self)
            .ok_or(BytesError)
    }
}

/// A switch: `true`, `yes`, `on` or `1`, and their opposites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Switch(pub(super) bool);

/// The text is no switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be true or false")]
pub(super) struct SwitchError;

impl FromStr for Switch {
    type Err = SwitchError;

    fn from_str(text: &str) -> Result<Self, SwitchError> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Self(true)),
            "false" | "no" | "off" | "0" => Ok(Self(false)),
            _ => Err(SwitchError),
        }
    }
}

/// A label's name: any text but the empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label(pub(super) String);

/// The label's name is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must not have an empty label name")]
pub(super) struct LabelError;

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        if text.is_empty() {
            Err(LabelError)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// What every key of the store in a shared Redis begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyPrefix(pub(super) String);

/// The text is no key prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 32 of letters, digits and . _ : -")]
pub(super) struct KeyPrefixError;

impl FromStr for KeyPrefix {
    type Err = KeyPrefixError;

    fn from_str(text: &str) -> Result<Self, KeyPrefixError> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if (1..=32).contains(&text.len()) && text.bytes().all(valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyPrefixError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        assert_eq!("30m".parse(), Ok(Length(Duration::from_mins(30))));
        assert_eq!("90s".parse(), Ok(Length(Duration::from_secs(90))));
        assert_eq!("1h 30m".parse(), Ok(Length(Duration::from_mins(90))));
        for bad in ["30", "-5m", "5 parsecs", "10us", "99999999999999999999s"] {
            assert_eq!(bad.parse::<Length>(), Err(LengthError), "{bad}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_have_a_binary_unit() {
        assert_eq!("65536".parse(), Ok(Bytes(65_536)));
        assert_eq!("64KiB".parse(), Ok(Bytes(65_536)));
        assert_eq!("16 MiB".parse(), Ok(Bytes(16 << 20)));
        for bad in ["16MB", "-1", "", "99999999999GiB", "KiB"] {
            assert_eq!(bad.parse::<Bytes>(), Err(BytesError), "{bad}");
        }
    }
}
