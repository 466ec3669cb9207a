//! The `autolog` program.

fn main() {}
