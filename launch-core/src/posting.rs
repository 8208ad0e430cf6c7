//! Publishing into the local feed: rows, not network calls, in the transaction that changes the
//! launch.

use serde_json::Value;
use sqlx::SqliteConnection;

use super::rules::launch::{Launch, Status};
use super::rules::media::NewMedia;
use super::rules::platforms::Platform;
use super::rules::publish;
use super::rules::refusal::Refusal;
use super::store::posts::{Outcome, Post};
use super::store::{launches, media, posts};
use super::{CoreError, LaunchCore};

/// Most scheduled launches that are posted in one transaction.
const DUE_BATCH: i64 = 100;

impl LaunchCore {
    /// Posts to every official account of the launch and marks it completed. The caller checked the
    /// requirements and saves the launch.
    pub(super) async fn post(
        &self,
        conn: &mut SqliteConnection,
        launch: &mut Launch,
        at_unix_ms: i64,
    ) -> Result<Vec<Post>, CoreError> {
        let base = self.inner.config.feed_base_url.trim_end_matches('/');
        for platform in launch.content.dropspace_platforms.clone() {
            let id = self.new_id();
            let post_url = format!("{base}/{}/{id}", platform.id());
            let text = text_of(launch, platform);
            let outcome = Outcome::Success { post_url };
            posts::save(conn, launch.id, id, platform, &outcome, &text, at_unix_ms).await?;
        }
        launch.status = Status::Completed;
        finish(launch, at_unix_ms);
        posts::of_launch(conn, launch.id).await
    }

    async fn fail(
        &self,
        conn: &mut SqliteConnection,
        launch: &mut Launch,
        refusal: &Refusal,
        at_unix_ms: i64,
    ) -> Result<(), CoreError> {
        for platform in launch.content.dropspace_platforms.clone() {
            let outcome =
                Outcome::Failed { code: refusal.code.to_owned(), message: refusal.message.clone() };
            posts::save(conn, launch.id, self.new_id(), platform, &outcome, "", at_unix_ms).await?;
        }
        launch.status = Status::Failed;
        finish(launch, at_unix_ms);
        Ok(())
    }

    /// Posts every scheduled launch whose time has come, dated with that time. Called before
    /// anything is read or changed: nobody can tell that from a timer, and nothing is missed while
    /// the process is down.
    pub(super) async fn post_due(&self) -> Result<(), CoreError> {
        let now_unix_ms = self.now_unix_ms();
        while launches::any_due(&self.inner.store.read, now_unix_ms).await? {
            let mut tx = self.inner.store.begin().await?;
            for mut launch in launches::due(&mut tx, now_unix_ms, DUE_BATCH).await? {
                let at_unix_ms = launch.scheduled_unix_ms.unwrap_or(now_unix_ms);
                match publish::requirements(&launch.content) {
                    Ok(()) => drop(self.post(&mut tx, &mut launch, at_unix_ms).await?),
                    Err(refusal) => self.fail(&mut tx, &mut launch, &refusal, at_unix_ms).await?,
                }
                launches::update(&mut tx, &launch).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Stores uploads of a saved launch and returns all media as wire objects; earlier uploads of
    /// the launch go.
    pub(super) async fn keep_media(
        &self,
        conn: &mut SqliteConnection,
        launch_id: uuid::Uuid,
        media: Vec<NewMedia>,
    ) -> Result<Vec<Value>, CoreError> {
        media::clear(conn, launch_id).await?;
        let base = self.inner.config.feed_base_url.trim_end_matches('/');
        let mut assets = Vec::with_capacity(media.len());
        for medium in media {
            assets.push(match medium {
                NewMedia::Asset(asset) => asset,
                NewMedia::Upload { kind, filename, mime_type, bytes } => {
                    let id = self.new_id();
                    media::insert(conn, id, launch_id, &mime_type, &bytes).await?;
                    serde_json::json!({
                        "id": id,
                        "type": kind.id(),
                        "url": format!("{base}/media/{id}"),
                        "filename": filename,
                        "size": bytes.len(),
                        "mime_type": mime_type,
                    })
                }
            });
        }
        Ok(assets)
    }
}

fn finish(launch: &mut Launch, at_unix_ms: i64) {
    launch.started_unix_ms = Some(at_unix_ms);
    launch.completed_unix_ms = Some(at_unix_ms);
    launch.updated_unix_ms = launch.updated_unix_ms.max(at_unix_ms);
}

/// What the feed shows: the content, or the tweets of a thread with an empty line between them.
fn text_of(launch: &Launch, platform: Platform) -> String {
    let entry = launch.content.platform_contents.get(platform.id());
    let thread = entry.and_then(|entry| entry.get("thread")).and_then(Value::as_array);
    match thread {
        Some(tweets) => tweets.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n\n"),
        None => {
            let content = entry.and_then(|entry| entry.get("content")).and_then(Value::as_str);
            content.unwrap_or_default().to_owned()
        }
    }
}
