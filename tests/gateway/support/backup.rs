//! Books as they were once, put back in the place of newer ones, as an operator does after a disk
//! is lost.

use sqlx::AssertSqlSafe;

use super::World;
use super::database::{Database, connect, server};

/// A copy of books; one on a server goes with its process's other databases.
pub enum Backup {
    File(Vec<u8>),
    Server(String),
    /// Books that were never there.
    Nothing,
}

impl Database {
    /// A copy, while nobody has them open.
    async fn copied(&self) -> Backup {
        match self {
            Self::File(path) => {
                let copy = path.with_extension("copy");
                // Whatever is still in the file's log comes along.
                self.writer().await.execute(&format!("VACUUM INTO '{}'", copy.display()), "").await;
                let bytes = std::fs::read(&copy).unwrap();
                remove(&copy);
                Backup::File(bytes)
            }
            Self::Server(name) => {
                let copy = format!("{name}_copy");
                administer(&[format!("CREATE DATABASE {copy} TEMPLATE {name}")]).await;
                Backup::Server(copy)
            }
        }
    }

    /// Puts a copy in their place, while nobody has them open.
    async fn replaced_by(&self, backup: &Backup) {
        match (self, backup) {
            (Self::File(path), Backup::File(bytes)) => {
                remove(path);
                std::fs::write(path, bytes).unwrap();
            }
            (Self::File(path), _) => remove(path),
            (Self::Server(name), backup) => {
                let from = match backup {
                    Backup::Server(copy) => format!(" TEMPLATE {copy}"),
                    Backup::File(_) | Backup::Nothing => String::new(),
                };
                administer(&[
                    format!("DROP DATABASE {name} WITH (FORCE)"),
                    format!("CREATE DATABASE {name}{from}"),
                ])
                .await;
            }
        }
    }
}

impl Backup {
    /// Done with it.
    pub async fn dropped(self) {
        if let Self::Server(copy) = self {
            administer(&[format!("DROP DATABASE IF EXISTS {copy}")]).await;
        }
    }
}

fn remove(path: &std::path::Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

async fn administer(statements: &[String]) {
    let mut connection = connect(&format!("{}/postgres", server())).await;
    for statement in statements {
        let done = sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut connection).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

impl World {
    /// Stops everything for a copy of the books.
    pub async fn back_up(&mut self) -> Backup {
        self.stop().await;
        let backup = self.gateway.database.copied().await;
        self.start_again().await;
        backup
    }

    /// Goes on with the books as they were.
    pub async fn restore(&mut self, backup: &Backup) {
        self.stop().await;
        self.gateway.database.replaced_by(backup).await;
        self.start_again().await;
    }

    /// Goes on with books that know nothing.
    pub async fn forget(&mut self) {
        self.restore(&Backup::Nothing).await;
    }

    async fn stop(&mut self) {
        for gateway in self.gateways_mut() {
            assert!(gateway.sigterm().await.success(), "{}", gateway.logs());
        }
    }

    async fn start_again(&mut self) {
        for gateway in self.gateways_mut() {
            gateway.restart().await;
        }
    }
}
