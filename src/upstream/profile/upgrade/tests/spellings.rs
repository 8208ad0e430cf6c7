//! TOML has many ways to write one table: each is upgraded in its place, before and after beside
//! each other.

use super::{load, written};

/// Inline tables and dotted keys, with comments around them.
pub(super) const DOTTED: [&str; 2] = [
    r#"# A file.
schema = 1 # the first
name = "any"
upstream = { base_url = "http://127.0.0.1:1" }

# Routes.
[[route]] # one
method = "POST"
path = "/launches"
price = { x402 = "0.01" }
# Free.
"free_tier" = { rail = 'x402', count = 5, window = "month" } # five
billable.status = [200]
billable.has = "/id" # made

# Which.
resource_id = "/id"
# The end.
"#,
    r#"# A file.
schema = 2 # the first
outcome.refused = { status = [400, 403, 404, 409, 422], has = ["/error/code", "/error/message"] }
name = "any"
upstream = { base_url = "http://127.0.0.1:1" }

[[quota]]
name = "launches"
rail = 'x402'
count = 5
window = "month"

# Routes.
[[route]] # one
method = "POST"
path = "/launches"
price = { x402 = "0.01" }
# Free.
quota = "launches" # five
done.status = [200]
done.has = "/id" # made

# Which.
result_id = "/id"
# The end.
"#,
];

/// Tables under headers of their own; the pointers of errors and what refuses are said.
pub(super) const HEADERS: [&str; 2] = [
    r#"schema = 1
name = "any"
# Final.
refused = [
    400, # bad
    422,
] # no more
[upstream]
base_url = "http://127.0.0.1:1"
[envelope]
code = "${CODE}" # ours
[[route]]
method = "POST"
path = "/v1/launches"
price = { x402 = "0.01" }
resource_id = "/id"

# Free.
[route.free_tier] # five
rail = "x402"
count = 5 # each
window = "month"

# Done.
[route.billable]
status = [200]
"#,
    r#"schema = 2
name = "any"
# Final.
outcome.refused = { status = [
    400, # bad
    422,
], has = ["${CODE}", "/error/message"] } # no more
[upstream]
base_url = "http://127.0.0.1:1"
[envelope]
code = "${CODE}" # ours

[[quota]]
# Free.
# five
# each
name = "launches"
rail = "x402"
count = 5
window = "month"
[[route]]
method = "POST"
path = "/v1/launches"
price = { x402 = "0.01" }
result_id = "/id"
quota = "launches"

# Done.
[route.done]
status = [200]
"#,
];

/// All routes in one array, each on one line.
pub(super) const ARRAY: [&str; 2] = [
    r#"schema = 1
refused = []
name = "any"
upstream = { base_url = "http://127.0.0.1:1" }
envelope = { code = "/message", message = "/message" }
ownership = 'core' # theirs
route = [
  # The one.
  { method = "POST", path = "/launches", price = { x402 = "0.01" }, free_tier = { rail = "x402", count = 5, window = "month" },
    billable = { status = [200] }, resource_id = "/id" },
]
"#,
    r#"schema = 2
outcome.refused = { status = [], has = ["/message"] }
name = "any"
upstream = { base_url = "http://127.0.0.1:1" }
envelope = { code = "/message", message = "/message" }
ownership = "upstream" # theirs
route = [
  # The one.
  { method = "POST", path = "/launches", price = { x402 = "0.01" }, quota = "launches",
    done = { status = [200] }, result_id = "/id" },
]

[[quota]]
name = "launches"
rail = "x402"
count = 5
window = "month"
"#,
];

#[test]
fn every_way_of_writing_a_table_is_upgraded_in_its_place() {
    for [before, after] in [DOTTED, HEADERS, ARRAY] {
        let text = written(before);
        assert_eq!(text, after);
        let profile = load(&text).unwrap();
        let launch = profile.route("POST /launches").unwrap().upstream().unwrap();
        let free = launch.access.terms().unwrap().free.as_ref().unwrap();
        assert_eq!(
            (free.name.as_str(), free.count.get(), launch.result_id.as_deref()),
            ("launches", 5, Some("/id"))
        );
        assert_eq!(written(&before.replace('\n', "\r\n")), after.replace('\n', "\r\n"));
    }
}
