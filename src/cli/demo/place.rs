//! Where the demo keeps its books, its chain and its keys.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    cli::exit::{Exit, Failure},
    clock::SystemClock,
};

/// A directory; a temporary one goes with its handle.
pub(super) struct Place {
    path: PathBuf,
    kept: bool,
}

// === impl Place ===

impl Place {
    /// A directory to keep, which must be new or empty: the story begins with five free launches,
    /// and they can be had once a month. Without one, a fresh temporary directory that nobody else
    /// can read.
    pub(super) fn prepare(chosen: Option<&Path>) -> Result<Self, Failure> {
        let (path, kept) = match chosen {
            Some(path) => (path.to_path_buf(), true),
            None => (
                std::env::temp_dir()
                    .join(format!("turnpike-demo-{}", SystemClock::default().new_uuid().simple())),
                false,
            ),
        };
        let unusable = |error: std::io::Error| {
            Failure::new(Exit::Arguments, format!("cannot use {}: {error}", path.display()))
        };
        if kept && path.exists() {
            let mut entries = fs::read_dir(&path).map_err(unusable)?;
            if entries.next().is_some() {
                return Err(Failure::new(
                    Exit::Arguments,
                    format!("{} is not empty: the demo begins with new books", path.display()),
                ));
            }
        } else {
            private_dir(&path, kept).map_err(unusable)?;
        }
        Ok(Self { path, kept })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_kept(&self) -> bool {
        self.kept
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("turnpike: cannot remove {}: {error}", self.path.display());
        }
    }
}

fn private_dir(path: &Path, with_parents: bool) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(with_parents);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_temporary_place_goes_and_a_chosen_one_stays() {
        let temporary = Place::prepare(None).unwrap();
        let path = temporary.path().to_path_buf();
        fs::write(path.join("books"), "x").unwrap();
        drop(temporary);
        assert!(!path.exists());

        let dir = tempfile::tempdir().unwrap();
        let chosen = dir.path().join("a/b");
        drop(Place::prepare(Some(&chosen)).unwrap());
        assert!(chosen.exists());
        drop(Place::prepare(Some(&chosen)).unwrap());
        fs::write(chosen.join("turnpike.db"), "x").unwrap();
        assert_eq!(Place::prepare(Some(&chosen)).map(drop).unwrap_err().exit, Exit::Arguments);
    }
}
