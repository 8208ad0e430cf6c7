//! The profiles and schemas that are part of the binary, and where the files of other profiles are
//! found.

use std::path::{Path, PathBuf};

const PROFILES: [(&str, &str); 1] =
    [("dropspace", include_str!("../../../contracts/profiles/dropspace.toml"))];

const SCHEMAS: [(&str, &str); 2] = [
    ("create-launch.json", include_str!("../../../contracts/schemas/create-launch.json")),
    ("update-launch.json", include_str!("../../../contracts/schemas/update-launch.json")),
];

/// Where the schemas of a profile are.
#[derive(Debug, Clone)]
pub(super) enum SchemaSource {
    /// In the binary.
    Builtin,
    /// Beside the profile's file, in `schemas/` beside its folder, or in the binary.
    Beside(PathBuf),
}

/// A name of no profile.
#[derive(Debug, thiserror::Error)]
#[error("neither a built-in profile ({known}) nor a readable file: {0}", known = names())]
pub(super) struct ProfileFileError(std::io::Error);

/// Why there is no schema of a name.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    /// It is a path, or hidden.
    #[error("expected the name of a file in contracts/schemas")]
    NoName,
    /// The file is there.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// Neither beside the profile nor in the binary.
    #[error("no such schema")]
    Unknown,
}

/// The text of a profile and where its schemas are.
///
/// # Errors
/// Neither a built-in name nor a readable file.
pub(super) fn profile(name_or_path: &str) -> Result<(String, SchemaSource), ProfileFileError> {
    if let Some((_, text)) = PROFILES.iter().find(|(name, _)| *name == name_or_path) {
        return Ok(((*text).to_owned(), SchemaSource::Builtin));
    }
    let path = Path::new(name_or_path);
    let text = std::fs::read_to_string(path).map_err(ProfileFileError)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok((text, SchemaSource::Beside(folder)))
}

fn names() -> String {
    PROFILES.map(|(name, _)| name).join(", ")
}

impl SchemaSource {
    /// The text of a schema.
    ///
    /// # Errors
    /// The name is a path, or no such schema.
    pub(super) fn read(&self, name: &str) -> Result<String, SchemaError> {
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(SchemaError::NoName);
        }
        if let Self::Beside(folder) = self {
            for path in [folder.join(name), folder.join("../schemas").join(name)] {
                match std::fs::read_to_string(&path) {
                    Ok(text) => return Ok(text),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(SchemaError::Unreadable(error)),
                }
            }
        }
        SCHEMAS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| (*text).to_owned())
            .ok_or(SchemaError::Unknown)
    }
}
