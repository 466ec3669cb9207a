//! Why a store did not do what was asked.

/// Why a store did not do what was asked; after any of them nothing may be acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer in time, refused to write, or what it did is unknown.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another process has the embedded store open.
    #[error("{} is in use by another autolog process: an embedded store serves one replica, several share a Redis", .0.display())]
    InUse(std::path::PathBuf),
    /// The store's file was closed after a failure.
    #[error("the store's file is closed")]
    Closed,
    /// Other writers were faster each time.
    #[error("the store has too many writers")]
    Contended,
    /// What the store keeps cannot be read.
    #[error("the store keeps something unreadable")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The change feed does not go on from the given position: everything must be read anew.
    #[error("the change feed has a gap")]
    Gap,
    /// The store was written by a version that this one must not write beside.
    #[error(
        "the store needs a binary of schema {needed} or newer, and this one has schema {ours}: upgrade autolog"
    )]
    TooNew {
        /// The oldest schema that may write.
        needed: u32,
        /// The schema of this binary.
        ours: u32,
    },
}

impl StoreError {
    /// Wraps what kept the store from answering.
    pub fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(error.into())
    }

    /// Wraps what makes the store's content unreadable.
    pub fn corrupt(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt(error.into())
    }
}
