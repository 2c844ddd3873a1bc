//! The program `leaderless` from outside: exit codes, what it prints where, its files, its signals.

mod alone;
mod apache;
mod interrupted;
mod kit;
mod lint;
mod pages;
mod runs;
mod scenarios;
mod usage;
