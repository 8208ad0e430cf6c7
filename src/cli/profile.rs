//! `turnpike profile upgrade`: a profile file in the format that this program reads. It needs no
//! configuration.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{
    exit::{Exit, Failure},
    output,
};
use crate::upstream::profile::{ProfileError, Upgrade, upgrade};

/// What to do with a profile file.
#[derive(Args)]
pub(super) struct ProfileArguments {
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Subcommand)]
enum ProfileCommand {
    /// Write a file of schema 1 as schema 2, with its comments, order and variables. One of schema
    /// 2 is written as it is.
    Upgrade {
        /// The file; it is not modified.
        file: PathBuf,
        /// Output file, which must not exist; default: standard output.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(super) fn run(arguments: &ProfileArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        ProfileCommand::Upgrade { file, output } => upgraded(file, output.as_deref()),
    }
}

fn upgraded(file: &Path, to: Option<&Path>) -> Result<Exit, Failure> {
    let name = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::new(Exit::Arguments, format!("{name}: {error}")))?;
    let mistaken = |mistakes| {
        Failure::from_error(Exit::Arguments, &ProfileError { profile: name.to_string(), mistakes })
    };
    match upgrade(&text).map_err(mistaken)? {
        Upgrade::Current => {
            write(&text, to)?;
            output::note(&format!("{name} is schema 2 already"));
        }
        Upgrade::Written { text, names_api_keys } => {
            write(&text, to)?;
            if !names_api_keys {
                output::note(
                    "keys of the API itself pass only where [api_keys] names them and their routes; the file has no such table",
                );
            }
        }
    }
    Ok(Exit::Done)
}

/// Writes the whole text to a new file, or to standard output.
fn write(text: &str, to: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = to else {
        return print(text)
            .map_err(|error| Failure::new(Exit::Failed, format!("standard output: {error}")));
    };
    let failed =
        |exit, error: io::Error| Failure::new(exit, format!("{}: {error}", path.display()));
    let mut file = File::create_new(path).map_err(|error| failed(Exit::Arguments, error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(Exit::Failed, error))
}

/// A reader that went away is no error.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Arguments;

    #[test]
    fn an_upgrade_reads_one_file_and_writes_one_at_most() {
        let parse = |rest: &str| {
            Arguments::try_parse_from(format!("turnpike profile{rest}").split(' ')).is_ok()
        };
        assert!(parse(" upgrade any.toml") && parse(" upgrade any.toml --output new.toml"));
        for wrong in [
            "",
            " upgrade",
            " upgrade any.toml new.toml",
            " upgrade any.toml --output",
            " downgrade any.toml",
        ] {
            assert!(!parse(wrong), "{wrong}");
        }
    }
}
