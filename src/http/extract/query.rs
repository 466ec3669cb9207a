//! Reads parameters from the query string.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;

use crate::domain::name::NameError;
use crate::http::error::{ApiError, Fault};

/// The parameters of a request, decoded when they are asked for; those that nobody asks for are ignored.
#[derive(Clone, Debug)]
pub struct Params<'a>(Cow<'a, str>);

impl<S: Sync> FromRequestParts<S> for Params<'static> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(Cow::Owned(query.to_owned())))
    }
}

impl<'a> Params<'a> {
    /// The parameters of a URI, where they stand.
    pub fn of(uri: &'a Uri) -> Self {
        Self(Cow::Borrowed(uri.query().unwrap_or_default()))
    }
}

impl Params<'_> {
    /// The text of a parameter; none if it is missing or empty.
    pub fn text(&self, name: &'static str) -> Result<Option<Cow<'_, str>>, ApiError> {
        let [text] = self.texts([name])?;
        Ok(text)
    }

    /// The texts of several parameters at once; none for those that are missing or empty.
    pub fn texts<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Result<[Option<Cow<'_, str>>; N], ApiError> {
        let mut found = [None; N];
        for pair in self.0.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = decode(key)?;
            let slots = names.iter().zip(&mut found);
            for (name, slot) in slots.filter(|(name, _)| key == **name) {
                if slot.replace(value).is_some() {
                    return Err(ApiError::parameter(name, Fault::Repeated));
                }
            }
        }
        let mut texts = [const { None }; N];
        for (text, found) in texts.iter_mut().zip(found) {
            *text = found
                .map(decode)
                .transpose()?
                .filter(|text| !text.is_empty());
        }
        Ok(texts)
    }

    /// A name that may be there.
    pub fn name<T>(&self, name: &'static str) -> Result<Option<T>, ApiError>
    where
        T: FromStr<Err = NameError>,
    {
        let parse = |text: Cow<'_, str>| {
            text.parse()
                .map_err(|error| ApiError::parameter(name, Fault::Name(error)))
        };
        self.text(name)?.map(parse).transpose()
    }

    /// A name that must be there.
    pub fn required_name<T>(&self, name: &'static str) -> Result<T, ApiError>
    where
        T: FromStr<Err = NameError>,
    {
        self.name(name)?
            .ok_or_else(|| ApiError::parameter(name, Fault::Missing))
    }

    /// A whole number within `range` that may be there.
    pub fn number(
        &self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            Ok(_) | Err(_) => {
                let (min, max) = (*range.start(), *range.end());
                Err(ApiError::parameter(name, Fault::OutOfRange { min, max }))
            }
        }
    }
}

/// Decodes `application/x-www-form-urlencoded`, which is plain text most of the time.
fn decode(text: &str) -> Result<Cow<'_, str>, ApiError> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (bytes.next().and_then(hex), bytes.next().and_then(hex));
                let digits = high.zip(low).ok_or(ApiError::NotDecodable)?;
                digits.0 << 4 | digits.1
            }
            plain => plain,
        });
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_invalid| ApiError::NotDecodable)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::App;

    fn params(query: &str) -> Params<'_> {
        Params(Cow::Borrowed(query))
    }

    fn code(result: Result<impl std::fmt::Debug, ApiError>) -> &'static str {
        let error = result.unwrap_err();
        assert_eq!(error.status().as_u16(), 400);
        error.code()
    }

    #[test]
    fn a_parameter_is_found_and_decoded_and_others_are_ignored() {
        let params = params("x=1&=&a%70p=team%2Fshop&empty=&flag&sum=1+2&limit=7");
        assert_eq!(
            params.required_name::<App>("app").unwrap().as_str(),
            "team/shop"
        );
        assert_eq!(params.text("sum").unwrap().unwrap(), "1 2");
        assert_eq!(params.text("empty").unwrap(), None);
        assert_eq!(params.text("flag").unwrap(), None);
        assert_eq!(params.text("other").unwrap(), None);
        assert_eq!(params.number("limit", 1..=10).unwrap(), Some(7));
        let texts = params.texts(["flag", "app", "sum"]).unwrap();
        assert_eq!(
            texts.map(Option::unwrap_or_default),
            ["", "team/shop", "1 2"]
        );
    }

    #[test]
    fn what_is_missing_repeated_or_not_valid_is_told_apart() {
        assert_eq!(
            code(params("b=1").required_name::<App>("app")),
            "missing_field"
        );
        assert_eq!(
            code(params("app=").required_name::<App>("app")),
            "missing_field"
        );
        assert_eq!(code(params("app=a&app=a").text("app")), "repeated_field");
        assert_eq!(code(params("app=a&%61pp=a").text("app")), "repeated_field");
        assert_eq!(code(params("app=a%20b").name::<App>("app")), "invalid_name");
        for bad in ["app=%", "app=%2", "app=%zz", "app=%ff", "%ff=1"] {
            assert_eq!(code(params(bad).text("app")), "invalid_query", "{bad}");
        }
        for bad in [
            "limit=0",
            "limit=11",
            "limit=-1",
            "limit=x",
            "limit=99999999999999999999",
        ] {
            assert_eq!(
                code(params(bad).number("limit", 1..=10)),
                "out_of_range",
                "{bad}"
            );
        }
    }
}
