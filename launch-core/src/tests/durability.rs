//! What was answered survives the process.
use super::*;

#[tokio::test]
async fn a_reopened_file_remembers_keys_and_launches() {
    let world = World::new().await;
    let image = json!({"source": "base64", "data": "aGVsbG8=", "filename": "a.png", "mime_type": "image/png"});
    let body = body(json!({"dropspace_platforms": ["twitter"], "publish": true, "media": [image]}));
    let first = world.create_as(ALICE, "k", &body).await;
    let id = first.id();
    let before = world.get(ALICE, &format!("/launches/{id}")).await.text;
    let world = world.reopened().await;
    assert_eq!(world.get(ALICE, &format!("/launches/{id}")).await.text, before);
    let again = world.create_as(ALICE, "k", &body).await;
    assert_eq!((again.status, again.text), (202, first.text));
}

/// The copy is what a crash leaves behind: the file and its log as they are at the moment of the
/// answer.
#[tokio::test]
async fn an_answered_creation_is_in_the_file() {
    let world = World::new().await;
    let first = world.create_as(ALICE, "k", &body(json!({}))).await;
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(world.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with("-shm") {
            std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let core = LaunchCore::open(config(copy.path(), &world.now_ms)).await.unwrap();
    let other = World {
        router: router(core.clone()),
        core,
        now_ms: world.now_ms.clone(),
        keys: AtomicU64::new(0),
        dir: Arc::new(copy),
    };
    let found = other.get("gateway", "/_core/launches/by-key/k").await.json();
    assert_eq!(found["data"]["body"].as_str(), Some(first.text.as_str()));
}

#[tokio::test]
async fn a_deleted_launch_keeps_its_key() {
    let world = World::new().await;
    let first = world.create_as(ALICE, "k", &body(json!({}))).await;
    let target = format!("/launches/{}", first.id());
    let deleted = world.call(ALICE, "DELETE", &target, Value::Null).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_eq!(world.get(ALICE, &target).await.status, 404);
    let again = world.create_as(ALICE, "k", &body(json!({}))).await;
    assert_eq!((again.status, again.text), (201, first.text));
    assert_eq!(world.get(ALICE, "/launches").await.json()["pagination"]["total"], 0);
}

#[tokio::test]
async fn a_newer_file_and_a_bad_path_are_refused() {
    let world = World::new().await;
    let mut tx = world.core.inner.store.begin().await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 2").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    world.core.close().await;
    let newer = LaunchCore::open(config(world.dir.path(), &world.now_ms)).await;
    assert!(matches!(newer, Err(CoreError::NewerSchema { found: 2, known: 1 })));
    let nowhere = LaunchCore::open(config(&world.dir.path().join("missing"), &world.now_ms)).await;
    assert!(matches!(nowhere, Err(CoreError::Open { .. })));
}

#[tokio::test]
async fn the_listener_serves_the_same_router() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(world.core.clone(), listener, async { drop(stopped.await) }));
    let body = body(json!({})).to_string();
    let signed = world.signed(ALICE, "POST", "/launches", "k", &body);
    let mut wire = format!(
        "POST /launches HTTP/1.1\r\nhost: core\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in signed.headers() {
        wire.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{wire}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert_eq!(world.get(ALICE, "/launches").await.json()["pagination"]["total"], 1);
}
