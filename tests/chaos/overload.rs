//! Overload and attack: whoever polls is the last to notice.
//!
//! Each scenario floods one process of the service with something, polls it meanwhile as applications do, and judges
//! what it has cost: memory, series of metrics, connections, and what the pollers were answered.

mod bodies;
mod connections;
mod herd;
mod names;
mod secrets;
pub(crate) mod siege;
