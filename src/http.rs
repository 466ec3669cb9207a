//! The two listeners: connections and their limits, who may do what, and how requests are read and answered.
//!
//! The way of a request: [`server`] accepts its connection, `connection` watches over it, `front` gives it an identity
//! and answers whatever goes wrong, the router calls a handler, whose arguments are [`auth`] and [`extract`]. A poll goes
//! from `front` to `check` straight away.

pub mod admin;
mod answer;
pub mod api;
pub mod auth;
mod check;
mod connection;
mod disable;
mod drain;
mod enable;
pub mod error;
mod errors;
mod explain;
pub mod extract;
mod freeze;
mod front;
pub mod limits;
mod list;
mod observe;
pub mod openapi;
mod phase;
pub mod room;
pub mod route;
pub mod server;
pub mod trace;
mod watch;
mod webhook;
mod wire;

pub use front::Routes;
