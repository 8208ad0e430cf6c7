//! The acts, each an exchange or a few between the agent and the gateway.

use bytes::Bytes;
use http::Request;
use sandbox::agent::{Agreed, Proof, receipt};
use serde_json::Value;

use super::{
    chain,
    error::DemoError,
    stage::{Seen, Stage},
    text,
};

/// Free launches a month.
pub(super) const FREE: usize = 5;

/// The launch that was paid.
pub(super) struct Paid {
    request: Request<Bytes>,
    proof: Proof,
    pub(super) seen: Seen,
    pub(super) transaction: String,
    pub(super) units: u64,
}

pub(super) async fn a_stranger_asks(stage: &Stage<'_>) -> Result<Agreed, DemoError> {
    let story = stage.story;
    story.act(
        "A stranger asks without paying",
        "The answer is 402, and says how to pay. Nothing was stored and nothing is owed.",
    );
    let request = stage.launch("Launch 1")?;
    story.sent(&request, None);
    let (seen, challenge) = stage.challenged(&request).await?;
    story.answered(&seen);
    story.header("PAYMENT-REQUIRED", "base64 of", challenge.json());
    let agreed = stage.spending.choose(&challenge)?;
    story.price(&agreed);
    Ok(agreed)
}

pub(super) async fn five_free_launches(
    stage: &Stage<'_>,
    agreed: &Agreed,
) -> Result<Vec<Seen>, DemoError> {
    let story = stage.story;
    story.act(
        "Five launches for free",
        "The agent signs for the full price all the same: the proof says who it is. It is verified, used up, and never sent to the chain.",
    );
    let mut answers = Vec::new();
    for number in 1..=FREE {
        let request = stage.launch(&format!("Launch {number}"))?;
        let proof = stage.sign(agreed)?;
        story.sent(&request, Some(&proof));
        if number == 1 {
            story.header("PAYMENT-SIGNATURE", "base64 of", &shown(&proof));
        }
        let seen = stage.paid(&request, &proof, 201).await?;
        story.answered(&seen);
        story.said(&seen, &["x-charge"]);
        answers.push(seen);
    }
    Ok(answers)
}

pub(super) async fn the_sixth_is_paid(
    stage: &Stage<'_>,
    agreed: &Agreed,
) -> Result<Paid, DemoError> {
    let story = stage.story;
    story.act(
        "The sixth is paid",
        "The same kind of proof. Now the gateway sends it to the chain, waits until the USDC has arrived, and only then creates the launch.",
    );
    let request = stage.launch("Launch 6")?;
    let proof = stage.sign(agreed)?;
    story.sent(&request, Some(&proof));
    let seen = stage.paid(&request, &proof, 201).await?;
    story.answered(&seen);
    story.said(&seen, &["x-charge"]);
    let receipt = receipt::of(&seen.response).ok_or("a paid launch came without a receipt")?;
    story.header("PAYMENT-RESPONSE", "base64 of", &receipt);
    let transaction = text(&receipt, "/transaction").to_owned();
    let block = chain::block_of(stage, &transaction).await?;
    story.note(&format!(
        "settled on the chain in block {}",
        block.map_or(String::from("none"), |number| number.to_string())
    ));
    Ok(Paid { request, proof, seen, transaction, units: agreed.amount().get() })
}

pub(super) async fn the_same_proof_again(
    stage: &Stage<'_>,
    paid: &Paid,
) -> Result<Seen, DemoError> {
    let story = stage.story;
    story.act(
        "The same proof again",
        "As if the first answer had been lost on the way: the stored answer comes back, and nothing is charged a second time.",
    );
    story.sent(&paid.request, Some(&paid.proof));
    let seen = stage.paid(&paid.request, &paid.proof, 201).await?;
    story.answered(&seen);
    story.said(&seen, &["idempotent-replayed", "x-charge"]);
    Ok(seen)
}

/// The ids of the agent's launches.
pub(super) async fn identified_reads(
    stage: &Stage<'_>,
    paid: &Paid,
) -> Result<Vec<String>, DemoError> {
    let story = stage.story;
    story.act(
        "Reading, for free",
        "A free route asks who is there with a 402 of amount 0. The proof works once, and shows an agent its own launches only.",
    );
    let request = stage.get("/launches")?;
    story.sent(&request, None);
    let (seen, challenge) = stage.challenged(&request).await?;
    story.answered(&seen);
    story.price(&stage.spending.choose(&challenge)?);
    let list = read(stage, "/launches").await?;
    let launches: Vec<String> =
        list.pointer("/data").and_then(Value::as_array).map_or_else(Vec::new, |launches| {
            launches.iter().map(|launch| text(launch, "/id").to_owned()).collect()
        });
    story.note(&format!("{} launches", launches.len()));
    let id = text(&paid.seen.body, "/data/id");
    let launch = read(stage, &format!("/launches/{id}")).await?;
    story.note(&format!("{:?}, {}", text(&launch, "/data/name"), text(&launch, "/data/status")));
    let status = read(stage, &format!("/launches/{id}/status")).await?;
    story.value(&status);
    let usage = read(stage, "/usage").await?;
    story.value(&usage);
    Ok(launches)
}

/// A free route with a fresh proof of amount 0.
async fn read(stage: &Stage<'_>, path: &str) -> Result<Value, DemoError> {
    let request = stage.get(path)?;
    let (_, challenge) = stage.challenged(&request).await?;
    let agreed = stage.spending.choose(&challenge)?;
    let proof = stage.sign(&agreed)?;
    stage.story.sent(&request, Some(&proof));
    let seen = stage.paid(&request, &proof, 200).await?;
    stage.story.answered(&seen);
    stage.story.said(&seen, &["x-charge"]);
    Ok(seen.body)
}

/// The payload without what repeats the offer.
fn shown(proof: &Proof) -> Value {
    let mut json = proof.json().clone();
    if let Some(members) = json.as_object_mut() {
        members.remove("resource");
        if members.contains_key("accepted") {
            members
                .insert(String::from("accepted"), Value::from("(the offer above, word for word)"));
        }
    }
    json
}
