//! Notes about answered requests.

use super::Draft;
use payments::{
    ids::PaymentId,
    ports::{Books, REQUESTS_KEPT_MS, RequestNote},
    time::UnixMs,
};

fn note(number: u64, at: UnixMs) -> RequestNote {
    RequestNote {
        request_id: format!("{number:032x}"),
        at,
        route: String::from("POST /launches"),
        payer: Draft::numbered(number).payer(),
        status: 201,
        code: None,
        reason: None,
        payment: None,
        charge: String::from("none; reason=free_tier; remaining=4"),
    }
}

/// A note is found by its request once it is written, with every detail.
pub async fn a_request_is_explained_by_its_note(books: &dyn Books) {
    let at = Draft::numbered(1).at;
    let refused = RequestNote {
        status: 409,
        code: Some(String::from("SERVER_009")),
        reason: Some(String::from("proof_used")),
        payment: Some(PaymentId::new(uuid::Uuid::from_u128(7))),
        ..note(2, at)
    };
    assert_eq!(books.request(&refused.request_id).await.unwrap(), None);
    books.note_request(note(1, at));
    books.note_request(refused.clone());
    books.flush().await.unwrap();
    books.flush().await.unwrap();
    assert_eq!(books.request(&note(1, at).request_id).await.unwrap(), Some(note(1, at)));
    assert_eq!(books.request(&refused.request_id).await.unwrap(), Some(refused));
    assert_eq!(books.request("unknown").await.unwrap(), None);
}

/// What is older than a week goes when something newer is written.
pub async fn notes_of_requests_are_kept_for_a_week(books: &dyn Books) {
    let at = Draft::numbered(1).at;
    let write = async |number, at| {
        books.note_request(note(number, at));
        books.flush().await.unwrap();
    };
    write(1, at).await;
    write(2, at.plus_ms(1)).await;
    write(3, at.plus_ms(REQUESTS_KEPT_MS)).await;
    assert!(books.request(&note(1, at).request_id).await.unwrap().is_some(), "a week is not over");
    write(4, at.plus_ms(REQUESTS_KEPT_MS + 1)).await;
    assert_eq!(books.request(&note(1, at).request_id).await.unwrap(), None);
    assert!(books.request(&note(2, at).request_id).await.unwrap().is_some());
}
