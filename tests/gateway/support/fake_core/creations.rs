//! The core's list of everything that was created, as `contracts/launch-core.yaml` has it; and a
//! core that remembers wrongly.

use serde_json::{Value, json};

use super::{Answer, FakeCore, Launch, Seen, State, answer, error};

/// One creation in the list.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) deleted: bool,
}

/// What a core forgot, to be remembered later.
pub struct Forgotten {
    launches: Vec<(String, Launch)>,
    listed: Vec<Listed>,
}

impl FakeCore {
    /// The core loses everything that it made.
    pub fn forget(&self) -> Forgotten {
        let mut state = self.state.lock().unwrap();
        Forgotten {
            launches: std::mem::take(&mut state.launches).into_iter().collect(),
            listed: std::mem::take(&mut state.listed),
        }
    }

    /// And finds it again.
    pub fn remember(&self, forgotten: Forgotten) {
        let mut state = self.state.lock().unwrap();
        state.launches.extend(forgotten.launches);
        state.listed.extend(forgotten.listed);
    }

    /// A launch that nobody asked for through this gateway.
    pub fn invent(&self, key: &str) -> String {
        let id = format!("launch-of-{key}");
        let launch = Launch {
            owner: String::from("somebody"),
            key: key.to_owned(),
            data: json!({"id": id}),
        };
        let mut state = self.state.lock().unwrap();
        state.launches.insert(id.clone(), launch);
        state.listed.push(Listed { id: id.clone(), key: key.to_owned(), deleted: false });
        id
    }

    /// Somebody deletes it at the core.
    pub fn delete(&self, id: &str) {
        let mut state = self.state.lock().unwrap();
        state.launches.remove(id);
        state.listed.iter_mut().filter(|one| one.id == id).for_each(|one| one.deleted = true);
    }

    /// The look-up by key is answered with an error, or again.
    pub fn silence_look_up(&self, silent: bool) {
        self.state.lock().unwrap().look_up_silent = silent;
    }

    /// The ids of the launches that exist.
    pub fn launch_ids(&self) -> Vec<String> {
        self.state.lock().unwrap().launches.keys().cloned().collect()
    }

    /// The list is answered with an error, or again.
    pub fn silence_list(&self, silent: bool) {
        self.state.lock().unwrap().list_silent = silent;
    }
}

impl State {
    /// Two a page, so that every reader must go on.
    pub(super) fn creations(&self, seen: &Seen) -> Answer {
        if self.list_silent {
            return error(500, "SERVER_001", "broken");
        }
        let query = seen.target.split_once('?').map_or("", |(_, query)| query);
        let after = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("after="))
            .map_or(0, |text| text.parse().unwrap());
        let page: Vec<Value> = self.listed.iter().skip(after).take(2).map(record).collect();
        let next = (self.listed.len() > after + 2).then_some(after + 2);
        answer(200, &json!({"data": page, "next": next}))
    }
}

fn record(one: &Listed) -> Value {
    json!({
        "id": one.id, "agent": "somebody", "idempotency_key": one.key, "created_at": "2026-03-25T12:00:00.000Z",
        "deleted_at": one.deleted.then_some("2026-03-25T13:00:00.000Z"),
    })
}

/// The official accounts.
pub(super) fn accounts() -> Value {
    let names = ["facebook", "linkedin", "twitter", "reddit", "instagram", "tiktok", "youtube"];
    let connected = ["facebook", "linkedin", "twitter", "instagram"];
    let platform = |name: &&str| json!({"platform": name, "connected": connected.contains(name)});
    let platforms: Vec<Value> = names.iter().map(platform).collect();
    json!({"data": {
        "platforms": platforms, "connected_platforms": connected, "timestamp": "2026-03-25T12:00:00.000Z",
    }})
}
