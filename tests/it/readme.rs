//! What the documents say is so: commands work as printed, links lead somewhere, lists are complete.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::service::Service;

#[tokio::test]
async fn the_quick_start_works_verbatim() {
    let blocks = quick_start();
    assert_eq!(blocks.len(), 5, "{blocks:#?}");
    assert_eq!(blocks[0].trim(), "make run");
    // an empty variable is as good as none: the secrets are generated, as they are for the reader
    let service = Service::start(&[
        ("AUTOLOG_WEBHOOK_SECRET", ""),
        ("AUTOLOG_OPERATOR_TOKENS", ""),
        ("AUTOLOG_APP_TOKENS", ""),
    ]);
    let run = |block: &str| run(&service, block);

    let enabled = run(&blocks[1]);
    assert_eq!(enabled["status"], "enabled", "{enabled}");
    assert_eq!(enabled["session"]["holders"][0]["operator"], "operator");

    let checked = run(&blocks[2]);
    assert_eq!(checked["enabled"], true, "{checked}");
    assert_eq!(checked["level"], "debug");
    let left = checked["expires_in_seconds"].as_u64().unwrap();
    assert!((890..=900).contains(&left), "{checked}");

    let observed = run(&blocks[3]);
    assert_eq!(observed["outcomes"][0]["outcome"], "opened", "{observed}");
    assert_eq!(
        service.check("billing", "production").await["enabled"],
        true
    );

    let disabled = run(&blocks[4]);
    assert_eq!(disabled["ended"], 1, "{disabled}");
    assert_eq!(
        service.check("billing", "production").await["enabled"],
        false
    );
    assert_eq!(service.check("shop", "production").await["enabled"], true);
}

/// The shell blocks of the quick start.
fn quick_start() -> Vec<String> {
    let readme = read("README.md");
    let (_, section) = readme.split_once("\n## Quick start\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}

/// Runs a block where the reader would; only the port differs.
fn run(service: &Service, block: &str) -> Value {
    let printed = "http://127.0.0.1:5000";
    assert!(block.contains(printed), "{block}");
    let ran = Command::new("bash")
        .args(["-euc", &block.replace(printed, service.url())])
        .current_dir(service.directory().path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[test]
fn every_link_of_the_documents_leads_to_a_file() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() {
                document.clone()
            } else {
                document.with_file_name("").join(path)
            };
            let linked = std::fs::read_to_string(&file).unwrap_or_default();
            let mut anchors = linked
                .lines()
                .filter(|line| line.starts_with('#'))
                .map(anchor);
            if !file.exists() || !(heading.is_empty() || anchors.any(|anchor| anchor == heading)) {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_error_code_is_documented() {
    let document: Value = serde_json::from_str(autolog::http::openapi::DOCUMENT).unwrap();
    let codes = &document["components"]["schemas"]["Problem"]["properties"]["code"]["examples"];
    let api = read("docs/api.md");
    let undocumented = |code: &&Value| !api.contains(&format!("`{}`", code.as_str().unwrap()));
    let undocumented: Vec<&Value> = codes
        .as_array()
        .unwrap()
        .iter()
        .filter(undocumented)
        .collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
}

#[tokio::test]
async fn every_metric_is_documented() {
    let operations = read("docs/operations.md");
    let service = Service::start(&[]);
    let session = serde_json::json!({"app": "shop", "environment": "production"});
    let (status, _) = service.post("/api/autolog/enable", &session).await;
    assert_eq!(status, 200);
    let (_, metrics) = service.admin("/metrics").await;
    let names = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP autolog"));
    let names: Vec<&str> = names.filter_map(|rest| rest.split(' ').next()).collect();
    assert!(names.len() > 30, "{names:?}");
    let documented = |name: &&str| {
        let name = format!("`autolog{name}");
        operations.contains(&format!("{name}`")) || operations.contains(&format!("{name}{{"))
    };
    let missing: Vec<&str> = names.into_iter().filter(|name| !documented(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_log_line_for_an_operator_is_documented() {
    let operations = read("docs/operations.md");
    let mut seen = 0;
    let mut missing = Vec::new();
    for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(source).unwrap();
        for level in ["info", "warn", "error"] {
            let call = format!("tracing::{level}!(");
            let calls = text.split(&call).skip(1);
            // the message is the first text of a call; what is filled in, or said after a colon, may differ
            let messages = calls.filter_map(|call| call.split('"').nth(1));
            let fixed = messages.filter_map(|message| message.split(['{', ':', '\\']).next());
            for message in fixed.filter(|message| !message.is_empty()) {
                seen += 1;
                if !operations.contains(&format!("`{}", message.trim_end())) {
                    missing.push(format!("{level}: {message}"));
                }
            }
        }
    }
    assert!(seen > 20, "{seen}");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Every file of Rust below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The link to a heading, as forges make it.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.map(|character| if character == ' ' { '-' } else { character })
        .collect()
}

/// Every Markdown file of the repository.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "docs", "docs/decisions"].map(|folder| root.join(folder));
    let files = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
