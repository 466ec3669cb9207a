//! The data directory: there, and writable for this process.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The data directory cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("AUTOLOG_DATA_DIR: the data directory {} cannot be written by {user}", path.display())]
pub struct DataDirError {
    /// The directory.
    pub path: PathBuf,
    /// The user this process runs as.
    pub user: String,
    /// What the system said.
    pub source: io::Error,
}

impl DataDirError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            user: user(),
            source,
        }
    }
}

/// Makes sure that `dir` is there, made for its owner alone if it was not, and that files can be written in it.
pub fn prepare(dir: &Path) -> Result<(), DataDirError> {
    let tried = || {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let probe = dir.join(format!(".writable.{}", std::process::id()));
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&probe)?;
        std::fs::remove_file(&probe)
    };
    tried().map_err(|source| DataDirError::new(dir, source))
}

/// The user this process runs as, by number and by name where they are known.
fn user() -> String {
    let Ok(process) = std::fs::metadata("/proc/self") else {
        return "this user".to_owned();
    };
    let number = process.uid();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    match name_of(number, &users) {
        Some(name) => format!("user {number} ({name})"),
        None => format!("user {number}"),
    }
}

/// Finds the name of a user in the lines of `passwd(5)`.
fn name_of(number: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?;
        (uid.parse() == Ok(number)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_cannot_be_written_is_an_error_that_names_user_and_path() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = prepare(&file.join("data")).unwrap_err().to_string();
        assert!(error.contains("file/data"), "{error}");
        assert!(error.contains("user "), "{error}");
    }

    #[test]
    fn a_missing_directory_is_made_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("a/b");
        prepare(&data).unwrap();
        assert_eq!(data.metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
    }

    #[test]
    fn users_are_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nautolog:x:65532:65532::/data:/none\n";
        assert_eq!(name_of(65_532, users), Some("autolog"));
        assert_eq!(name_of(1, users), None);
    }
}
