//! The layers of the configuration, laid over each other key by key, each key remembering who set
//! it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{
    Config, Usd, Usdc,
    file_error::{FileError, SecretFileError},
};
use crate::{
    strict_toml::{self, Mistake},
    variables,
};

/// Settings that are also accepted as `<key>_file`.
const SECRETS: [(&str, &str); 12] = [
    ("operator", "token"),
    ("store", "seal_key"),
    ("store", "seal_keys_before"),
    ("upstream", "signing_secret"),
    ("x402", "signer_key"),
    ("x402", "other_signer_keys"),
    ("refunds", "signer_key"),
    ("mpp", "secret_keys"),
    ("mpp", "account_key"),
    ("mpp", "token_keys"),
    ("stripe", "secret_key"),
    ("stripe", "webhook_secret"),
];
const ENV_PREFIX: &str = "TURNPIKE_";
/// The largest secret file that is read.
const MAX_SECRET_FILE_BYTES: u64 = 64 << 10;

/// All layers so far.
pub(super) struct Layers {
    /// The defaults: which sections and keys there are, and of which type.
    defaults: Table,
    sections: BTreeMap<String, Table>,
    /// Who set `section.key`.
    sources: BTreeMap<String, String>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Layers {
    pub(super) fn new() -> Self {
        let mut mistakes = Vec::new();
        // A setting without a default still has a type.
        let mut typed = Config::default();
        typed.upstream.timeout_s = Some(0);
        typed.upstream.per_minute = Some(0);
        typed.upstream.concurrent = Some(0);
        typed.pricing.launch_usdc = Some(Usdc::from_minor(0));
        typed.pricing.launch_usd = Some(Usd::from_minor(0));
        typed.pricing.free_launches_per_month = Some(0);
        typed.x402.max_gas_gwei = Some(0);
        typed.x402.gas_coin_usd = Some(Usd::from_minor(0));
        let defaults = Table::try_from(typed).unwrap_or_else(|error| {
            mistakes.push(Mistake::new("defaults", error.to_string()));
            Table::new()
        });
        Self { defaults, sections: BTreeMap::new(), sources: BTreeMap::new(), mistakes }
    }

    /// The file layer.
    pub(super) fn file(&mut self, path: &Path, env: &BTreeMap<String, String>) {
        let source = path.display().to_string();
        let read = std::fs::read_to_string(path).map_err(FileError::Unreadable);
        let table = match read.and_then(|text| Ok(strict_toml::parse(&text)?)) {
            Ok(table) => table,
            Err(error) => return self.mistakes.push(Mistake::new(source, error.to_string())),
        };
        let (table, typed) = self.expanded(table, env);
        let mut layer = Vec::new();
        for (section, value) in table {
            match value {
                Value::Table(keys) if self.defaults.contains_key(&section) => {
                    let typed = |key: String, value| match value {
                        Value::String(text) if typed.contains(&(section.clone(), key.clone())) => {
                            let value = self.typed(&section, &key, text);
                            (section.clone(), key, value)
                        }
                        value => (section.clone(), key, value),
                    };
                    layer.extend(keys.into_iter().map(|(key, value)| typed(key, value)));
                }
                Value::Table(_) => self.unknown_section(&section, &source),
                _ => {
                    let text = format!("a key outside a section (in {source})");
                    self.mistakes.push(Mistake::new(section, text));
                }
            }
        }
        self.lay(layer, |_, _| source.clone());
    }

    /// The table with the values of its variables, and the keys whose text came from one: it may be
    /// a number's.
    fn expanded(
        &mut self,
        mut table: Table,
        env: &BTreeMap<String, String>,
    ) -> (Table, BTreeSet<(String, String)>) {
        let mut from_variables = BTreeSet::new();
        for (section, keys) in &table {
            let keys = keys.as_table().into_iter().flatten();
            let varies =
                keys.filter(|(_, value)| value.as_str().is_some_and(|text| text.contains("${")));
            from_variables.extend(varies.map(|(key, _)| (section.clone(), key.clone())));
        }
        let mut found = variables::Found::default();
        variables::expand("", &mut table, &|name| env.get(name).cloned(), &mut found);
        self.mistakes.extend(found.malformed);
        self.mistakes.extend(found.unset);
        (table, from_variables)
    }

    /// The environment layer: `TURNPIKE_SECTION__KEY`.
    pub(super) fn environment(&mut self, env: &BTreeMap<String, String>) {
        let mut layer = Vec::new();
        let mut names = BTreeMap::new();
        for (name, text) in env {
            let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            let text = text.clone();
            let rest = rest.to_lowercase();
            let Some((section, key)) = rest.split_once("__") else {
                self.single_underscore(name, &rest);
                continue;
            };
            if !self.defaults.contains_key(section) {
                self.unknown_section(section, name);
                continue;
            }
            let value = self.typed(section, key, text);
            names.insert((section.to_owned(), key.to_owned()), name.clone());
            layer.push((section.to_owned(), key.to_owned(), value));
        }
        self.lay(layer, |section, key| {
            let name = names.get(&(section.to_owned(), key.to_owned()));
            name.cloned().unwrap_or_default()
        });
    }

    /// The command line: `section.key=value`.
    pub(super) fn flags(&mut self, overrides: &[String]) {
        // One layer per flag: the last one of a key wins.
        for text in overrides {
            let parsed =
                text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
            // The value is not repeated: it may be a secret.
            let Some(((section, key), value)) = parsed else {
                let text = "expected section.key=value";
                self.mistakes.push(Mistake::new("--set", text));
                continue;
            };
            if !self.defaults.contains_key(section) {
                self.unknown_section(section, "--set");
                continue;
            }
            let value = self.typed(section, key, value.to_owned());
            let one = vec![(section.to_owned(), key.to_owned(), value)];
            self.lay(one, |_, _| "--set".to_owned());
        }
    }

    /// Reads one section; secrets in files are read first.
    pub(super) fn read<T: DeserializeOwned + Default>(&mut self, section: &str) -> T {
        let mut table = self.sections.remove(section).unwrap_or_default();
        for (_, key) in SECRETS.iter().filter(|(of, _)| *of == section) {
            let file_key = format!("{key}_file");
            let Some(path) = table.remove(&file_key) else {
                continue;
            };
            match self.secret_file(section, key, &path) {
                Ok(value) => {
                    table.insert((*key).to_owned(), value);
                }
                Err(error) => {
                    let place = format!("{section}.{file_key}");
                    self.mistakes.push(Mistake::new(place, error.to_string()));
                }
            }
        }
        strict_toml::read(section, &table, &mut self.mistakes)
    }

    /// All mistakes, each with the layer that set the value.
    pub(super) fn named_by_source(self) -> Vec<Mistake> {
        let sources = self.sources;
        let name = |mistake: Mistake| match sources.get(&mistake.place) {
            Some(source) => {
                Mistake::new(format!("{} (from {source})", mistake.place), mistake.text)
            }
            None => mistake,
        };
        self.mistakes.into_iter().map(name).collect()
    }

    /// Lays one layer over the others. A secret and its `_file` replace each other; both in one
    /// layer is a mistake.
    fn lay(&mut self, layer: Vec<(String, String, Value)>, source: impl Fn(&str, &str) -> String) {
        for (section, key) in SECRETS {
            let file_key = format!("{key}_file");
            let sets =
                |wanted: &str| layer.iter().any(|(of, key, _)| of == section && key == wanted);
            match (sets(key), sets(&file_key)) {
                (true, true) => {
                    let text = format!("expected {key} or {file_key}, not both");
                    self.mistakes.push(Mistake::new(format!("{section}.{key}"), text));
                }
                (true, false) => self.forget(section, &file_key),
                (false, true) => self.forget(section, key),
                (false, false) => {}
            }
        }
        for (section, key, value) in layer {
            self.sources.insert(format!("{section}.{key}"), source(&section, &key));
            self.sections.entry(section).or_default().insert(key, value);
        }
    }

    fn forget(&mut self, section: &str, key: &str) {
        if let Some(keys) = self.sections.get_mut(section) {
            keys.remove(key);
        }
    }

    /// A text as the type that the default of its key has.
    fn typed(&self, section: &str, key: &str, text: String) -> Value {
        let default = self.defaults.get(section).and_then(|keys| keys.get(key));
        let typed = match default {
            Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
            Some(Value::Integer(_)) => text.replace('_', "").parse().ok().map(Value::Integer),
            Some(Value::Array(_)) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(Value::Array(items.map(Value::from).collect()))
            }
            _ => None,
        };
        // What cannot be read as its type stays a text; reading the section then names it.
        typed.unwrap_or(Value::String(text))
    }

    fn secret_file(
        &self,
        section: &str,
        key: &str,
        path: &Value,
    ) -> Result<Value, SecretFileError> {
        let path = path.as_str().filter(|path| !path.is_empty());
        let path = path.ok_or(SecretFileError::NoPath)?;
        let read = |error| SecretFileError::Unreadable { path: path.to_owned(), error };
        let size = std::fs::metadata(path).map_err(read)?.len();
        if size > MAX_SECRET_FILE_BYTES {
            return Err(SecretFileError::TooLarge { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        let default = self.defaults.get(section).and_then(|keys| keys.get(key));
        if matches!(default, Some(Value::Array(_))) {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            return Ok(Value::Array(lines.map(Value::from).collect()));
        }
        match text.trim() {
            "" => Err(SecretFileError::Empty { path: path.to_owned() }),
            secret => Ok(Value::from(secret)),
        }
    }

    fn unknown_section(&mut self, section: &str, source: &str) {
        let known: Vec<_> = self.defaults.keys().map(String::as_str).collect();
        let text = format!("unknown section (in {source}), expected one of {}", known.join(", "));
        self.mistakes.push(Mistake::new(section, text));
    }

    /// `TURNPIKE_STRIPE_SECRET_KEY` would silently do nothing; names that are no setting at all are
    /// somebody else's.
    fn single_underscore(&mut self, name: &str, rest: &str) {
        let setting = self.defaults.iter().find_map(|(section, keys)| {
            let key = rest.strip_prefix(section.as_str())?.strip_prefix('_')?;
            let known = keys.as_table()?.contains_key(key)
                || SECRETS
                    .iter()
                    .any(|(of, secret)| of == section && key.strip_suffix("_file") == Some(secret));
            known.then(|| format!("{ENV_PREFIX}{}__{}", section.to_uppercase(), key.to_uppercase()))
        });
        if let Some(setting) = setting {
            let text = format!("is not a setting; did you mean {setting}?");
            self.mistakes.push(Mistake::new(name, text));
        }
    }
}
