//! Secrets that the service makes for itself, once.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

/// Generates the secret file `name` in `dir` unless it is there.
///
/// A file appears whole or not at all: it is written aside, made durable, and then given its name, which fails
/// where another process was faster.
pub(super) fn ensure(dir: &Path, name: &str) -> io::Result<()> {
    let path = dir.join(name);
    if path.try_exists()? {
        return Ok(());
    }
    let aside = dir.join(format!(".{name}.{}.new", std::process::id()));
    write(&aside, &random()?)?;
    match std::fs::hard_link(&aside, &path) {
        Ok(()) => std::fs::remove_file(&aside)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::remove_file(&aside)?;
        }
        // Some file systems have no links.
        Err(_) => std::fs::rename(&aside, &path)?,
    }
    File::open(dir)?.sync_all()
}

fn write(path: &Path, secret: &SecretString) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", secret.expose_secret())?;
    file.sync_all()
}

/// 256 random bits as 64 hexadecimal digits.
fn random() -> io::Result<SecretString> {
    use std::fmt::Write as _;

    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").map_err(io::Error::other)?;
    }
    Ok(text.into())
}
