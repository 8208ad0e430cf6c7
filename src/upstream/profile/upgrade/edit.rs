//! Edits of a TOML document that keep its comments, spaces and order.

use toml_edit::{Item, Key, RawString, TableLike, Value};

/// The comments of a table, one a line; those after an inline one stay where it was.
pub(super) fn comments(tier: &Item) -> String {
    let said =
        |raw: Option<&RawString>| raw.and_then(RawString::as_str).unwrap_or_default().to_owned();
    let text = match tier {
        Item::Value(value) => {
            let mut alone = value.clone();
            alone.decor_mut().clear();
            alone.to_string()
        }
        Item::Table(table) => {
            format!("{}{}\n{table}", said(table.decor().prefix()), said(table.decor().suffix()))
        }
        Item::None | Item::ArrayOfTables(_) => String::new(),
    };
    text.lines().filter_map(|line| Some(format!("{}\n", &line[line.find('#')?..]))).collect()
}

/// Takes every entry out, in the order of the table.
pub(super) fn taken(table: &mut dyn TableLike) -> Vec<(Key, Item)> {
    let keys: Vec<Key> = table.iter().filter_map(|(name, _)| table.key(name).cloned()).collect();
    keys.into_iter().filter_map(|key| table.remove(key.get()).map(|item| (key, item))).collect()
}

/// Puts an entry at the end, its key as it was written.
pub(super) fn put(table: &mut dyn TableLike, key: &Key, item: Item) {
    table.entry_format(key).or_insert(item);
    // An inline table forgets the space and the comments around a key.
    if let Some(mut kept) = table.key_mut(key.get()) {
        *kept.leaf_decor_mut() = key.leaf_decor().clone();
        *kept.dotted_decor_mut() = key.dotted_decor().clone();
    }
}

pub(super) fn renamed(key: &Key, name: &str) -> Key {
    Key::new(name)
        .with_leaf_decor(key.leaf_decor().clone())
        .with_dotted_decor(key.dotted_decor().clone())
}

/// Another value in the place of this one, with the space and the comments around it.
pub(super) fn replaced(item: &Item, new: impl Into<Value>) -> Item {
    let mut value = new.into();
    if let Some(old) = item.as_value() {
        *value.decor_mut() = old.decor().clone();
    }
    Item::Value(value)
}
