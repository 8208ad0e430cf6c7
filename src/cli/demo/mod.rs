//! `turnpike demo`: a gateway, a chain, a card processor and two agents in this process, and the
//! whole story between them: a 402, five free launches, a paid one and its replay; a card, a pack
//! of credits and what becomes of them; and books that agree with chain and processor.

mod acts;
mod books;
mod card;
mod card_checks;
mod chain;
mod checks;
mod error;
mod place;
mod stage;
mod story;

use std::{net::Ipv4Addr, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    exit::{Exit, Failure},
    output,
};
use crate::{
    app,
    config::{Config, PublicUrl},
};
use checks::Outcome;
use error::DemoError;
use place::Place;
use stage::Stage;
use story::Story;

/// How to tell it.
#[derive(Args)]
pub(super) struct DemoArguments {
    /// Keep all files in this directory, which must be new or empty; default: a temporary one,
    /// removed at the end.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Print only one JSON object at the end.
    #[arg(long)]
    json: bool,
}

/// Lives through the story. Done only if every check holds.
pub(super) async fn run(arguments: DemoArguments) -> Result<Exit, Failure> {
    let place = Place::prepare(arguments.dir.as_deref())?;
    let story = Story::new(!arguments.json);
    let told = tokio::select! {
        told = tell(&place, &story) => told,
        _ = tokio::signal::ctrl_c() => Err(DemoError::Interrupted),
    };
    let (exit, summary) = match told {
        Ok(outcome) => {
            story.after(&place);
            let exit = if outcome.all_hold() { Exit::Done } else { Exit::Failed };
            (exit, outcome.json())
        }
        Err(why) => {
            eprintln!("turnpike: the demo broke off: {why}");
            (Exit::Failed, json!({"ok": false, "error": why.to_string()}))
        }
    };
    if arguments.json {
        output::line(&summary.to_string());
    }
    Ok(exit)
}

/// Opens the gateway, plays, and closes it again whatever happened.
async fn tell(place: &Place, story: &Story) -> Result<Outcome, DemoError> {
    let agents = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(DemoError::NoPort)?;
    let address = agents.local_addr().map_err(DemoError::NoAddress)?;
    let mut config = configuration(place)?;
    config.server.public_url = PublicUrl::of(address);
    let running =
        app::start_on(&config, agents).await.map_err(|error| DemoError::Start(Box::new(error)))?;
    let outcome = match Stage::set(&config, &running, story) {
        Ok(stage) => play(&stage, place).await,
        Err(why) => Err(why),
    };
    running.stop().await?;
    outcome
}

async fn play(stage: &Stage<'_>, place: &Place) -> Result<Outcome, DemoError> {
    stage.story.opening(stage, place);
    let agreed = acts::a_stranger_asks(stage).await?;
    let free = acts::five_free_launches(stage, &agreed).await?;
    let paid = acts::the_sixth_is_paid(stage, &agreed).await?;
    let replay = acts::the_same_proof_again(stage, &paid).await?;
    let launches = acts::identified_reads(stage, &paid).await?;
    let card = card::tell(stage).await?;
    let books = books::shown(stage).await?;
    let told = checks::Told {
        free: &free,
        paid: &paid,
        replay: &replay,
        launches: &launches,
        books: &books,
    };
    let mut outcome = checks::all(stage, &told).await?;
    outcome.add(card_checks::all(stage, &card, &books).await?);
    stage.story.checks(&outcome);
    Ok(outcome)
}

/// Everything in the demo's place, on free ports; nothing of the environment reaches it.
fn configuration(place: &Place) -> Result<Config, DemoError> {
    let dir = place.path();
    let settings = [
        String::from("server.listen=127.0.0.1:0"),
        String::from("server.operator_listen=127.0.0.1:0"),
        String::from("sandbox.chain_listen=127.0.0.1:0"),
        String::from("sandbox.stripe_listen=127.0.0.1:0"),
        format!("store.url=sqlite://{}", dir.join("turnpike.db").display()),
        format!("sandbox.dir={}", dir.join("turnpike-sandbox").display()),
    ];
    Ok(Config::load(None, std::iter::empty(), &settings)?)
}

/// A member of an answer as text.
fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
