//! What operators read is what the books hold, whatever they ask for.

mod filters;
mod real;
mod sums;

use payments::{
    ids::PaymentId,
    intent::Intent,
    money::Credits,
    ports::{
        ActionName, AdjustmentKind, Books, CardBooks, Claimed, CreditAdjustment, NewClaim,
        RefundApproval,
        desk::{DeskBooks, Page, PaymentFilter, PaymentRow, PostingRow},
    },
    settlement::{PaymentFailure, TEST_CHAINS},
};
use testkit::{
    rail::by_transfer,
    suite::{Draft, charged_by},
    upstream::answer,
};

use super::{Store, block_on, cards, fold_all, make};

const STEP_MS: i64 = 420_000;
const PAYMENTS: u64 = 36;

/// An id of the draft's moment, as the service makes them.
fn named(draft: &Draft) -> PaymentId {
    let random = [u8::try_from(draft.number).unwrap(); 10];
    PaymentId::new(
        uuid::Builder::from_unix_timestamp_millis(u64::try_from(draft.at.ms()).unwrap(), &random)
            .into_uuid(),
    )
}

async fn claim(books: &Store, draft: &Draft) -> Intent {
    match books.claim(NewClaim { id: named(draft), ..draft.claim() }).await.unwrap() {
        Claimed::New(intent) => intent,
        other => panic!("{other:?}"),
    }
}

/// One payment in some state, as its number says.
async fn payment(books: &Store, number: u64) {
    let draft = Draft::numbered(number).of_wallet(u8::try_from(number % 5 + 1).unwrap());
    let draft = draft.later_ms(STEP_MS * i64::try_from(number).unwrap());
    let draft = Draft {
        idempotency: number.is_multiple_of(4).then(|| format!("name {}", number / 8)),
        ..draft
    };
    let at = draft.at.plus_ms(5);
    let launch = format!("l{number}");
    let draft = match number % 9 {
        6 | 7 => draft.by_card(number),
        8 => draft.pack(number),
        5 => draft.free(),
        _ => draft,
    };
    let intent = claim(books, &draft).await;
    let funded = |intent: &Intent| match &intent.charge {
        Some(_) => intent.funded(charged_by(intent), at),
        None => intent.funded(by_transfer(intent.attempts[0].tx_hash, 21_000), at),
    };
    match number % 9 {
        0 => drop(books.apply(intent.submit_unknown(at).unwrap()).await.unwrap()),
        1 => drop(
            books.apply(intent.pay_failed(PaymentFailure::Expired, at).unwrap()).await.unwrap(),
        ),
        2 => drop(books.apply(funded(&intent).unwrap()).await.unwrap()),
        5 => {
            drop(books.apply(intent.created(answer(201, "l"), launch, at).unwrap()).await.unwrap())
        }
        8 => {
            let charged =
                books.apply(intent.charged(charged_by(&intent), at).unwrap()).await.unwrap();
            books.apply(charged.granted(at).unwrap()).await.unwrap();
        }
        4 | 7 => {
            let funded = books.apply(funded(&intent).unwrap()).await.unwrap();
            let refused =
                books.apply(funded.refused(answer(422, "no"), at, at).unwrap()).await.unwrap();
            let approval = RefundApproval {
                intent: refused.id,
                reason: String::from("r"),
                via: "page",
                at,
                dry_run: false,
            };
            books.expire_entitlements(at.plus_s(1)).await.unwrap();
            let refundable = number == 7;
            if refundable {
                books.approve_refund(approval).await.unwrap();
            }
        }
        _ => {
            let funded = books.apply(funded(&intent).unwrap()).await.unwrap();
            books.apply(funded.created(answer(201, "l"), launch, at).unwrap()).await.unwrap();
        }
    }
}

async fn scene(books: &Store) -> Vec<PaymentRow> {
    for number in 1..=PAYMENTS {
        payment(books, number).await;
    }
    let all = books
        .payments(&PaymentFilter::default(), &Page { after: None, limit: 1_000 })
        .await
        .unwrap();
    assert!(all.len() >= usize::try_from(PAYMENTS).unwrap());
    assert!(all.is_sorted_by(|one, next| one.id > next.id));
    all
}

async fn postings(books: &Store, account: Option<&str>, limit: u32) -> Vec<PostingRow> {
    let mut all: Vec<PostingRow> = Vec::new();
    loop {
        let page = books
            .postings(account, &Page { after: all.last().map(|row| row.seq), limit })
            .await
            .unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[test]
fn what_an_operator_does_is_kept_with_why_and_by_what_way() {
    block_on(async {
        let (books, _dir) = make().await;
        let refused = cards::compensated(&books, 1, 7).await;
        let at = refused.created_at;
        let approval = RefundApproval {
            intent: refused.id,
            reason: String::from("asked for"),
            via: "page",
            at,
            dry_run: true,
        };
        books.approve_refund(approval.clone()).await.unwrap();
        books.approve_refund(RefundApproval { dry_run: false, ..approval }).await.unwrap();
        let change = CreditAdjustment {
            id: Draft::numbered(9).id(),
            name: ActionName::of(Draft::numbered(9).id()),
            payer: refused.payer.clone(),
            kind: AdjustmentKind::Grant,
            credits: Credits::new(3),
            reason: String::from("late"),
            via: "api",
            at,
            dry_run: false,
        };
        books.adjust_credits(change).await.unwrap();
        let actions = books.actions(&Page { after: None, limit: 9 }).await.unwrap();
        let seen: Vec<_> = actions
            .iter()
            .map(|row| {
                (row.action.as_str(), row.subject.as_str(), row.reason.as_str(), row.via.as_str())
            })
            .collect();
        let (id, payer) = (refused.id.to_string(), refused.payer.to_string());
        assert_eq!(
            seen,
            [
                ("credits.grant", payer.as_str(), "late", "api"),
                ("refund.approve", id.as_str(), "asked for", "page")
            ]
        );
        let dossier = books.dossier(refused.id).await.unwrap().unwrap();
        assert_eq!(
            (dossier.actions.as_slice(), dossier.refund.unwrap().state.as_str()),
            (&actions[1..], "refund_sent")
        );
        let owed = books.owed(false, None, &Page { after: None, limit: 9 }).await.unwrap();
        assert_eq!(
            owed.iter().map(|row| (row.id.as_str(), row.state.as_str())).collect::<Vec<_>>(),
            [(id.as_str(), "refund_sent")]
        );
    });
}

#[test]
fn real_money_is_told_by_the_chains_that_the_rules_know() {
    let list = TEST_CHAINS.map(|chain| chain.to_string()).join(", ");
    for migration in [
        include_str!("../../../../../migrations/sqlite/0011_desk.sql"),
        include_str!("../../../../../migrations/postgres/0011_desk.sql"),
    ] {
        assert!(migration.contains(&format!("chain_id IN ({list})")), "{list}");
    }
    assert!(
        include_str!("../../desk/page.rs").contains(&format!("s.chain_id IN ({list})")),
        "{list}"
    );
}
