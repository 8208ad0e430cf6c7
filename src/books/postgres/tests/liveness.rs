//! What a process leaves behind is taken up at once, and nothing is taken from one that lives.

use payments::ports::{Books, Claimed, SettlementQueue};
use testkit::suite::Draft;

use super::{PostgresBooks, beside, block_on, make, new, replicas, until};

const LOCKED: &str = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.classid = 8402 AND a.datname = current_database()";

#[test]
fn what_a_gone_process_drove_is_taken_before_its_lease_is_over() {
    block_on(async {
        let (gone, left, _scratch) = replicas().await;
        let draft = Draft::numbered(1);
        let driven = new(&gone, &draft).await;
        let soon = draft.at.plus_ms(1);
        assert_eq!(
            left.take_stuck(soon, draft.lease_until(), 64).await.unwrap(),
            [],
            "its driver lives"
        );
        drop(gone);
        let mut taken = Vec::new();
        until(async || {
            taken = left.take_stuck(soon, draft.lease_until(), 64).await.unwrap();
            !taken.is_empty()
        })
        .await;
        assert_eq!((taken[0].id, taken[0].guard.fence), (driven.id, driven.guard.fence + 1));
        assert_eq!(
            left.take_stuck(soon, draft.lease_until(), 64).await.unwrap(),
            [],
            "its new driver lives"
        );
    });
}

#[test]
fn a_client_of_a_gone_process_joins_with_a_new_proof_at_once() {
    block_on(async {
        let (gone, left, scratch) = replicas().await;
        let first = Draft::numbered(1);
        new(&gone, &first).await;
        assert_eq!(
            new(&left, &Draft::numbered(2).like(&first).later_ms(1)).await.id,
            Draft::numbered(2).id(),
            "its client may wait"
        );
        let other = Draft::numbered(3);
        new(&gone, &other).await;
        drop(gone);
        let pool = beside(&scratch).await;
        until(async || sqlx::query_scalar::<_, i64>(LOCKED).fetch_one(&pool).await.unwrap() == 1)
            .await;
        let again = Draft::numbered(4).like(&other).later_ms(1);
        let joined = left.claim(again.claim()).await.unwrap();
        assert!(
            matches!(&joined, Claimed::Joined(intent) if intent.id == other.id()),
            "{joined:?}"
        );
    });
}

#[test]
fn a_renewed_lease_is_the_renewers_own() {
    block_on(async {
        let (gone, left, _scratch) = replicas().await;
        let draft = Draft::numbered(1);
        let driven = new(&gone, &draft).await;
        assert!(
            left.renew_lease(driven.id, driven.guard.fence, draft.lease_until()).await.unwrap()
        );
        drop(gone);
        let third = PostgresBooks::open(&_scratch.url(), 2).await.unwrap();
        let pool = beside(&_scratch).await;
        until(async || sqlx::query_scalar::<_, i64>(LOCKED).fetch_one(&pool).await.unwrap() == 2)
            .await;
        assert_eq!(
            third.take_stuck(draft.at.plus_ms(1), draft.lease_until(), 64).await.unwrap(),
            []
        );
    });
}

#[test]
fn a_lost_session_is_made_again_under_the_same_number() {
    block_on(async {
        let (books, scratch) = make().await;
        let draft = Draft::numbered(1);
        new(&books, &draft).await;
        let pool = beside(&scratch).await;
        let held = "SELECT l.pid, CAST(l.objid AS BIGINT) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
            WHERE l.locktype = 'advisory' AND l.classid = 8402 AND a.datname = current_database()";
        let (pid, number): (i32, i64) = sqlx::query_as(held).fetch_one(&pool).await.unwrap();
        sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&pool).await.unwrap();
        assert_eq!(
            books.take_stuck(draft.at.plus_ms(1), draft.lease_until(), 64).await.unwrap(),
            [],
            "nobody takes himself for gone"
        );
        until(async || {
            let again: Option<(i32, i64)> =
                sqlx::query_as(held).fetch_optional(&pool).await.unwrap();
            again.is_some_and(|again| again.0 != pid && again.1 == number)
        })
        .await;
    });
}

#[test]
fn a_database_is_served_while_a_process_lives() {
    block_on(async {
        let (books, scratch) = make().await;
        assert!(PostgresBooks::is_served(&scratch.url()).await.unwrap());
        let _beside = PostgresBooks::open_beside(&scratch.url()).await.unwrap();
        drop(books);
        until(async || !PostgresBooks::is_served(&scratch.url()).await.unwrap()).await;
    });
}

/// Its client asks for the next one at another replica, and means it.
#[test]
fn a_delivered_answer_is_known_to_the_other_replica_without_a_flush() {
    block_on(async {
        let (one, other, scratch) = replicas().await;
        let done = super::paid_launch(&one, 1).await;
        one.unattended(done.id);
        one.delivered(done.id);
        let pool = beside(&scratch).await;
        let delivered = "SELECT delivered_at_ms IS NOT NULL FROM intents";
        until(async || sqlx::query_scalar::<_, bool>(delivered).fetch_one(&pool).await.unwrap())
            .await;
        let next = Draft::numbered(2).like(&Draft::numbered(1)).later_ms(5);
        assert_eq!(new(&other, &next).await.id, next.id());
    });
}

/// Its client may be gone with the process that claimed it, and the lease says nothing of that any
/// more.
#[test]
fn what_another_process_takes_from_the_queue_is_joined_by_an_equal_request() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let draft = Draft::numbered(1).queued();
        new(&one, &draft).await;
        let taken = async |books: &PostgresBooks, after_ms| {
            let now = draft.at.plus_ms(after_ms);
            books.take_queued(now, now, 8).await.unwrap().len()
        };
        assert_eq!(taken(&one, 1).await, 1);
        let second = Draft::numbered(2).queued().like(&draft);
        let claimed = one.claim(second.claim()).await.unwrap();
        assert!(matches!(claimed, Claimed::New(_)), "the first one's client waits: {claimed:?}");
        assert_eq!(taken(&other, 2).await, 2);
        let third = Draft::numbered(3).queued().like(&draft);
        let claimed = other.claim(third.claim()).await.unwrap();
        assert!(matches!(claimed, Claimed::Joined(_)), "{claimed:?}");
    });
}
