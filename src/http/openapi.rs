//! The description of the API, for programs that write clients and for people.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use super::route::Route;

/// The OpenAPI 3.1 document of the API listener.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// The route that answers the document.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route(Route::OpenApi.path(), get(document))
}

async fn document() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, DOCUMENT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::http::route::{API, Role};

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    #[test]
    fn it_describes_every_operation_and_no_other() {
        let document = document();
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let routed = API
            .into_iter()
            .map(|operation| {
                let method = operation.method.as_str();
                (operation.route.path().to_owned(), method.to_owned())
            })
            .collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn it_tells_who_may_do_what() {
        let document = document();
        for operation in API {
            let method = operation.method.as_str().to_lowercase();
            let described = &document["paths"][operation.route.path()][&method];
            if described.is_null() {
                continue;
            }
            let schemes: Vec<&str> = described["security"]
                .as_array()
                .unwrap()
                .iter()
                .map(|scheme| scheme.as_object().unwrap().keys().next())
                .map(|name| name.map_or("none", String::as_str))
                .collect();
            let apps = ["appToken", "appKey", "operatorToken", "operatorKey"];
            let expected = match operation.role {
                Role::Anyone => vec!["none"],
                Role::Poller => [&["none"], apps.as_slice()].concat(),
                Role::Application => apps.to_vec(),
                Role::Operator => vec!["operatorToken", "operatorKey"],
                Role::Webhook => vec!["webhookSecret", "webhookToken", "webhookBasic"],
            };
            assert_eq!(schemes, expected, "{operation:?}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn visit(document: &Value, value: &Value) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref") {
                        let pointer = reference.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{reference}");
                    }
                    members.values().for_each(|member| visit(document, member));
                }
                Value::Array(items) => items.iter().for_each(|item| visit(document, item)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document = document();
        visit(&document, &document);
    }
}
