//! Transitions: one transaction each.

use payments::{
    intent::{Intent, Transition},
    ports::BooksError,
};

use super::{SqliteBooks, transitions};

pub(super) async fn apply(books: &SqliteBooks, transition: Transition) -> Result<Intent, BooksError> {
    let mut write = books.write(Some(transition.at().ms())).await?;
    let intent = transitions::apply(&mut write.transaction, transition).await;
    books.finish(write, intent).await
}
