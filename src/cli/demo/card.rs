//! The second half of the story: an agent with a card.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use sandbox::agent::{
    Card, CardProof,
    card::{agent_token, receipt},
};
use serde_json::{Value, json};

use super::{
    error::DemoError,
    stage::{Seen, Stage},
    text,
};
use crate::clock::SystemClock;

/// A launch must be scheduled at least so far ahead.
const AHEAD_S: i64 = 900;
/// How late in a second the gateway and the core are still asked within it.
const LATE_MS: i64 = 400;
/// How often the refused launch is tried: a busy machine can be late.
const TRIES: usize = 20;

/// What the card agent went through.
pub(super) struct CardStory {
    /// The charged launch, then those that a credit paid.
    pub(super) launches: Vec<Seen>,
    pub(super) pack: Seen,
    pub(super) refused: Seen,
    pub(super) declined: Seen,
    /// Read with the agent token, at the end.
    pub(super) balance: i64,
    pub(super) listed: usize,
}

pub(super) async fn tell(stage: &Stage<'_>) -> Result<CardStory, DemoError> {
    let card = Card { method: String::from("pm_card_visa"), customer: Some(String::from("demo")) };
    let first = a_launch_by_card(stage, &card).await?;
    let token =
        agent_token(&first.response).ok_or("a charge came without an agent token")?.to_owned();
    let pack = a_pack(stage, &card).await?;
    let credited = three_on_credits(stage, &card, &token).await?;
    let refused = a_refused_launch(stage, &token).await?;
    let declined = a_declined_card(stage).await?;
    let (balance, listed) = reading(stage, &token).await?;
    let launches = std::iter::once(first).chain(credited).collect();
    Ok(CardStory { launches, pack, refused, declined, balance, listed })
}

async fn a_launch_by_card(stage: &Stage<'_>, card: &Card) -> Result<Seen, DemoError> {
    let story = stage.story;
    story.act(
        "A launch by card",
        "The same 402 has a challenge for cards too. The agent has a payment token minted for exactly that price, and sends it.",
    );
    let request = stage.launch("Card launch 1")?;
    let seen = by_card(stage, &request, card, 201, true).await?;
    story.said(&seen, &["x-charge"]);
    let receipt = receipt(&seen.response).ok_or("a charge came without a receipt")?;
    story.note(&format!("receipt {} of {}", receipt.reference, receipt.timestamp));
    story.secret("X-Agent-Token", seen.header("x-agent-token"));
    Ok(seen)
}

async fn a_pack(stage: &Stage<'_>, card: &Card) -> Result<Seen, DemoError> {
    let story = stage.story;
    story.act(
        "Twenty launches in advance",
        "A pack costs 12.00 USD and never expires. It belongs to the card's account.",
    );
    let request = stage.post("/credits/purchase", &json!({"pack": "pack_20"}))?;
    let seen = by_card(stage, &request, card, 200, false).await?;
    story.said(&seen, &["x-charge"]);
    story.value(&seen.body);
    Ok(seen)
}

async fn three_on_credits(
    stage: &Stage<'_>,
    card: &Card,
    token: &str,
) -> Result<Vec<Seen>, DemoError> {
    let story = stage.story;
    story.act(
        "Three launches on credits",
        "An agent that knows nothing of credits pays as before: a credit is taken instead of the card. The agent token needs no card at all, and reads what was paid for beside it.",
    );
    let plain = by_card(stage, &stage.launch("Card launch 2")?, card, 201, false).await?;
    story.said(&plain, &["x-charge"]);
    let mut launches = vec![plain];
    for number in 3..=4 {
        let seen = by_token(stage, &stage.launch(&format!("Card launch {number}"))?, token)
            .await?
            .expect(201)?;
        story.said(&seen, &["x-charge"]);
        launches.push(seen);
    }
    Ok(launches)
}

/// A launch that is far enough ahead in the second that the gateway looks at, and not in the
/// millisecond that the core looks at. Tried again where the second was over before: the gateway
/// refuses it then, and nothing was taken.
async fn a_refused_launch(stage: &Stage<'_>, token: &str) -> Result<Seen, DemoError> {
    let story = stage.story;
    story.act(
        "A launch that the core refuses",
        "Scheduled for exactly 15 minutes from this second, the least that is allowed: when the core looks, it is less. The credit comes back.",
    );
    for _ in 0..TRIES {
        let clock = SystemClock::default();
        let late_ms = clock.now_unix_ms().rem_euclid(1000);
        if late_ms > LATE_MS {
            tokio::time::sleep(Duration::from_millis(u64::try_from(1001 - late_ms).unwrap_or(0)))
                .await;
        }
        let at = payments::time::UnixMs::new((clock.now_unix_s() + AHEAD_S) * 1000).rfc3339_s();
        let body = json!({"title": "Too soon", "product_description": "Now", "platforms": ["twitter"], "scheduled_date": at});
        let seen = by_token(stage, &stage.post("/launches", &body)?, token).await?.expect(400)?;
        if seen.header("x-charge").contains("reason=refused") {
            story.note(text(&seen.body, "/error/message"));
            story.said(&seen, &["x-charge"]);
            return Ok(seen);
        }
        story.note("the gateway itself was late enough to see it; once more");
    }
    Err(DemoError::Missing("no launch reached the core in the second in which it was asked for"))
}

async fn a_declined_card(stage: &Stage<'_>) -> Result<Seen, DemoError> {
    let story = stage.story;
    story.act(
        "A card that is declined",
        "Another customer's card has no money left. Nothing is taken, and the 402 says why.",
    );
    let poor = Card {
        method: String::from("pm_card_chargeDeclinedInsufficientFunds"),
        customer: Some(String::from("poor")),
    };
    let seen = by_card(stage, &stage.launch("Never made")?, &poor, 402, false).await?;
    story.note(text(&seen.body, "/error/message"));
    story.said(&seen, &["x-charge"]);
    Ok(seen)
}

/// The balance of the account, and the launches of the holder.
async fn reading(stage: &Stage<'_>, token: &str) -> Result<(i64, usize), DemoError> {
    stage.story.act(
        "Reading with the agent token",
        "Free, and without a payment: the token says whose account it is.",
    );
    let credits = by_token(stage, &stage.get("/credits")?, token).await?.expect(200)?;
    stage.story.value(&credits.body);
    let list = by_token(stage, &stage.get("/launches")?, token).await?.expect(200)?;
    let listed = list.body.pointer("/data").and_then(Value::as_array).map_or(0, Vec::len);
    stage.story.note(&format!("{listed} launches"));
    let balance =
        credits.body.pointer("/data/balance").and_then(Value::as_i64).ok_or("no balance")?;
    Ok((balance, listed))
}

/// Asks, has a token minted and pays; the answer must have this status.
async fn by_card(
    stage: &Stage<'_>,
    request: &Request<Bytes>,
    card: &Card,
    status: u16,
    decoded: bool,
) -> Result<Seen, DemoError> {
    let story = stage.story;
    story.sent(request, None);
    let asked = stage.agent.send(request).await?;
    let agreed = stage.cents.choose(&asked)?;
    story.answered(&Seen::new(asked));
    if decoded {
        story.header(
            "WWW-Authenticate",
            "Payment, with this request",
            &Value::Object(agreed.challenge().request.clone()),
        );
    }
    story.note(&format!("{} USD to {}", agreed.amount(), agreed.network_id()));
    let token = stage.mint.token(&stage.agent.transport, card, &agreed).await?;
    let proof = CardProof::new(&agreed, &token, None);
    story.sent(request, None);
    story.credential(&format!("Payment (a token of {} for {} USD)", card.method, agreed.amount()));
    let response = stage.agent.present_card(request, &proof, None).await?;
    let seen = Seen::new(response);
    story.answered(&seen);
    seen.expect(status)
}

/// Asks as the account of the token. A launch has a name, so that a repeat of it would not be
/// another.
async fn by_token(
    stage: &Stage<'_>,
    request: &Request<Bytes>,
    token: &str,
) -> Result<Seen, DemoError> {
    let mut request = request.clone();
    if request.method() == http::Method::POST {
        let name = SystemClock::default().new_uuid().simple().to_string();
        request.headers_mut().insert("idempotency-key", name.parse().map_err(|_| "no name")?);
    }
    stage.story.sent(&request, None);
    stage.story.credential("Bearer (the agent token)");
    let response = stage.agent.present_token(&request, token).await?;
    let seen = Seen::new(response);
    stage.story.answered(&seen);
    Ok(seen)
}
