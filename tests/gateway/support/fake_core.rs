//! A launch core over HTTP that records what reaches it and misbehaves on request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::server::{Answer, Server, json as answer};
use super::trap::{self, Armed, Point, Trap};

/// Where the dropspace profile asks whether the core is well.
pub const HEALTH: &str = "/_core/health";

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Seen {
    /// All values of a header, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let same = |(given, _): &&(String, String)| given.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }
}

#[derive(Clone, Debug)]
struct Launch {
    owner: String,
    key: String,
    data: Value,
}

struct State {
    behaviour: Behaviour,
    /// For the next creations, before `behaviour`.
    script: VecDeque<Behaviour>,
    seen: Vec<Seen>,
    launches: BTreeMap<String, Launch>,
    /// Every creation that the core lists, oldest first: deleted ones stay.
    listed: Vec<Listed>,
    list_silent: bool,
    look_up_silent: bool,
    /// Health is asked and never answered.
    health_hangs: bool,
    /// This status is all that anything is answered, health too.
    refuses_all: Option<u16>,
    traps: Vec<Armed>,
}

/// The core.
pub struct FakeCore {
    pub server: Server,
    state: Arc<Mutex<State>>,
}

impl FakeCore {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            behaviour: Behaviour::Create,
            script: VecDeque::new(),
            seen: Vec::new(),
            launches: BTreeMap::new(),
            listed: Vec::new(),
            list_silent: false,
            look_up_silent: false,
            health_hangs: false,
            refuses_all: None,
            traps: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let handler = Arc::new(move |request: Request<Bytes>| {
            let state = Arc::clone(&shared);
            Box::pin(handle(state, request)) as futures::future::BoxFuture<'static, Answer>
        });
        Self { server: Server::start(handler).await, state }
    }

    pub fn behave(&self, behaviour: Behaviour) {
        self.state.lock().unwrap().behaviour = behaviour;
    }

    /// Health is not answered any more, or again.
    pub fn hang_health(&self, hangs: bool) {
        self.state.lock().unwrap().health_hangs = hangs;
    }

    /// Stops the next creation at this point.
    pub fn trap(&self, at: Point) -> Trap {
        let (trap, armed) = trap::arm("POST /launches", at);
        self.state.lock().unwrap().traps.push(armed);
        trap
    }

    /// What the next creations meet, one after the other, before `behave` counts again.
    pub fn behave_next(&self, script: impl IntoIterator<Item = Behaviour>) {
        self.state.lock().unwrap().script.extend(script);
    }

    /// Everything that arrived, health checks and look-ups of our own included.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// The requests of agents that arrived: not health, not the look-up by key, not the open
    /// status.
    pub fn forwarded(&self) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|one| !one.target.starts_with("/_core/") && one.target != "/dropspace/status");
        seen
    }

    /// The idempotency keys of the launches that exist, deleted ones excluded.
    pub fn launch_keys(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.launches.values().map(|l| l.key.clone()).collect()
    }

    pub fn launch_count(&self) -> usize {
        self.state.lock().unwrap().launches.len()
    }
}

async fn handle(state: Arc<Mutex<State>>, request: Request<Bytes>) -> Answer {
    let call = format!("{} {}", request.method(), request.uri().path());
    let armed = trap::sprung(&mut state.lock().unwrap().traps, &call);
    let answered = Box::pin(answered(state, request));
    match armed {
        Some(armed) => armed.run(answered).await,
        None => answered.await,
    }
}

async fn answered(state: Arc<Mutex<State>>, request: Request<Bytes>) -> Answer {
    let (reply, behaviour) = {
        let mut state = state.lock().unwrap();
        let seen = record(&request);
        state.seen.push(seen.clone());
        let creates = request.method() == Method::POST && request.uri().path() == "/launches";
        let behaviour = if creates {
            state.script.pop_front().unwrap_or(state.behaviour)
        } else if state.health_hangs && request.uri().path() == HEALTH {
            Behaviour::Hang
        } else {
            Behaviour::Create
        };
        (state.answer(&seen, request.uri().path(), behaviour), behaviour)
    };
    match behaviour {
        Behaviour::Hang | Behaviour::CreateThenHang => std::future::pending::<()>().await,
        Behaviour::Slow => tokio::time::sleep(Duration::from_secs(2)).await,
        _ => {}
    }
    reply
}

fn record(request: &Request<Bytes>) -> Seen {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Seen {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: request.body().clone(),
    }
}

impl State {
    fn answer(&mut self, seen: &Seen, path: &str, behaviour: Behaviour) -> Answer {
        if let Some(status) = self.refuses_all {
            return error(status, "AUTH_001", "who are you?");
        }
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (seen.method.as_str(), parts.as_slice()) {
            (_, ["_core", "health"]) => answer(200, &json!({"data": {"status": "ok"}})),
            ("GET", ["_core", "launches", "by-key", key]) => self.by_key(key),
            ("GET", ["_core", "launches"]) => self.creations(seen),
            ("GET", ["dropspace", "status"]) => answer(200, &accounts()),
            ("POST", ["launches"]) => self.create(seen, behaviour),
            ("GET", ["launches"]) => self.list(seen),
            (method, ["launches", id, rest @ ..]) => self.one(seen, method, id, rest),
            _ => error(404, "SERVER_003", "no such path"),
        }
    }

    fn create(&mut self, seen: &Seen, behaviour: Behaviour) -> Answer {
        match behaviour {
            _ if is_hostile(seen) => return page(403),
            Behaviour::Reject => return error(400, "LAUNCH_007", "the platform refuses this"),
            Behaviour::Refuses(status) => return error(status, "AUTH_001", "who are you?"),
            Behaviour::Stranger(status) => return page(status),
            Behaviour::TooMany(seconds) => return later(429, seconds),
            Behaviour::Busy(seconds) => return later(503, seconds),
            Behaviour::Fail => return error(500, "SERVER_001", "broken"),
            Behaviour::Reset => return Err(std::io::Error::other("reset by the test")),
            Behaviour::Hang => return error(500, "SERVER_001", "never sent"),
            _ => {}
        }
        let Some(key) = seen.values("idempotency-key").first().copied() else {
            return error(400, "SERVER_002", "no Idempotency-Key");
        };
        let existing = self.launches.values().find(|launch| launch.key == key);
        let data = existing.map_or_else(|| new_launch(seen), |launch| launch.data.clone());
        let id = data["id"].as_str().unwrap().to_owned();
        let launch = Launch { owner: owner(seen), key: key.to_owned(), data: data.clone() };
        if !self.launches.contains_key(&id) {
            self.listed.push(Listed { id: id.clone(), key: key.to_owned(), deleted: false });
        }
        self.launches.entry(id).or_insert(launch);
        let whole = json!({"data": data}).to_string();
        match behaviour {
            Behaviour::Truncate => typed("application/json", whole[..whole.len() / 2].to_owned()),
            Behaviour::NoId => {
                typed("application/json", json!({"data": {"status": "draft"}}).to_string())
            }
            Behaviour::Huge => typed("application/json", "x".repeat(50_000_000)),
            Behaviour::Page => typed("text/html", "<html>created</html>".to_owned()),
            Behaviour::WrongType => typed("text/html", whole),
            _ => typed("application/json", whole),
        }
    }

    /// As the contract has it: the creation, and the answer that it got.
    fn by_key(&self, key: &str) -> Answer {
        match self.launches.values().find(|launch| launch.key == key) {
            _ if self.look_up_silent => error(500, "SERVER_001", "broken"),
            Some(launch) => {
                let body = json!({"data": launch.data}).to_string();
                let found = json!({"id": launch.data["id"], "status": 201, "content_type": "application/json", "body": body});
                answer(200, &json!({ "data": found }))
            }
            None => error(404, "LAUNCH_001", "launch not found"),
        }
    }

    fn list(&self, seen: &Seen) -> Answer {
        let owner = owner(seen);
        let mine = self.launches.values().filter(|l| l.owner == owner);
        let data: Vec<&Value> = mine.map(|launch| &launch.data).collect();
        let pagination = json!({"page": 1, "page_size": 50, "total": data.len(), "total_pages": 1});
        answer(200, &json!({"data": data, "pagination": pagination}))
    }

    fn one(&mut self, seen: &Seen, method: &str, id: &str, rest: &[&str]) -> Answer {
        let launch = self.launches.get(id).filter(|l| l.owner == owner(seen));
        let Some(launch) = launch.cloned() else {
            return error(404, "LAUNCH_001", "launch not found");
        };
        match (method, rest) {
            ("GET" | "PATCH", []) => answer(200, &json!({"data": launch.data})),
            ("DELETE", []) => {
                self.launches.remove(id);
                self.listed
                    .iter_mut()
                    .filter(|one| one.id == id)
                    .for_each(|one| one.deleted = true);
                answer(200, &json!({"data": {"success": true}}))
            }
            ("POST", ["publish"]) => answer(202, &json!({"data": {"message": "publish queued"}})),
            ("GET", ["status"]) => {
                let status = json!({"launch_id": id, "launch_status": "draft", "posting_logs": []});
                answer(200, &json!({"data": status}))
            }
            _ => error(404, "SERVER_003", "no such path"),
        }
    }
}

mod answers;
mod behaviour;
mod creations;
#[cfg(test)]
mod tests;

use answers::{error, new_launch, owner, typed};
pub use behaviour::Behaviour;
use behaviour::{is_hostile, later, page};
use creations::{Listed, accounts};
