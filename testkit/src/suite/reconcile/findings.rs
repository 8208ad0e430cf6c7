//! Runs and the findings that they open and close.

use payments::ports::{
    BooksError, CloseFinding, CloseRefusal, FindingKind, Found, ReceiptKind, RunEnd, Source,
};

use super::{AT, Compared, balance, found, gone, id, receipt, run, turn};

/// Over all processes; a turn that is given back, or whose run is dead, goes to the next.
pub async fn one_run_has_the_turn_until_it_ends_or_dies(books: &dyn Compared) {
    let first = turn(books).await;
    assert_eq!(books.begin_run(&run(2, AT.plus_s(59))).await.unwrap(), None);
    assert!(books.keep_run(first, AT.plus_s(120)).await.unwrap());
    assert_eq!(books.begin_run(&run(2, AT.plus_s(61))).await.unwrap(), None, "it lives");
    let end = RunEnd { id: id(1), at: AT.plus_s(62), sources: Vec::new(), opened: 0, closed: 0 };
    books.end_run(first, &end).await.unwrap();
    let second = books.begin_run(&run(2, AT.plus_s(63))).await.unwrap().unwrap();
    let third = books.begin_run(&run(3, AT.plus_s(124))).await.unwrap().unwrap();
    assert!(first < second && second < third);
    assert!(!books.keep_run(second, AT.plus_s(999)).await.unwrap(), "it was taken for dead");
}

/// Neither findings nor marks nor receipts.
pub async fn a_run_that_lost_its_turn_writes_nothing(books: &dyn Compared) {
    let old = turn(books).await;
    books.begin_run(&run(2, AT.plus_s(61))).await.unwrap().unwrap();
    let refused = |outcome: Result<(), BooksError>| {
        assert!(matches!(outcome, Err(BooksError::Unavailable(_))), "{outcome:?}")
    };
    refused(books.set_mark(old, "a", "1").await);
    refused(books.note_findings(old, &[found("a")], &[], AT).await.map(drop));
    refused(
        books.note_receipts(old, &[receipt(1, Some(ReceiptKind::Unmatched))], AT).await.map(drop),
    );
    assert_eq!(books.mark("a").await.unwrap(), None);
    assert_eq!(
        (books.findings(true, 9).await.unwrap(), balance(books, "asset:usdc_hot").await),
        (Vec::new(), 0)
    );
}

/// By its name.
pub async fn a_mark_is_kept_until_it_is_replaced(books: &dyn Compared) {
    let fence = turn(books).await;
    for value in ["1", "2"] {
        books.set_mark(fence, "a", value).await.unwrap();
        assert_eq!(books.mark("a").await.unwrap().as_deref(), Some(value));
    }
    assert_eq!(books.mark("b").await.unwrap(), None);
}

/// It keeps its first moment while it is open, and opens again when the difference is back.
pub async fn a_finding_is_opened_once_and_closed_when_its_difference_is_gone(books: &dyn Compared) {
    let fence = turn(books).await;
    let (a, b) = (found("a"), found("b"));
    assert_eq!(books.note_findings(fence, &[a.clone(), b.clone()], &[], AT).await.unwrap(), (2, 0));
    let again = Found { detail: String::from("more of it"), ..a.clone() };
    assert_eq!(
        books.note_findings(fence, &[again], &[gone(&b)], AT.plus_s(1)).await.unwrap(),
        (0, 1)
    );
    let open = books.findings(false, 9).await.unwrap();
    let [one] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!(
        (one.key.as_str(), one.detail.as_str(), one.opened_at.as_str()),
        ("a", "more of it", AT.rfc3339().as_str())
    );
    assert_eq!(books.open_findings(Source::Core).await.unwrap(), [gone(&a)]);
    assert_eq!(books.open_findings(Source::Chain).await.unwrap(), []);
    let all = books.findings(true, 9).await.unwrap();
    assert_eq!(all.iter().filter(|it| it.closed_at.is_some()).count(), 1);
    assert_eq!(
        books
            .note_findings(fence, std::slice::from_ref(&b), &[gone(&b)], AT.plus_s(2))
            .await
            .unwrap(),
        (1, 1)
    );
    assert_eq!(books.note_findings(fence, &[], &[gone(&b)], AT.plus_s(3)).await.unwrap(), (0, 0));
}

/// A dry run says the same and changes nothing.
pub async fn what_an_operator_closed_stays_closed_with_the_reason(books: &dyn Compared) {
    let fence = turn(books).await;
    let a = found("a");
    books.note_findings(fence, std::slice::from_ref(&a), &[], AT).await.unwrap();
    let close = CloseFinding {
        kind: a.kind,
        key: a.key.clone(),
        reason: String::from("looked at"),
        via: "cli",
        at: AT.plus_s(1),
        dry_run: true,
    };
    books.close_finding(&close).await.unwrap();
    assert_eq!(books.findings(false, 9).await.unwrap().len(), 1);
    let close = CloseFinding { dry_run: false, ..close };
    books.close_finding(&close).await.unwrap();
    assert!(matches!(books.close_finding(&close).await, Err(CloseRefusal::Closed)));
    let unknown = CloseFinding { key: String::from("b"), ..close.clone() };
    assert!(matches!(books.close_finding(&unknown).await, Err(CloseRefusal::Unknown)));
    let silence = CloseFinding { kind: FindingKind::CouldNotCheck, ..close };
    assert!(matches!(books.close_finding(&silence).await, Err(CloseRefusal::ByItselfOnly)));
    assert_eq!(books.note_findings(fence, &[a], &[], AT.plus_s(2)).await.unwrap(), (0, 0));
    let all = books.findings(true, 9).await.unwrap();
    assert_eq!(
        (all[0].closed_reason.as_deref(), all[0].closed_at.clone()),
        (Some("looked at"), Some(AT.plus_s(1).rfc3339()))
    );
}
