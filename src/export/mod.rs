//! Rows as a file: CSV for spreadsheets, JSON lines for programs. The same bytes over HTTP, from
//! the command line and in a test.
//!
//! A [`Writer`] takes rows page by page and gives chunks, so that an export is never whole in
//! memory. A [`Source`] reads the pages. CSV is RFC 4180 with CRLF and a header line, also where
//! there are no rows; the columns of each kind of row and their order are its [`Sheet::COLUMNS`],
//! and never depend on the rows. JSON lines are the rows as the API gives them.

mod sheets;
mod source;
#[cfg(test)]
mod tests;

use csv::Terminator;
use serde::Serialize;
use serde_json::Value;

pub use source::{BEGINNING, END, PAGE, SOURCES, Source, SourceError, What};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// RFC 4180, with a header line.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// A kind of row that can be a file.
pub trait Sheet: Serialize {
    /// The columns in their order. A name without a dot is a member of the row: text, number, true
    /// or false, nothing where there is none, and JSON where it has members of its own.
    /// `lines.account` is the member `account` of each entry of the list `lines`: such a row
    /// becomes one record per entry.
    const COLUMNS: &'static [&'static str];
}

/// A row could not be written; a fault of ours, since every row is made by us.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// As JSON.
    #[error("a row is no JSON")]
    Json(#[from] serde_json::Error),
    /// As CSV.
    #[error("a row is no CSV")]
    Csv(#[from] csv::Error),
}

/// Writes rows of one kind, chunk by chunk.
#[derive(Debug)]
pub struct Writer {
    form: Form,
    header_due: bool,
}

// === impl Form ===

impl Form {
    /// The form of a word: `csv` or `jsonl`.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::JsonLines),
            _ => None,
        }
    }

    /// The word, which is the file's ending, too.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/jsonl; charset=utf-8",
        }
    }
}

// === impl Writer ===

impl Writer {
    /// Nothing is written yet.
    pub fn new(form: Form) -> Self {
        Self { form, header_due: form == Form::Csv }
    }

    /// The bytes of some rows, which follow those of the call before. The first CSV chunk begins
    /// with the header line: call it once without rows when there are none.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn rows<S: Sheet>(&mut self, rows: &[S]) -> Result<Vec<u8>, ExportError> {
        match self.form {
            Form::JsonLines => json_lines(rows),
            Form::Csv => self.csv(rows),
        }
    }

    fn csv<S: Sheet>(&mut self, rows: &[S]) -> Result<Vec<u8>, ExportError> {
        let mut out =
            csv::WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
        if std::mem::take(&mut self.header_due) {
            out.write_record(
                S::COLUMNS.iter().map(|column| column.rsplit('.').next().unwrap_or(column)),
            )?;
        }
        for row in rows {
            records(S::COLUMNS, &serde_json::to_value(row)?, &mut out)?;
        }
        out.into_inner().map_err(|error| ExportError::Csv(error.into_error().into()))
    }
}

fn json_lines<S: Sheet>(rows: &[S]) -> Result<Vec<u8>, ExportError> {
    let mut out = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut out, row)?;
        out.push(b'\n');
    }
    Ok(out)
}

/// The record of a row, or one per entry of its list.
fn records(
    columns: &[&str],
    row: &Value,
    out: &mut csv::Writer<Vec<u8>>,
) -> Result<(), csv::Error> {
    let list = columns.iter().find_map(|column| column.split_once('.')).map(|(list, _)| list);
    let one = [Value::Null];
    let entries = list.map_or(&one[..], |list| row[list].as_array().map_or(&[][..], Vec::as_slice));
    for entry in entries {
        out.write_record(columns.iter().map(|column| match column.split_once('.') {
            Some((_, member)) => cell(&entry[member]),
            None => cell(&row[*column]),
        }))?;
    }
    Ok(())
}

/// Numbers stay numbers; a text that a spreadsheet would take for a formula gets an apostrophe,
/// which says that it is text.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
            format!("'{text}")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
