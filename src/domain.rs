//! The rules of verbose logging: pure, without I/O, the time always an argument.

pub mod event;
pub mod halt;
pub mod holder;
pub mod level;
pub mod name;
pub mod outcome;
pub mod policy;
pub mod session;
pub mod target;
pub mod time;
