//! What the gateway runs with.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde_json::Value;

use super::shell::{Shell, Shown, Visit, page};
use crate::operator::Desk;

#[derive(Template)]
#[template(path = "config.html")]
struct View {
    shell: Shell,
    sections: Vec<Section>,
}

/// A table of the configuration.
#[derive(Debug, PartialEq, Eq)]
struct Section {
    name: String,
    lines: Vec<Setting>,
}

#[derive(Debug, PartialEq, Eq)]
struct Setting {
    name: String,
    value: String,
}

/// `GET /operator/config`.
pub(super) async fn config(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    visit.asked.only(&["done"])?;
    Ok(page(&View {
        shell: visit.shell("Configuration", "/operator/config"),
        sections: sections(&desk.settings),
    }))
}

fn sections(settings: &Value) -> Vec<Section> {
    let tables = settings.as_object().into_iter().flatten();
    let section = |(name, value): (&String, &Value)| {
        let mut lines = Vec::new();
        flatten("", value, &mut lines);
        Section { name: name.clone(), lines }
    };
    tables.map(section).filter(|section| !section.lines.is_empty()).collect()
}

/// Tables inside of tables by their dotted names, as the file and the environment name them.
fn flatten(name: &str, value: &Value, lines: &mut Vec<Setting>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let name =
                    if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                flatten(&name, value, lines);
            }
        }
        Value::Null => {
            lines.push(Setting { name: name.to_owned(), value: String::from("not set") })
        }
        other => {
            let value = other.as_str().map_or_else(
                || other.to_string(),
                |text| if text.is_empty() { "“”".to_owned() } else { text.to_owned() },
            );
            lines.push(Setting { name: name.to_owned(), value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_settings_have_dotted_names() {
        let all = sections(
            &json!({"mpp": {"pack": {"credits": 20}, "key": "****", "none": "", "limit": null}, "test": {}}),
        );
        assert_eq!(all.len(), 1, "a table without settings is not shown: {all:?}");
        let lines: Vec<_> =
            all[0].lines.iter().map(|line| (line.name.as_str(), line.value.as_str())).collect();
        assert_eq!(
            lines,
            [("pack.credits", "20"), ("key", "****"), ("none", "“”"), ("limit", "not set")]
        );
    }
}
