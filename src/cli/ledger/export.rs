//! `turnpike ledger export`: rows as a file, read page by page.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::filter::Filter;
use crate::{
    app::Beside,
    cli::invalid_argument::InvalidArgument,
    cli::{
        exit::{Exit, Failure},
        output,
        progress::Progress,
    },
    export::{Form, SOURCES, Source, What, Writer},
};

#[derive(Args)]
pub(super) struct ExportArguments {
    /// Which list: payments, journal, statement, owed, credits, requests, findings or actions.
    #[arg(long, default_value = "payments", value_parser = what)]
    what: What,
    /// `csv` (RFC 4180, with a header line) or `jsonl` (one JSON object a line).
    #[arg(long, value_parser = form)]
    format: Form,
    /// Output file, written atomically; default: standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For the journal: account or prefix.
    #[arg(long)]
    account: Option<String>,
    /// For `owed` and `findings`: include completed or closed rows.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: Filter,
}

pub(super) async fn run(beside: &Beside, arguments: ExportArguments) -> Result<Exit, Failure> {
    let filter = arguments.filter.read(beside.clock.now())?;
    let source = Source::of(arguments.what, filter, arguments.account, arguments.all)
        .map_err(|error| Failure::new(Exit::Arguments, format!("--{error}")))?;
    let sink = match arguments.out {
        Some(path) => Sink::file(path)?,
        None => Sink::standard_output(),
    };
    copy(beside, source, arguments.format, sink).await
}

/// Where rows go.
pub(super) enum Sink {
    StandardOutput,
    File { part: File, at: Unfinished, name: PathBuf },
}

/// A file that is not whole yet, and goes away unless it is.
pub(super) struct Unfinished(PathBuf);

/// Reads a list to its end, and says how many rows it had.
pub(super) async fn copy(
    beside: &Beside,
    mut source: Source,
    form: Form,
    mut sink: Sink,
) -> Result<Exit, Failure> {
    let progress = Progress::new();
    let mut writer = Writer::new(form);
    let mut rows = 0_u64;
    while let Some(chunk) = source
        .next(beside.desk.as_ref(), &mut writer)
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?
    {
        match sink.write(&chunk.bytes) {
            // A reader that has heard enough is no fault.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
            other => other.map_err(|error| unwritten(&error))?,
        }
        rows = rows.saturating_add(chunk.rows);
        progress.at(&rows_so_far(rows));
    }
    drop(progress);
    let place = sink.finish().map_err(|error| unwritten(&error))?;
    output::note(&format!("{}{place}", rows_so_far(rows)));
    Ok(Exit::Done)
}

fn rows_so_far(rows: u64) -> String {
    format!("{rows} {}", if rows == 1 { "row" } else { "rows" })
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("the export could not be written: {error}"))
}

// === impl Sink ===

impl Sink {
    pub(super) const fn standard_output() -> Self {
        Self::StandardOutput
    }

    /// Beside its name, so that the last step is one rename.
    fn file(name: PathBuf) -> Result<Self, Failure> {
        let mut part = name.clone().into_os_string();
        part.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(part);
        let cannot = |error: io::Error| {
            Failure::new(Exit::Arguments, format!("{}: {error}", part.display()))
        };
        if name.is_dir() {
            return Err(Failure::new(
                Exit::Arguments,
                format!("{} is a directory", name.display()),
            ));
        }
        let file = File::create(&part).map_err(cannot)?;
        Ok(Self::File { part: file, at: Unfinished(part), name })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::StandardOutput => {
                let mut out = io::stdout().lock();
                out.write_all(bytes).and_then(|()| out.flush())
            }
            Self::File { part, .. } => part.write_all(bytes),
        }
    }

    /// Gives the file its name, and says it.
    fn finish(self) -> io::Result<String> {
        let Self::File { part, at, name } = self else { return Ok(String::new()) };
        part.sync_all()?;
        drop(part);
        fs::rename(at.path(), &name)?;
        Ok(format!(" in {}", name.display()))
    }
}

// === impl Unfinished ===

impl Unfinished {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already once it has its name.
        drop(fs::remove_file(&self.0));
    }
}

fn what(text: &str) -> Result<What, InvalidArgument> {
    What::from_word(text)
        .ok_or_else(|| InvalidArgument::ExportSource(SOURCES.map(|(word, _)| word).join(", ")))
}

fn form(text: &str) -> Result<Form, InvalidArgument> {
    Form::from_word(text).ok_or(InvalidArgument::ExportForm)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn half_an_export_never_stands_under_its_name() {
        let dir = tempfile::TempDir::new().unwrap();
        let name = dir.path().join("payments.csv");
        fs::write(&name, "the one before").unwrap();
        let files = || fs::read_dir(dir.path()).unwrap().count();

        let mut half = Sink::file(name.clone()).unwrap();
        half.write(b"id\r\n").unwrap();
        assert_eq!((fs::read_to_string(&name).unwrap().as_str(), files()), ("the one before", 2));
        drop(half);
        assert_eq!(
            (fs::read_to_string(&name).unwrap().as_str(), files()),
            ("the one before", 1),
            "something was left"
        );

        let mut whole = Sink::file(name.clone()).unwrap();
        whole.write(b"id\r\n").unwrap();
        assert_eq!(whole.finish().unwrap(), format!(" in {}", name.display()));
        assert_eq!((fs::read_to_string(&name).unwrap().as_str(), files()), ("id\r\n", 1));
        assert!(
            Sink::file(dir.path().to_owned()).is_err()
                && Sink::file(dir.path().join("none/x.csv")).is_err()
        );
    }
}
