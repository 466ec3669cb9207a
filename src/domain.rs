//! The rules of verbose logging: pure, without I/O, the time always an argument.
//!
//! An [`operation::Operation`] is decided on a [`ledger::Ledger`], the part of the [`book::Book`] it needs, under
//! a [`policy::Policy`]; a store makes the decision atomic and durable.

pub mod book;
pub mod census;
pub mod event;
pub mod halt;
pub mod holder;
pub mod ledger;
pub mod level;
pub mod loss;
pub mod name;
pub mod operation;
pub mod outcome;
pub mod policy;
pub mod record;
pub mod session;
pub mod target;
mod text;
pub mod time;
pub mod window;
