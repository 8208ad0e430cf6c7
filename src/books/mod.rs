//! The durable truth. Each backend implements [`payments::ports::Books`] and knows nothing of the others.

pub mod sqlite;
