//! Notes about clients need no commit of their own.

use super::{Draft, assert_stale, created, funded, new};
use payments::ports::{Books, Claimed};

/// Delivered answers are noted by whatever is written next.
pub async fn marks_travel_with_the_next_commit(books: &dyn Books) {
    let draft = Draft::numbered(1);
    let done =
        created(books, &funded(books, &new(books, &draft).await, draft.at).await, draft.at).await;
    assert!(!done.delivered);
    books.delivered(done.id);
    let other = new(books, &Draft::numbered(2)).await;
    assert!(books.intent(done.id).await.unwrap().unwrap().delivered, "with the claim");
    books.delivered(other.id);
    let moved = books.apply(other.submitted(other.created_at).unwrap()).await.unwrap();
    assert!(moved.delivered, "with the transition, and in its answer");
    assert_eq!(
        moved.guard.version,
        other.guard.version + 1,
        "a note is no write that a driver must know of"
    );
}

/// No note is lost with a write that was refused.
pub async fn marks_are_written_by_flush_and_survive_a_refused_write(books: &dyn Books) {
    books.flush().await.unwrap();
    let draft = Draft::numbered(1);
    let signed = new(books, &draft).await;
    let moved = books.apply(signed.submitted(draft.at).unwrap()).await.unwrap();
    books.delivered(signed.id);
    assert_stale(books.apply(signed.submitted(draft.at).unwrap()).await, signed.id);
    assert!(matches!(books.claim(draft.claim()).await.unwrap(), Claimed::Known(_)));
    books.flush().await.unwrap();
    let noted = books.intent(signed.id).await.unwrap().unwrap();
    assert!(noted.delivered);
    assert_eq!(noted.guard, moved.guard);
    books.flush().await.unwrap();
    assert_eq!(books.intent(signed.id).await.unwrap(), Some(noted));
}
