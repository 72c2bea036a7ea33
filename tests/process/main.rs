//! The program as a process: its command line, its files, its signals, its log and its memory.

mod fixture;
mod tools;

mod cli;
mod control;
mod env;
mod exec;
#[cfg(target_os = "linux")]
mod fixtures;
#[cfg(target_os = "linux")]
mod image;
mod load;
mod logs;
#[cfg(target_os = "linux")]
mod memory;
mod openapi;
mod package;
mod readme;
mod signals;
mod start;
#[cfg(target_os = "linux")]
mod state_file;
mod stubs;
#[cfg(unix)]
mod tls;
mod wait;
