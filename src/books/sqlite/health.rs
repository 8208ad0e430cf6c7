//! Whether a file of books is whole, and of this program's version.

use super::{agreements, dialect::Pool, migrate::MIGRATIONS};
use crate::books::Health;

pub(super) async fn of(readers: &Pool) -> Result<Health, sqlx::Error> {
    let (missing_migrations, foreign_migrations) =
        agreements::migrations(readers, &MIGRATIONS).await?;
    let mut broken = agreements::texts(readers, "PRAGMA integrity_check").await?;
    broken.retain(|line| line != "ok");
    broken.extend(
        agreements::texts(
            readers,
            "SELECT \"table\" || ' points to a missing ' || parent FROM pragma_foreign_key_check",
        )
        .await?,
    );
    Ok(Health { missing_migrations, foreign_migrations, broken })
}
