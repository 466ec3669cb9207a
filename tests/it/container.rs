//! The image, as its Dockerfile describes it.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use crate::cli::Program;

const DOCKERFILE: &str = include_str!("../../Dockerfile");
const IGNORED: &str = include_str!("../../.dockerignore");

/// The instructions with their words, continued lines joined and comments left out.
fn instructions() -> Vec<(String, String)> {
    let lines: Vec<_> = DOCKERFILE
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    lines
        .join("\n")
        .replace("\\\n", " ")
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(keyword, words)| (keyword.to_owned(), words.trim().to_owned()))
        .collect()
}

/// What the instructions of that keyword say in the last stage.
fn of_the_image(keyword: &str) -> Vec<String> {
    let all = instructions();
    let last = all.iter().rposition(|(word, _)| word == "FROM").unwrap();
    all[last..]
        .iter()
        .filter(|(word, _)| word == keyword)
        .map(|(_, words)| words.clone())
        .collect()
}

/// The arguments that may stand in a `FROM`, with their defaults.
fn base_images() -> HashMap<String, String> {
    instructions()
        .into_iter()
        .take_while(|(word, _)| word != "FROM")
        .map(|(_, words)| words)
        .filter_map(|words| {
            let (name, default) = words.split_once('=')?;
            Some((format!("${{{name}}}"), default.to_owned()))
        })
        .collect()
}

fn tag(image: &str) -> &str {
    let name = image.rsplit('/').next().unwrap();
    name.split_once(':').map_or("latest", |(_, tag)| tag)
}

fn variables() -> HashMap<String, String> {
    of_the_image("ENV")
        .iter()
        .flat_map(|words| words.split_whitespace())
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The files outside `src` that the sources under `directory` include, tests left out.
fn included(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            found.extend(included(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.split(r#"include_str!(""#).skip(1);
            let names = names.filter_map(|rest| rest.split('"').next());
            found.extend(names.map(|name| resolve(directory, name)));
        }
    }
    found.retain(|path| !path.starts_with("src"));
    found
}

/// The path from the root of the repository, without `..`.
fn resolve(directory: &Path, name: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in directory.join(name).components() {
        if part == Component::ParentDir {
            path.pop();
        } else {
            path.push(part);
        }
    }
    let root = env!("CARGO_MANIFEST_DIR");
    path.strip_prefix(root).unwrap().to_owned()
}

#[test]
fn the_build_gets_every_file_that_the_sources_include() {
    let included = included(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(!included.is_empty());
    let copied: Vec<_> = instructions()
        .into_iter()
        .filter(|(word, _)| word == "COPY")
        .filter_map(|(_, words)| words.split_once(' ').map(|(from, _)| from.to_owned()))
        .collect();
    for file in included {
        let source = copied.iter().find(|source| file.starts_with(source));
        let source = source.unwrap_or_else(|| panic!("{} is not copied", file.display()));
        let kept = format!("!{source}");
        assert!(IGNORED.lines().any(|line| line == kept), "{kept}");
    }
}

#[test]
fn every_base_image_is_an_argument_with_a_tag_or_an_earlier_stage() {
    let (images, all) = (base_images(), instructions());
    let mut stages = Vec::new();
    for (_, words) in all.iter().filter(|(word, _)| word == "FROM") {
        let (base, stage) = words.split_once(" AS ").unwrap_or((words, ""));
        if !stages.contains(&base) {
            assert_ne!(tag(&images[base]), "latest", "{words}");
        }
        stages.push(stage);
    }
    assert!(stages.len() > 1, "{stages:?}");
}

#[test]
fn the_build_image_has_the_rust_version_of_the_manifest() {
    let image = &base_images()["${RUST_IMAGE}"];
    let version = tag(image).split('-').next().unwrap();
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    assert!(
        version == wanted || version.starts_with(&format!("{wanted}.")),
        "{image} has not Rust {wanted}"
    );
}

#[test]
fn the_image_runs_as_a_numeric_user_that_is_not_root() {
    let users = of_the_image("USER");
    let ids: Vec<u32> = users[0].split(':').map(|id| id.parse().unwrap()).collect();
    assert_eq!(ids, [65532, 65532]);
    let data = of_the_image("COPY")
        .into_iter()
        .find(|words| words.ends_with(" /data"))
        .unwrap();
    assert!(data.contains("--chown=65532:65532"), "{data}");
    assert_eq!(of_the_image("VOLUME"), [r#"["/data"]"#]);
}

#[test]
fn the_image_listens_on_all_addresses_and_keeps_its_data_in_the_volume() {
    let wanted = [
        ("AUTOLOG_LISTEN", "0.0.0.0:5000"),
        ("AUTOLOG_ADMIN_LISTEN", "0.0.0.0:5001"),
        ("AUTOLOG_DATA_DIR", "/data"),
    ];
    let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(variables(), HashMap::from(wanted));
    assert_eq!(of_the_image("EXPOSE"), ["5000 5001"]);
    let program = variables()
        .iter()
        .fold(Program::new(), |program, (name, value)| {
            program.with(name, value)
        });
    let ran = program.run(&["check-config"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn the_image_needs_no_shell_to_start_or_to_be_checked() {
    let entrypoint = of_the_image("ENTRYPOINT");
    let entrypoint: [String; 1] = serde_json::from_str(&entrypoint[0]).unwrap();
    let check = of_the_image("HEALTHCHECK");
    let (_, check) = check[0].split_once("CMD ").unwrap();
    let check: [String; 2] = serde_json::from_str(check).unwrap();
    assert_eq!(check, [entrypoint[0].clone(), "healthcheck".to_owned()]);
    assert_eq!(of_the_image("CMD"), [r#"["serve"]"#]);
    assert_eq!(of_the_image("STOPSIGNAL"), ["SIGTERM"]);
    assert_eq!(of_the_image("RUN"), [""; 0]);
    let binary = &of_the_image("COPY")[0];
    assert!(binary.ends_with(&entrypoint[0]), "{binary}");
}

#[test]
fn the_label_says_the_version_of_the_manifest() {
    let labels = of_the_image("LABEL");
    let version = format!(r#"image.version="{}""#, env!("CARGO_PKG_VERSION"));
    assert!(labels[0].contains(&version), "{labels:?}");
}
