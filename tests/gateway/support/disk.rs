//! A small file system that can be filled and emptied.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file system of some megabytes in memory, unmounted with this.
pub struct SmallDisk {
    dir: TempDir,
}

impl SmallDisk {
    /// Mounts it.
    ///
    /// # Panics
    /// If this process may not mount.
    pub fn mount(megabytes: u32) -> Self {
        let dir = TempDir::new().unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"], dir.path());
        Self { dir }
    }

    /// A file on it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Takes all the space that is left.
    pub fn fill(&self) {
        let mut file =
            std::fs::File::options().create(true).append(true).open(self.path("ballast")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
    }

    /// Gives the space back.
    pub fn free(&self) {
        let _ = std::fs::remove_file(self.path("ballast"));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.dir.path()).status();
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) {
    let done = Command::new(program).args(arguments).arg(path).output().unwrap();
    assert!(
        done.status.success(),
        "{program}: {}: this test needs to mount a file system: run it as root",
        String::from_utf8_lossy(&done.stderr)
    );
}
