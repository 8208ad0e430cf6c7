//! Where the books are: a file, or a database of their own on a server, dropped with the last
//! gateway that uses it.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `TURNPIKE_TEST_STORE` | `sqlite`, one process on a file; `postgres`, two processes on a server | `sqlite` |
//! | `TURNPIKE_TEST_POSTGRES` | the server, as somebody who may make databases | `postgres://postgres@127.0.0.1:5432` |

use std::path::PathBuf;
use std::sync::Once;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row, SqliteConnection};

use super::audit::Audit;
use super::moment::random_bytes;

/// Before the process id and something random.
const PREFIX: &str = "turnpike_gw_";

/// Whether the books of this run are on a database server.
pub fn on_server() -> bool {
    match std::env::var("TURNPIKE_TEST_STORE").as_deref() {
        Err(_) | Ok("sqlite") => false,
        Ok("postgres") => true,
        Ok(other) => panic!("TURNPIKE_TEST_STORE is sqlite or postgres, not {other:?}"),
    }
}

/// The server of the tests, without a database.
pub fn server() -> String {
    std::env::var("TURNPIKE_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432".to_owned())
}

/// Where the server listens.
pub fn server_address() -> String {
    let server = server();
    let authority = server.split_once("://").unwrap().1;
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    if address.contains(':') { address.to_owned() } else { format!("{address}:5432") }
}

/// One database.
pub enum Database {
    File(PathBuf),
    Server(String),
}

impl Database {
    /// An empty database of this run's kind; a file is called `path`.
    pub fn make(path: PathBuf) -> Self {
        if !on_server() {
            return Self::File(path);
        }
        let name = Self::name_of_another();
        apart(execute(format!("CREATE DATABASE {name}")));
        Self::Server(name)
    }

    /// On a server: the tables are there already, copied. In each of hundreds of tests making them
    /// would take longer than the test.
    pub fn migrated(path: PathBuf) -> Self {
        if !on_server() {
            return Self::File(path);
        }
        let (name, template) = (Self::name_of_another(), super::tables::template());
        apart(execute(format!("CREATE DATABASE {name} TEMPLATE {template}")));
        Self::Server(name)
    }

    fn name_of_another() -> String {
        static OLD: Once = Once::new();
        OLD.call_once(|| apart(drop_left_overs()));
        format!("{PREFIX}{}_{}", std::process::id(), hex::encode(random_bytes::<8>()))
    }

    /// As `store.url` has it.
    pub fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite://{}", path.display()),
            Self::Server(name) => format!("{}/{name}", server()),
        }
    }

    /// The same database as it is reached through another address, which reads what passes.
    pub fn url_by(&self, address: std::net::SocketAddr) -> String {
        let url = self.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, name) = rest.split_once('/').unwrap();
        let user =
            authority.rsplit_once('@').map_or_else(String::new, |(user, _)| format!("{user}@"));
        format!("{scheme}://{user}{address}/{name}?sslmode=disable")
    }

    /// The name on the server, which no other database there has.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Server(name) => Some(name),
        }
    }

    /// The books, read only.
    pub fn audit(&self) -> Audit {
        match self {
            Self::File(path) => Audit::file(path.clone()),
            Self::Server(_) => Audit::server(self.url()),
        }
    }

    /// Waits until nothing is under way at the server any more: what a killed process had sent is
    /// done there or rolled back.
    pub async fn is_quiet(&self) {
        let at_work = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
                       and (state = 'active' or state like 'idle in transaction%')";
        if let Self::Server(_) = self {
            super::moment::eventually(
                "the server is quiet",
                std::time::Duration::from_secs(10),
                || async {
                    let left = self.audit().rows(at_work).await;
                    if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
                },
            )
            .await;
        }
    }

    /// Puts books in the place of none: the bytes of a file, or the SQL of a dump.
    pub async fn restore(&self, kept: &[u8]) {
        match self {
            Self::File(path) => std::fs::write(path, kept).unwrap(),
            Self::Server(_) => {
                let sql = String::from_utf8(kept.to_vec()).unwrap();
                let mut connection = connect(&self.url()).await;
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            }
        }
    }

    /// Somebody who writes behind the program's back.
    pub async fn writer(&self) -> Writer {
        match self {
            Self::File(path) => {
                let patience = std::time::Duration::from_secs(10);
                Writer::File(
                    SqliteConnectOptions::new()
                        .filename(path)
                        .busy_timeout(patience)
                        .connect()
                        .await
                        .unwrap(),
                )
            }
            Self::Server(_) => Writer::Server(connect(&self.url()).await),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Server(name) = self {
            apart(execute(format!("DROP DATABASE {name} WITH (FORCE)")));
        }
    }
}

/// A connection that may write.
pub enum Writer {
    File(SqliteConnection),
    Server(PgConnection),
}

impl Writer {
    /// The statements in the words of each kind of database.
    pub async fn execute(&mut self, on_file: &str, on_server: &str) {
        let failed = |error: sqlx::Error| panic!("{error}");
        match self {
            Self::File(connection) => sqlx::raw_sql(AssertSqlSafe(on_file))
                .execute(connection)
                .await
                .map(drop)
                .unwrap_or_else(failed),
            Self::Server(connection) => sqlx::raw_sql(AssertSqlSafe(on_server))
                .execute(connection)
                .await
                .map(drop)
                .unwrap_or_else(failed),
        }
    }

    /// Holds up every commit from now on, until this connection ends; what is read is not held up.
    pub async fn hold_commits(&mut self) {
        let on_server = "BEGIN; LOCK TABLE intents, credit_entries, refunds, obligations, settlements, auths IN EXCLUSIVE MODE";
        self.execute("BEGIN IMMEDIATE", on_server).await;
    }

    /// No credits can be granted, or they can be again.
    pub async fn grants(&mut self, allowed: bool) {
        if allowed {
            return self
                .execute(
                    "DROP TRIGGER IF EXISTS no_grants",
                    "DROP TRIGGER IF EXISTS no_grants ON credit_entries",
                )
                .await;
        }
        self.execute(
            "CREATE TRIGGER no_grants BEFORE INSERT ON credit_entries WHEN NEW.kind = 'grant' BEGIN SELECT RAISE(ABORT, 'not now'); END",
            "CREATE OR REPLACE FUNCTION no_grants() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
             CREATE TRIGGER no_grants BEFORE INSERT ON credit_entries FOR EACH ROW WHEN (NEW.kind = 'grant') EXECUTE FUNCTION no_grants()",
        )
        .await;
    }
}

/// A connection to a database on a server.
pub async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().unwrap();
    options.application_name("turnpike tests").connect().await.unwrap_or_else(|error| {
        panic!("PostgreSQL does not answer at {url}: {error}; start it, or say where it is in TURNPIKE_TEST_POSTGRES")
    })
}

async fn execute(statement: String) {
    try_execute(statement).await.unwrap();
}

/// A statement of the server's administrator, or what the server says.
pub async fn try_execute(statement: String) -> Result<(), String> {
    let mut connection = connect(&format!("{}/postgres", server())).await;
    let done = sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut connection).await;
    done.map(drop).map_err(|error| format!("{statement}: {error}"))
}

/// Databases of runs on this machine that were killed: their process is gone, and nobody is
/// connected.
async fn drop_left_overs() {
    let mut connection = connect(&format!("{}/postgres", server())).await;
    let idle = "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1)
                AND datname NOT IN (SELECT datname FROM pg_stat_activity WHERE datname IS NOT NULL)";
    for row in sqlx::query(idle).bind(PREFIX).fetch_all(&mut connection).await.unwrap() {
        let name: String = row.get(0);
        let process = name[PREFIX.len()..].split('_').next().unwrap_or_default();
        if process.parse::<u32>().is_ok() && !PathBuf::from("/proc").join(process).exists() {
            // Another run may be faster.
            let _ = sqlx::query(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}")))
                .execute(&mut connection)
                .await;
        }
    }
}

/// Runs it on a thread of its own: databases are made and dropped where nothing can be awaited.
pub fn apart<T: Send + 'static, F: Future<Output = T> + Send + 'static>(work: F) -> T {
    let run = || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    };
    std::thread::spawn(run).join().unwrap()
}

#[test]
fn a_database_is_reached_through_another_address() {
    let database = Database::File(PathBuf::from("/tmp"));
    assert_eq!(database.url(), "sqlite:///tmp");
    // Forgotten, because it was never made.
    let served = std::mem::ManuallyDrop::new(Database::Server("books".to_owned()));
    assert!(
        served.url_by(([127, 0, 0, 1], 7).into()).ends_with("@127.0.0.1:7/books?sslmode=disable"),
        "{}",
        served.url()
    );
}
