//! Finds the tokens and secrets that a request presents.

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The most secrets of one request that are looked at.
const MAX: usize = 4;

/// The tokens in `Authorization: Bearer` and `X-API-Key`.
pub(super) fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let bearer = headers
        .get_all(AUTHORIZATION)
        .iter()
        .filter_map(|value| credentials_of(value.as_bytes(), b"bearer"));
    let key = headers
        .get_all("x-api-key")
        .iter()
        .map(|value| value.as_bytes().trim_ascii());
    bearer
        .chain(key)
        .filter(|token| !token.is_empty())
        .take(MAX)
}

/// The secrets that a webhook presents: a token, `X-Webhook-Secret`, or the password of `Authorization: Basic`.
pub(super) fn secrets(headers: &HeaderMap) -> Vec<Cow<'_, [u8]>> {
    let own = headers
        .get_all("x-webhook-secret")
        .iter()
        .map(|value| value.as_bytes().trim_ascii())
        .filter(|secret| !secret.is_empty())
        .chain(tokens(headers))
        .map(Cow::Borrowed);
    let basic = headers
        .get_all(AUTHORIZATION)
        .iter()
        .filter_map(|value| password_of(value.as_bytes()))
        .map(Cow::Owned);
    own.chain(basic).take(MAX).collect()
}

/// The password of `Basic <base64 of user:password>`, which may have colons itself.
fn password_of(header: &[u8]) -> Option<Vec<u8>> {
    let pair = STANDARD.decode(credentials_of(header, b"basic")?).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair.get(colon + 1..)?.to_vec())
}

/// What follows the scheme, whose letters may be of either case.
fn credentials_of<'a>(header: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (word, rest) = header.split_at_checked(scheme.len())?;
    (word.eq_ignore_ascii_case(scheme) && rest.first() == Some(&b' ')).then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_token_is_found_in_either_header() {
        for pairs in [
            [("authorization", "Bearer fake-token")],
            [("authorization", "bearer   fake-token ")],
            [("x-api-key", "fake-token")],
        ] {
            let headers = headers(&pairs);
            assert_eq!(
                tokens(&headers).collect::<Vec<_>>(),
                [b"fake-token"],
                "{pairs:?}"
            );
        }
        for pairs in [
            [("authorization", "Bearer")],
            [("authorization", "Bearer ")],
            [("authorization", "Bearerfake-token")],
            [("authorization", "Token fake-token")],
            [("x-api-key", "")],
            [("authorization", "")],
        ] {
            assert_eq!(tokens(&headers(&pairs)).count(), 0, "{pairs:?}");
        }
    }

    #[test]
    fn a_webhook_may_present_its_secret_in_every_way_its_sender_knows() {
        for pairs in [
            [("x-webhook-secret", "fake:secret")],
            [("authorization", "Bearer fake:secret")],
            [("authorization", "Basic YWxlcnRtYW5hZ2VyOmZha2U6c2VjcmV0")],
            [("authorization", "Basic OmZha2U6c2VjcmV0")],
        ] {
            let headers = headers(&pairs);
            assert_eq!(secrets(&headers), [b"fake:secret".as_slice()], "{pairs:?}");
        }
        for pairs in [
            [("authorization", "Basic !!!")],
            [("authorization", "Basic ZmFrZQ==")],
            [("x-webhook-secret", " ")],
        ] {
            assert_eq!(secrets(&headers(&pairs)).len(), 0, "{pairs:?}");
        }
    }
}
