//! Where the file is, and the lock that its one server holds.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use super::OpenError;

pub(super) fn path_of(url: &str) -> Result<PathBuf, OpenError> {
    match url.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() && !path.contains('?') => Ok(PathBuf::from(path)),
        _ => Err(OpenError::Url(url.to_owned())),
    }
}

pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let failed = |source| OpenError::Lock { path: lock_path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_path_buf())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
