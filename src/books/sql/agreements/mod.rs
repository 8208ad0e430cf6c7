//! What the books must say of themselves.

mod rules;

use async_trait::async_trait;
use payments::{ports::BooksError, time::UnixMs};
use rules::RULES;
use sqlx::{Row, migrate::Migrator};

use super::{Store, chain, dialect::Pool, health, pulse, rows, unavailable};
use crate::books::{Agreement, BookedSettlement, Health, Inspect, Pulse};

/// The most differences that one check names.
const MAX_NAMED: usize = 20;

#[async_trait]
impl Inspect for Store {
    async fn health(&self) -> Result<Health, BooksError> {
        health::of(&self.readers).await.map_err(unavailable)
    }

    async fn agreements(&self) -> Result<Vec<Agreement>, BooksError> {
        let mut all = Vec::with_capacity(RULES.len());
        for (check, holds, query) in RULES {
            all.push(Agreement {
                check,
                holds,
                differences: texts(&self.desk, query).await.map_err(unavailable)?,
            });
        }
        Ok(all)
    }

    async fn pulse(&self, since: UnixMs, until: UnixMs) -> Result<Pulse, BooksError> {
        pulse::of(&self.readers, since, until).await
    }

    async fn token(&self) -> Result<Option<String>, BooksError> {
        chain::token(&self.readers).await
    }

    async fn settlements(&self) -> Result<Vec<BookedSettlement>, BooksError> {
        let list = sqlx::query(
            "SELECT intent_id, tx_hash FROM settlements WHERE rail = 'x402' ORDER BY intent_id",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(unavailable)?;
        list.iter()
            .map(|row| {
                Ok(BookedSettlement {
                    intent_id: rows::text(row, "intent_id")?,
                    tx_hash: rows::text(row, "tx_hash")?,
                })
            })
            .collect()
    }
}

/// Which of these migrations the database lacks, and which of its own are not these.
pub(super) async fn migrations(
    readers: &Pool,
    known: &Migrator,
) -> Result<(Vec<i64>, Vec<i64>), sqlx::Error> {
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query("SELECT version, checksum FROM _sqlx_migrations WHERE success")
            .fetch_all(readers)
            .await?
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
            .collect::<Result<_, sqlx::Error>>()?;
    let is_known = |(version, checksum): &&(i64, Vec<u8>)| {
        known.iter().any(|m| m.version == *version && *m.checksum == **checksum)
    };
    let foreign =
        applied.iter().filter(|entry| !is_known(entry)).map(|(version, _)| *version).collect();
    let missing = known
        .iter()
        .map(|migration| migration.version)
        .filter(|version| !applied.iter().any(|(other, _)| other == version));
    Ok((missing.collect(), foreign))
}

pub(super) async fn texts(readers: &Pool, query: &'static str) -> Result<Vec<String>, sqlx::Error> {
    let list = sqlx::query(query).fetch_all(readers).await?;
    let mut texts: Vec<String> =
        list.iter().take(MAX_NAMED).map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    if list.len() > texts.len() {
        texts.push(format!("and {} more", list.len() - texts.len()));
    }
    Ok(texts)
}
