//! A connection to a Dunlin server over tokio.
