//! What the README prints works as printed.

use std::path::Path;
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
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
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
