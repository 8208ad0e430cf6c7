//! The end of a background task.

use tokio::task::JoinHandle;

pub(super) async fn joined(task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "task.panicked");
    }
}
