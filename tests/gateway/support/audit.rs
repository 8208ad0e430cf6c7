//! The books as an auditor reads them: the `audit_*` views, over a connection that cannot write.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Row, TypeInfo, ValueRef};

/// The database file of one gateway.
pub struct Audit {
    pub path: PathBuf,
}

/// One row of a view, by column.
pub type Line = Map<String, Value>;

impl Audit {
    /// Every row of `view`, and the assurance that it is there.
    pub async fn view(&self, view: &str) -> Vec<Line> {
        self.rows(&format!("select * from audit_{view}")).await
    }

    pub async fn rows(&self, sql: &str) -> Vec<Line> {
        let options = SqliteConnectOptions::new().filename(&self.path).read_only(true).busy_timeout(Duration::from_secs(10));
        let mut connection = options.connect().await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(line).collect()
    }
}

fn line(row: &SqliteRow) -> Line {
    let mut line = Map::new();
    for column in row.columns() {
        let at = column.ordinal();
        let kind = row.try_get_raw(at).unwrap().type_info().name().to_owned();
        let value = match kind.as_str() {
            "NULL" => Value::Null,
            "INTEGER" | "BOOLEAN" => row.get_unchecked::<i64, _>(at).into(),
            "BLOB" => hex::encode(row.get_unchecked::<Vec<u8>, _>(at)).into(),
            _ => row.get_unchecked::<String, _>(at).into(),
        };
        line.insert(column.name().to_owned(), value);
    }
    line
}

/// A column as text; nothing is the empty string, a missing column is a panic.
#[track_caller]
pub fn text(line: &Line, column: &str) -> String {
    match line.get(column) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
        None => panic!("the view has no column {column}: {line:?}"),
    }
}

/// A column as a whole number, however the view writes it.
#[track_caller]
pub fn number(line: &Line, column: &str) -> i128 {
    let text = text(line, column);
    text.parse().unwrap_or_else(|_| panic!("{column} is not a whole number: {text:?}"))
}

#[tokio::test]
async fn a_view_is_read_with_its_types() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("books.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut writer = options.connect().await.unwrap();
    let view = "create view audit_t as select 'a' as id, 5 as n, '-7' as m, null as missing, x'ab' as raw";
    sqlx::query(view).execute(&mut writer).await.unwrap();
    let lines = Audit { path }.view("t").await;
    assert_eq!(lines.len(), 1);
    assert_eq!((text(&lines[0], "id").as_str(), number(&lines[0], "n")), ("a", 5));
    assert_eq!((number(&lines[0], "m"), text(&lines[0], "missing")), (-7, String::new()));
    assert_eq!(text(&lines[0], "raw"), "ab");
}
