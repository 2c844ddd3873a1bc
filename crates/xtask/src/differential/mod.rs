//! stand-in
mod normal;
mod plan;
mod shrink;
