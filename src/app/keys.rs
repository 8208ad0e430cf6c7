//! Keys of a sandbox: made at the first start and kept, so that a killed gateway comes back to the
//! same world. Never used beside a live rail, which must be given its own.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::clock;

/// What a sandbox keeps.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxKeys {
    /// The settling signer's private key.
    pub signer_key: String,
    /// The private key of the receiving address; nothing needs it but somebody who wants to look.
    pub pay_to_key: String,
    /// Key of the sealed columns.
    pub seal_key: String,
    /// Signs the challenges for cards.
    #[serde(default)]
    pub challenge_key: String,
    /// Names card accounts.
    #[serde(default)]
    pub account_key: String,
    /// Makes agent tokens.
    #[serde(default)]
    pub token_key: String,
}

/// The keys cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file system refused.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not what this program wrote.
    #[error("{0} does not hold the keys of a sandbox")]
    Contents(PathBuf),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] clock::NoRandomness),
}

impl SandboxKeys {
    /// Reads `keys.toml` in the sandbox's directory, or makes both.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn load_or_make(dir: &Path) -> Result<Self, KeysError> {
        let path = Self::path(dir);
        let file_error = |source| KeysError::File { path: path.clone(), source };
        let mut keys = Self::load(dir)?.unwrap_or_default();
        if keys.fill()? {
            let text = toml::to_string(&keys).map_err(|_| KeysError::Contents(path.clone()))?;
            fs::create_dir_all(dir)
                .and_then(|()| write_private(&path, &text))
                .map_err(file_error)?;
        }
        Ok(keys)
    }

    /// Makes the keys that are not there: all of them at the first start, later what a newer
    /// program needs.
    fn fill(&mut self) -> Result<bool, clock::NoRandomness> {
        let mut made = false;
        let keys = [
            &mut self.signer_key,
            &mut self.pay_to_key,
            &mut self.seal_key,
            &mut self.challenge_key,
            &mut self.account_key,
            &mut self.token_key,
        ];
        for key in keys.into_iter().filter(|key| key.is_empty()) {
            *key = fresh()?;
            made = true;
        }
        Ok(made)
    }

    /// Reads the keys; `None` before the first start.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn load(dir: &Path) -> Result<Option<Self>, KeysError> {
        let path = Self::path(dir);
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map(Some).map_err(|_| KeysError::Contents(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(KeysError::File { path, source }),
        }
    }

    /// Where they are kept.
    pub fn path(dir: &Path) -> PathBuf {
        dir.join("keys.toml")
    }
}

fn fresh() -> Result<String, clock::NoRandomness> {
    clock::random_bytes::<32>().map(hex::encode)
}

/// Readable by its owner only, and whole or not there at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let whole = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&whole)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(whole, path)
}
