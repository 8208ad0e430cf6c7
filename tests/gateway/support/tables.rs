//! A database with the tables of today's migrations, made once by the program itself; the tests'
//! own are copies of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::OnceLock;

use super::database::{apart, server, try_execute};
use super::gateway::{Settings, command};
use super::moment::random_bytes;

/// Its name: made at the first question, and kept for the next run with the same migrations.
pub fn template() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let name = format!("turnpike_gwtables_{:016x}", migrations());
        if apart(try_execute(format!(
            "SELECT 1 / count(*) FROM pg_database WHERE datname = '{name}'"
        )))
        .is_err()
        {
            make(&name);
        }
        name
    })
}

/// Under another name until it is whole: another run may be making it too, and the first one stays.
fn make(name: &str) {
    let making = format!("turnpike_gw_{}_{}", std::process::id(), hex::encode(random_bytes::<8>()));
    apart(try_execute(format!("CREATE DATABASE {making}"))).unwrap();
    let settings = Settings::from([("store.url".to_owned(), format!("{}/{making}", server()))]);
    let dir = tempfile::TempDir::new().unwrap();
    let migrated = command(&settings, dir.path(), &["migrate"]).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    if apart(try_execute(format!("ALTER DATABASE {making} RENAME TO {name}"))).is_err() {
        apart(try_execute(format!("DROP DATABASE {making} WITH (FORCE)"))).unwrap();
    }
}

/// A number of all migrations together.
fn migrations() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = DefaultHasher::new();
    for file in files {
        std::fs::read(&file).unwrap().hash(&mut all);
    }
    all.finish()
}
