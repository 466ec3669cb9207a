//! autolog
