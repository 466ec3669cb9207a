//! Compares JSON with the schemas of an OpenAPI document: just the keywords that ours uses, and no other.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::pattern::matches;
use crate::reply::Reply;

/// Keywords that say nothing about what is valid.
const REMARKS: [&str; 4] = ["description", "examples", "default", "deprecated"];

/// An OpenAPI document.
pub(super) struct Document(Value);

impl Document {
    pub(super) fn new(document: Value) -> Self {
        assert_eq!(document["openapi"], "3.1.0");
        Self(document)
    }

    /// Every path with its methods.
    pub(super) fn operations(&self) -> BTreeSet<(String, String)> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.clone()))
        });
        operations.collect()
    }

    /// What of an answer is not as described: its status, its headers, its body.
    pub(super) fn compare(&self, route: &str, verb: &str, reply: &Reply) -> Vec<String> {
        let status = reply.status.to_string();
        let described = &self.0["paths"][route][verb]["responses"][&status];
        if described.is_null() {
            return vec![format!("{status} is not described")];
        }
        let described = self.resolve(described);
        let mut problems = Vec::new();
        for (name, header) in described["headers"].as_object().into_iter().flatten() {
            let header = self.resolve(header);
            let value = reply.header(name);
            if value.is_empty() {
                if header["required"] == true {
                    problems.push(format!("the header {name} is missing"));
                }
                continue;
            }
            let number = value
                .parse::<u64>()
                .map_or_else(|_| Value::from(value), Value::from);
            self.check(&header["schema"], &number, name, &mut problems);
        }
        let kind = reply.header("content-type");
        match described["content"].as_object() {
            None if !reply.text.is_empty() => problems.push("a body is not described".to_owned()),
            None => {}
            Some(content) => match content.get(kind) {
                None => problems.push(format!("{kind} is not described")),
                Some(content) => {
                    let (schema, body) = (&content["schema"], reply.json());
                    self.check(schema, &body, "", &mut problems);
                    self.check_names(schema, &body, "", &mut problems);
                }
            },
        }
        problems
    }

    /// What of a request's body the description does not allow.
    pub(super) fn request(&self, route: &str, body: &Value) -> Vec<String> {
        let content = &self.0["paths"][route]["post"]["requestBody"]["content"];
        let mut problems = Vec::new();
        self.check(
            &content["application/json"]["schema"],
            body,
            "",
            &mut problems,
        );
        problems
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = &value["$ref"];
        if reference.is_null() {
            value
        } else {
            self.at(reference)
        }
    }

    /// What a reference such as `#/components/schemas/Level` refers to.
    fn at(&self, reference: &Value) -> &Value {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        self.0.pointer(pointer).unwrap()
    }

    fn check(&self, schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
        let Value::Object(keywords) = schema else {
            assert!(
                schema.is_boolean() || schema.is_null(),
                "{path}: no schema: {schema}"
            );
            return;
        };
        for (keyword, argument) in keywords {
            if !self.holds(keyword, argument, (keywords, value, path), problems) {
                problems.push(format!("{path}: {value} breaks {keyword} {argument}"));
            }
        }
    }

    /// Whether `value` holds to one keyword; what is wrong within it goes to `problems`.
    fn holds(
        &self,
        keyword: &str,
        argument: &Value,
        (keywords, value, path): (&Map<String, Value>, &Value, &str),
        problems: &mut Vec<String>,
    ) -> bool {
        let list = || argument.as_array().unwrap().iter();
        match keyword {
            "$ref" => self.check(self.at(argument), value, path, problems),
            "properties" => {
                for (name, schema) in argument.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        self.check(schema, member, &format!("{path}.{name}"), problems);
                    }
                }
            }
            "additionalProperties" => {
                let declared = &keywords.get("properties").cloned().unwrap_or_default();
                let members = value.as_object().into_iter().flatten();
                for (name, member) in members.filter(|(name, _)| declared.get(name).is_none()) {
                    if *argument == false {
                        return false;
                    }
                    self.check(argument, member, &format!("{path}.{name}"), problems);
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(argument, item, &format!("{path}[{index}]"), problems);
                }
            }
            "allOf" => list().for_each(|schema| self.check(schema, value, path, problems)),
            "anyOf" => {
                return list().any(|schema| {
                    let mut found = Vec::new();
                    self.check(schema, value, path, &mut found);
                    found.is_empty()
                });
            }
            keyword => return is_valid(keyword, argument, value),
        }
        true
    }

    /// Finds members that an answer has and the description does not name.
    fn check_names(&self, schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                let mut named = Map::new();
                self.names(schema, &mut named);
                // Where the description names no member at all, any will do.
                for (name, member) in members.iter().filter(|_| !named.is_empty()) {
                    match named.get(name) {
                        Some(schema) => {
                            self.check_names(schema, member, &format!("{path}.{name}"), problems);
                        }
                        None => problems.push(format!("{path}.{name} is not described")),
                    }
                }
            }
            Value::Array(items) => {
                let mut of_items = Value::Null;
                self.visit(schema, &mut |schema| {
                    if let Some(items) = schema.get("items") {
                        of_items = items.clone();
                    }
                });
                for item in items {
                    self.check_names(&of_items, item, &format!("{path}[]"), problems);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn names(&self, schema: &Value, named: &mut Map<String, Value>) {
        self.visit(schema, &mut |schema| {
            named.extend(
                schema["properties"]
                    .as_object()
                    .cloned()
                    .unwrap_or_default(),
            );
        });
    }

    /// Visits a schema with all that it refers to or joins.
    fn visit(&self, schema: &Value, visitor: &mut impl FnMut(&Value)) {
        let schema = self.resolve(schema);
        visitor(schema);
        for keyword in ["allOf", "anyOf"] {
            for part in schema[keyword].as_array().into_iter().flatten() {
                self.visit(part, visitor);
            }
        }
    }
}

/// Whether a value holds to a keyword that looks at nothing within it.
fn is_valid(keyword: &str, argument: &Value, value: &Value) -> bool {
    let number = |holds: fn(f64, f64) -> bool| {
        let limit = || argument.as_f64().unwrap();
        value.as_f64().is_none_or(|number| holds(number, limit()))
    };
    let length = |holds: fn(usize, usize) -> bool| {
        let limit = || usize::try_from(argument.as_u64().unwrap()).unwrap();
        let text = value.as_str().map(|text| text.chars().count());
        let length = text.or_else(|| value.as_array().map(Vec::len));
        length.is_none_or(|length| holds(length, limit()))
    };
    let text = |holds: &dyn Fn(&str) -> bool| value.as_str().is_none_or(holds);
    match keyword {
        "type" => is_of_type(value, argument),
        "const" => value == argument,
        "enum" => argument.as_array().unwrap().contains(value),
        "minimum" => number(|number, limit| number >= limit),
        "maximum" => number(|number, limit| number <= limit),
        "minLength" => length(|length, limit| length >= limit),
        "maxLength" | "maxItems" => length(|length, limit| length <= limit),
        "pattern" => text(&|text| matches(argument.as_str().unwrap(), text)),
        "format" => {
            assert_eq!(argument, "date-time");
            text(&|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok())
        }
        "required" => value.as_object().is_none_or(|members| {
            let mut names = argument.as_array().unwrap().iter();
            names.all(|name| members.contains_key(name.as_str().unwrap()))
        }),
        remark => {
            assert!(
                REMARKS.contains(&remark),
                "the keyword {remark} is not known here"
            );
            true
        }
    }
}

fn is_of_type(value: &Value, argument: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other} is not known here"),
    };
    argument
        .as_array()
        .map_or_else(|| is(argument), |names| names.iter().any(is))
}
