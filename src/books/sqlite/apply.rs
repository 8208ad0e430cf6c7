//! Transitions: one transaction each.

use payments::{
    intent::{Intent, Transition},
    ports::BooksError,
};

use super::{SqliteBooks, dialect::DOUBT, transitions};
use crate::books::doubt::until_known;

pub(super) async fn apply(
    books: &SqliteBooks,
    transition: Transition,
) -> Result<Intent, BooksError> {
    let transition = &transition;
    until_known(DOUBT, |in_doubt| Box::pin(in_a_try(books, transition, in_doubt))).await
}

async fn in_a_try(
    books: &SqliteBooks,
    transition: &Transition,
    in_doubt: bool,
) -> Result<Intent, BooksError> {
    if in_doubt && let Some(intent) = books.written_before(transition).await? {
        return Ok(intent);
    }
    let mut write = books.write(Some(transition.at().ms())).await?;
    let intent = transitions::apply(&mut write.transaction, transition.clone()).await;
    books.finish(write, intent).await
}
