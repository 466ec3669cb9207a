//! Holds the rules of `docs/architecture.md` that the compiler does not know.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each layer with what it may use of the others; it may always use itself.
const LAYERS: [(&str, &[&str]); 16] = [
    ("domain", &[]),
    ("readiness", &[]),
    ("telemetry", &[]),
    ("alertmanager", &["domain"]),
    ("credentials", &["domain"]),
    ("metrics", &["domain"]),
    ("store", &["domain", "metrics"]),
    ("snapshot", &["domain", "store"]),
    (
        "feed",
        &["domain", "metrics", "snapshot", "store", "telemetry"],
    ),
    (
        "control",
        &["domain", "metrics", "snapshot", "store", "telemetry"],
    ),
    (
        "config",
        &[
            "alertmanager",
            "credentials",
            "domain",
            "store",
            "telemetry",
        ],
    ),
    (
        "http",
        &[
            "alertmanager",
            "control",
            "credentials",
            "domain",
            "metrics",
            "readiness",
            "snapshot",
            "telemetry",
        ],
    ),
    ("cli", &["config", "credentials", "domain"]),
    (
        "app",
        &[
            "alertmanager",
            "config",
            "control",
            "credentials",
            "domain",
            "feed",
            "http",
            "metrics",
            "readiness",
            "snapshot",
            "store",
            "telemetry",
        ],
    ),
    ("lib", &[]),
    ("main", &["app", "cli", "config", "telemetry"]),
];

/// Names that only these modules and those below them may use.
const RESERVED: [(&str, &[&str]); 12] = [
    ("axum", &["http", "app"]),
    ("clap", &["cli", "main"]),
    ("envy", &["config"]),
    ("hyper", &["http"]),
    ("prometheus", &["metrics"]),
    ("redb", &["store/embedded"]),
    ("redis", &["store/redis"]),
    ("reqwest", &["cli"]),
    ("rustls", &["main"]),
    // the clocks; everything else is told the time
    ("SystemTime", &["snapshot/clock", "store/clock"]),
    // the environment; everything else is told what it says
    ("env", &["main"]),
    ("serde_json", &["alertmanager", "cli", "http", "store"]),
];

/// What the domain does without: it is pure, and time is an argument.
const UNKNOWN_TO_DOMAIN: [&str; 6] = [
    "async_trait",
    "futures_util",
    "jiff",
    "tokio",
    "tokio_util",
    "tracing",
];

const MAX_LINES_OF_CODE: usize = 400;

/// A file of the crate, without its comments.
struct Source {
    /// Its path below `src`.
    path: PathBuf,
    code: String,
}

impl Source {
    /// The module at the crate's root that the file belongs to.
    fn layer(&self) -> String {
        let first = self.path.iter().next().unwrap();
        Path::new(first)
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// How many `super` lead from the file to the crate's root.
    fn depth(&self) -> usize {
        self.path.iter().count()
    }

    /// Whether the file is the module `place`, or below it.
    fn is_in(&self, place: &str) -> bool {
        self.path.with_extension("").starts_with(place)
    }

    /// The modules at the crate's root that the file names.
    fn uses(&self) -> BTreeSet<&str> {
        let names = paths(&self.code).into_iter().filter_map(|path| {
            let supers = path.iter().take_while(|part| **part == "super").count();
            match path.first() {
                Some(&("crate" | "autolog")) => path.get(1).copied(),
                Some(&"super") if supers == self.depth() => path.get(supers).copied(),
                _ => None,
            }
        });
        names
            .filter(|name| LAYERS.iter().any(|(layer, _)| layer == name))
            .collect()
    }
}

#[test]
fn a_layer_uses_only_the_layers_below_it() {
    let mut broken = Vec::new();
    for source in sources() {
        let layer = source.layer();
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            broken.push(format!("{layer} is in no layer"));
            continue;
        };
        for group in ["crate::{", "std::{"] {
            if source.code.contains(group) {
                broken.push(format!("{} hides names in {group}", source.path.display()));
            }
        }
        for used in source.uses() {
            if used != layer && !below.contains(&used) {
                broken.push(format!("{} uses {used}", source.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_layers_have_an_order() {
    let index = |name: &str| LAYERS.iter().position(|(layer, _)| *layer == name);
    for (layer, below) in LAYERS {
        for used in below {
            assert!(index(used) < index(layer), "{layer} uses {used}");
        }
    }
}

#[test]
fn a_library_is_named_only_where_it_belongs() {
    let mut broken = Vec::new();
    for source in sources() {
        let names = outer_names(&source.code);
        for (name, places) in RESERVED {
            if names.contains(name) && !places.iter().any(|place| source.is_in(place)) {
                broken.push(format!("{} names {name}", source.path.display()));
            }
        }
        for name in UNKNOWN_TO_DOMAIN {
            if names.contains(name) && source.layer() == "domain" {
                broken.push(format!("{} names {name}", source.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_file_is_too_long_to_be_read_in_one_go() {
    let long = |source: &Source| {
        let lines = source.code.lines().filter(|line| !line.trim().is_empty());
        let lines = lines.count();
        (lines > MAX_LINES_OF_CODE).then(|| format!("{}: {lines}", source.path.display()))
    };
    let long: Vec<String> = sources().iter().filter_map(long).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn these_rules_see_what_they_look_for() {
    let text = "use super::super::store::Store; // crate::cli\nlet x = crate::http::y();\nuse redb::{Database};\n\
                std::env::var(1); crate::store::redis::Redis; redis::cmd(); use std::time::{Instant, SystemTime};";
    let source = Source {
        path: PathBuf::from("control/list.rs"),
        code: code_of(text),
    };
    assert_eq!(source.uses(), BTreeSet::from(["http", "store"]));
    assert!(source.is_in("control") && source.is_in("control/list") && !source.is_in("list"));
    let names = outer_names(&source.code);
    let seen = ["env", "redis", "redb", "SystemTime"];
    assert!(seen.iter().all(|name| names.contains(name)), "{names:?}");
    assert!(!outer_names("crate::store::redis::Redis").contains("redis"));
}

/// Every file of the crate.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(Source {
                    code: code_of(&std::fs::read_to_string(&path).unwrap()),
                    path: path.strip_prefix(&root).unwrap().to_owned(),
                });
            }
        }
    }
    assert!(sources.len() > 50);
    sources
}

/// The text without its comments.
fn code_of(text: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    text.lines().map(code).collect()
}

/// Every path of two or more names, such as `crate::store::Store`, and the beginning of every group.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let of_path = |character: char| character.is_alphanumeric() || matches!(character, '_' | ':');
    let words = code.split(|character| !of_path(character));
    words
        .filter(|word| word.contains("::"))
        .map(|word| word.split("::").filter(|name| !name.is_empty()).collect())
        .collect()
}

/// What begins a path, the standard library's modules, and the types that are reserved.
fn outer_names(code: &str) -> BTreeSet<&str> {
    let paths = paths(code);
    let first = paths.iter().filter_map(|path| path.first());
    let of_std = paths.iter().filter(|path| path.first() == Some(&"std"));
    let words = code.split(|character: char| !character.is_alphanumeric());
    first
        .chain(of_std.filter_map(|path| path.get(1)))
        .copied()
        .chain(words.filter(|word| *word == "SystemTime"))
        .collect()
}
