//! JSON-RPC on its way to the node: counted, recorded, held, refused, forwarded with the answer
//! lost, or answered with a lie.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::client::Call;
use super::node_limits::NodeLimits;
use super::server::{Answer, Server, json as answer};
use super::trap::{self, Armed, Point, Trap};

/// Makes another result of the node's: a lie.
pub type Lie = Arc<dyn Fn(Value) -> Value + Send + Sync>;

/// Which calls the node does not know, by their parameters.
type Unknown = Arc<dyn Fn(&Value) -> bool + Send + Sync>;

/// What happens to the next calls of a method.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The node is not asked: error -32000, so many times.
    Refuse(u32),
    /// The node is asked and its answer lost with the connection, so many times.
    LoseAnswer(u32),
}

#[derive(Default)]
struct State {
    counts: BTreeMap<String, u64>,
    faults: BTreeMap<String, Fault>,
    holds: BTreeMap<String, Gate>,
    lies: BTreeMap<String, Lie>,
    unknown: BTreeMap<String, Unknown>,
    limits: NodeLimits,
    traps: Vec<Armed>,
    broadcasts: Vec<String>,
}

#[derive(Clone)]
struct Gate {
    reached: watch::Sender<bool>,
    open: watch::Receiver<bool>,
}

/// Calls of one method that wait until the test lets them go.
pub struct Hold {
    reached: watch::Receiver<bool>,
    open: watch::Sender<bool>,
}

impl Hold {
    /// Waits until a call of the method has arrived.
    pub async fn reached(&mut self) {
        self.reached.wait_for(|reached| *reached).await.unwrap();
    }

    /// Lets the waiting calls and all later ones go on.
    pub fn release(&self) {
        let _ = self.open.send(true);
    }
}

/// The proxy.
pub struct RpcProxy {
    pub server: Server,
    state: Arc<Mutex<State>>,
}

impl RpcProxy {
    /// A proxy before `node`.
    pub async fn start(node: SocketAddr) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let handler = Arc::new(move |request: Request<Bytes>| {
            let state = Arc::clone(&shared);
            Box::pin(handle(state, node, request)) as futures::future::BoxFuture<'static, Answer>
        });
        Self { server: Server::start(handler).await, state }
    }

    pub fn fault(&self, method: &str, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.faults.insert(method.to_owned(), fault);
    }

    /// Calls of `method` with such parameters are invalid to the node, from now on.
    pub fn refuse(&self, method: &str, such: impl Fn(&Value) -> bool + Send + Sync + 'static) {
        self.state.lock().unwrap().unknown.insert(method.to_owned(), Arc::new(such));
    }

    /// The node takes no more than this, from now on.
    pub fn limit(&self, limits: NodeLimits) {
        self.state.lock().unwrap().limits = limits;
    }

    /// Makes calls of `method` wait.
    pub fn hold(&self, method: &str) -> Hold {
        let (reached, seen) = watch::channel(false);
        let (open, gate) = watch::channel(false);
        let gate = Gate { reached, open: gate };
        self.state.lock().unwrap().holds.insert(method.to_owned(), gate);
        Hold { reached: seen, open }
    }

    /// Stops the next request whose text contains `needle` at this point.
    pub fn trap(&self, needle: &str, at: Point) -> Trap {
        let (trap, armed) = trap::arm(needle, at);
        self.state.lock().unwrap().traps.push(armed);
        trap
    }

    /// Results of `method` are what `lie` makes of them, until [`RpcProxy::tell_the_truth`].
    pub fn lie(&self, method: &str, lie: impl Fn(Value) -> Value + Send + Sync + 'static) {
        self.state.lock().unwrap().lies.insert(method.to_owned(), Arc::new(lie));
    }

    /// Every result is the node's own again.
    pub fn tell_the_truth(&self) {
        self.state.lock().unwrap().lies.clear();
    }

    /// How many calls of the method arrived.
    pub fn calls(&self, method: &str) -> u64 {
        let state = self.state.lock().unwrap();
        state.counts.get(method).copied().unwrap_or(0)
    }

    /// The raw transactions that were sent, in order, repeats included.
    pub fn broadcasts(&self) -> Vec<String> {
        self.state.lock().unwrap().broadcasts.clone()
    }
}

async fn handle(state: Arc<Mutex<State>>, node: SocketAddr, request: Request<Bytes>) -> Answer {
    let text = String::from_utf8_lossy(request.body()).into_owned();
    let armed = trap::sprung(&mut state.lock().unwrap().traps, &text);
    let forward = Box::pin(forward(state, node, request));
    match armed {
        Some(armed) => armed.run(forward).await,
        None => forward.await,
    }
}

async fn forward(state: Arc<Mutex<State>>, node: SocketAddr, request: Request<Bytes>) -> Answer {
    let body: Value = serde_json::from_slice(request.body()).map_err(std::io::Error::other)?;
    let limits = state.lock().unwrap().limits.clone();
    if let Some(refusal) = limits.of_request(&body) {
        return refusal;
    }
    let Value::Array(calls) = body else {
        let (result, lost) = one(&state, node, body).await?;
        return if lost { Err(gone()) } else { answer(200, &result) };
    };
    let (mut results, mut any_lost) = (Vec::new(), false);
    for call in calls {
        let (result, lost) = one(&state, node, call).await?;
        results.push(result);
        any_lost |= lost;
    }
    if any_lost {
        return Err(gone());
    }
    answer(200, &Value::Array(results))
}

/// One call: its answer, and whether the answer gets lost.
async fn one(
    state: &Mutex<State>,
    node: SocketAddr,
    call: Value,
) -> Result<(Value, bool), std::io::Error> {
    let method = call["method"].as_str().unwrap_or_default().to_owned();
    let gate = {
        let mut state = state.lock().unwrap();
        *state.counts.entry(method.clone()).or_default() += 1;
        if method == "eth_sendRawTransaction" {
            let raw = call["params"][0].as_str().unwrap_or_default().to_owned();
            state.broadcasts.push(raw);
        }
        state.holds.get(&method).cloned()
    };
    if let Some(mut gate) = gate {
        gate.reached.send_replace(true);
        // A test that forgot its hold lets everything go.
        let _ = gate.open.wait_for(|open| *open).await;
    }
    let unknown = state.lock().unwrap().unknown.get(&method).cloned();
    if unknown.is_some_and(|such| such(&call["params"])) {
        let error = json!({"code": -32602, "message": "too many arguments, want at most 2"});
        return Ok((json!({"jsonrpc": "2.0", "id": call["id"], "error": error}), false));
    }
    let limits = state.lock().unwrap().limits.clone();
    if let Some(error) = limits.of_call(&method, &call["params"]) {
        return Ok((json!({"jsonrpc": "2.0", "id": call["id"], "error": error}), false));
    }
    let (refuse, lose) = take_fault(&mut state.lock().unwrap(), &method);
    if refuse {
        let error = json!({"code": -32000, "message": "refused by the test"});
        return Ok((json!({"jsonrpc": "2.0", "id": call["id"], "error": error}), false));
    }
    let reply = Call::new("POST", "/").json(&call).try_send(node).await;
    let reply = reply.map_err(std::io::Error::other)?;
    let mut reply = reply.json();
    if let Some(error) = limits.of_result(&method, &reply["result"]) {
        return Ok((json!({"jsonrpc": "2.0", "id": call["id"], "error": error}), false));
    }
    let lie = state.lock().unwrap().lies.get(&method).cloned();
    if let (Some(lie), Some(result)) = (lie, reply.get_mut("result")) {
        *result = lie(result.take());
    }
    Ok((reply, lose))
}

fn take_fault(state: &mut State, method: &str) -> (bool, bool) {
    match state.faults.get_mut(method) {
        Some(Fault::Refuse(left)) if *left > 0 => {
            *left -= 1;
            (true, false)
        }
        Some(Fault::LoseAnswer(left)) if *left > 0 => {
            *left -= 1;
            (false, true)
        }
        _ => (false, false),
    }
}

fn gone() -> std::io::Error {
    std::io::Error::other("the answer is lost")
}

#[tokio::test]
async fn the_proxy_counts_refuses_and_loses_answers() {
    use super::anvil::Anvil;
    let node = Anvil::shared().await;
    let proxy = RpcProxy::start(node.address).await;
    let ask = |method: &str| {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": []});
        Call::new("POST", "/").json(&body)
    };
    let chain = ask("eth_chainId").send(proxy.server.address).await.json();
    assert_eq!((&chain["result"], &chain["id"]), (&json!("0x14a34"), &json!(7)));
    proxy.fault("eth_chainId", Fault::Refuse(1));
    let refused = ask("eth_chainId").send(proxy.server.address).await.json();
    assert_eq!(refused["error"]["code"], -32000);
    proxy.fault("eth_blockNumber", Fault::LoseAnswer(1));
    let lost = ask("eth_blockNumber").try_send(proxy.server.address).await;
    assert!(lost.is_err());
    let mut hold = proxy.hold("net_version");
    let held = ask("net_version");
    let waiting = held.send(proxy.server.address);
    let release = async {
        hold.reached().await;
        hold.release();
    };
    let (reply, ()) = tokio::join!(waiting, release);
    assert_eq!(reply.json()["result"], "84532");
    assert_eq!(proxy.calls("eth_chainId"), 2);
    proxy.lie("eth_chainId", |_| json!("0x1"));
    assert_eq!(ask("eth_chainId").send(proxy.server.address).await.json()["result"], "0x1");
    proxy.tell_the_truth();
    assert_eq!(ask("eth_chainId").send(proxy.server.address).await.json()["result"], "0x14a34");
}
