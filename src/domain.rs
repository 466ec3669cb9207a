//! The rules of verbose logging: pure, without I/O, the time always an argument.

pub mod event;
pub mod halt;
pub mod holder;
pub mod ledger;
pub mod level;
pub mod name;
pub mod operation;
pub mod outcome;
pub mod policy;
pub mod record;
pub mod session;
pub mod target;
pub mod time;
pub mod window;
