//! Charges whose key no longer answers.

use payments::{
    charge::Charge,
    ports::{CardError, CardOutcome, CardRail},
    time::UnixMs,
};
use serde_json::{Value, json};

use super::{
    canned::{CannedStripe, Heard, Reply},
    world::{AMOUNT, HOUR_MS, SAVED_AT, declined, form, intent, page, payment, rail, saved},
};

const LATE: UnixMs = SAVED_AT.plus_ms(26 * HOUR_MS);

/// One round of a charge at this moment.
async fn round(
    change: impl Fn(Charge) -> Charge,
    now: UnixMs,
    script: impl Fn(&Heard) -> Reply + Send + Sync + 'static,
) -> (Result<CardOutcome, CardError>, CannedStripe) {
    let (url, stripe) = CannedStripe::start(script).await;
    let rail = rail(&url);
    let charge = change(saved(&rail));
    (rail.charge(intent(), &charge, AMOUNT, now).await, stripe)
}

/// What search and list show; a single payment reads as it is in the list.
fn shows(searched: Value, listed: Value) -> impl Fn(&Heard) -> Reply + Send + Sync {
    move |call| match call.line().as_str() {
        "GET /payment_intents/search" => Reply::json(200, &page(searched.clone())),
        "GET /payment_intents" => Reply::json(200, &page(listed.clone())),
        "GET /payment_intents/pi_1" => Reply::json(200, &listed[0]),
        line => panic!("{line}"),
    }
}

#[tokio::test]
async fn nothing_is_sent_once_the_key_may_have_been_forgotten() {
    let all = || shows(json!([payment("processing")]), json!([payment("succeeded")]));
    let (outcome, stripe) = round(|charge| charge, LATE, all()).await;
    assert!(matches!(outcome, Ok(CardOutcome::Settled(_))), "{outcome:?}");
    assert_eq!(
        stripe.lines(),
        ["GET /payment_intents/search", "GET /payment_intents/pi_1"],
        "what search knows may be old"
    );
    let query = &form(&stripe.heard()[0].query)["query"];
    assert_eq!(*query, format!("metadata['gateway_payment_id']:'{}'", intent()));
    let (_, stripe) = round(|charge| charge, SAVED_AT.plus_ms(24 * HOUR_MS - 1), all()).await;
    assert!(!stripe.lines().contains(&String::from("POST /payment_intents")));
}

#[tokio::test]
async fn wiped_or_foreign_parameters_are_looked_up() {
    let changes: [fn(Charge) -> Charge; 2] = [
        |charge| Charge { sealed_params: Vec::new(), ..charge },
        |charge| Charge { sealed_params: b"pay_of_another|xx".to_vec(), ..charge },
    ];
    for change in changes {
        let (outcome, stripe) =
            round(change, SAVED_AT.plus_s(2), shows(json!([]), json!([payment("succeeded")])))
                .await;
        assert!(matches!(outcome, Ok(CardOutcome::Settled(_))), "{outcome:?}");
        assert_eq!(
            stripe.lines(),
            ["GET /payment_intents"],
            "search lags behind a charge that is this young"
        );
    }
}

#[tokio::test]
async fn search_that_knows_nothing_or_is_not_there_is_followed_by_the_list() {
    let (outcome, stripe) =
        round(|charge| charge, LATE, shows(json!([]), json!([payment("succeeded")]))).await;
    assert!(matches!(outcome, Ok(CardOutcome::Settled(_))), "{outcome:?}");
    let window = form(&stripe.heard()[1].query);
    let bound = |name: &str| window[name].parse::<i64>().unwrap();
    assert!(
        bound("created[gte]") < SAVED_AT.unix_s()
            && bound("created[lte]") > SAVED_AT.plus_ms(24 * HOUR_MS).unix_s()
    );

    let (outcome, _) = round(
        |charge| charge,
        LATE,
        |call| match call.line().as_str() {
            "GET /payment_intents/search" => Reply::text(400, "{}"),
            _ => Reply::json(200, &page(json!([payment("succeeded")]))),
        },
    )
    .await;
    assert!(matches!(outcome, Ok(CardOutcome::Settled(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_failure_that_search_shows_is_checked_in_the_list() {
    let mut twice = payment("succeeded");
    twice["id"] = json!("pi_2");
    let (outcome, _) = round(
        |charge| charge,
        LATE,
        shows(json!([payment("canceled")]), json!([payment("canceled"), twice])),
    )
    .await;
    assert!(matches!(outcome, Ok(CardOutcome::Settled(_))), "{outcome:?}");
}

#[tokio::test]
async fn absence_is_a_failure_only_an_hour_after_the_last_moment_of_the_key() {
    let nothing = || shows(json!([]), json!([]));
    for (hours, ended) in [(24, false), (25, true), (24 * 90, true)] {
        let (outcome, _) =
            round(|charge| charge, SAVED_AT.plus_ms(hours * HOUR_MS), nothing()).await;
        if ended {
            assert_eq!(outcome, Ok(declined("payment_never_made")), "{hours} h")
        } else {
            assert!(matches!(outcome, Err(CardError::Unreachable(_))), "{hours} h: {outcome:?}")
        }
    }
    let mut strangers = payment("succeeded");
    strangers["metadata"] = json!({"gateway_payment_id": "pay_00000000000000000000000000000008"});
    let (outcome, _) =
        round(|charge| charge, LATE, shows(json!([strangers]), json!([strangers]))).await;
    assert_eq!(outcome, Ok(declined("payment_never_made")));
}

#[tokio::test]
async fn a_list_that_does_not_answer_or_does_not_end_proves_no_absence() {
    let (outcome, _) = round(|charge| charge, LATE, |_| Reply::text(500, "{}")).await;
    assert!(matches!(outcome, Err(CardError::Unreachable(_))), "{outcome:?}");
    let (outcome, stripe) = round(
        |charge| charge,
        LATE,
        |_| {
            let mut strangers = payment("succeeded");
            strangers["metadata"] = json!({});
            Reply::json(200, &json!({"data": [strangers], "has_more": true}))
        },
    )
    .await;
    assert!(matches!(outcome, Err(CardError::Unreachable(_))), "{outcome:?}");
    assert!(stripe.lines().len() > 100);
}

#[tokio::test]
async fn the_list_is_read_page_by_page() {
    let (outcome, stripe) = round(
        |charge| charge,
        LATE,
        |call| {
            let mut other = payment("succeeded");
            other["metadata"] = json!(null);
            other["id"] = json!("pi_0");
            match (call.line().as_str(), call.query.contains("starting_after=pi_0")) {
                ("GET /payment_intents/search", _) => Reply::json(200, &page(json!([]))),
                (_, false) => Reply::json(200, &json!({"data": [other], "has_more": true})),
                (_, true) => Reply::json(200, &page(json!([payment("succeeded")]))),
            }
        },
    )
    .await;
    assert!(matches!(outcome, Ok(CardOutcome::Settled(_))), "{outcome:?}");
    assert_eq!(stripe.lines().len(), 3);
}
