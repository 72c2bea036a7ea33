//! The benchmark: one table; most figures are ratios to a baseline of the same run.
//!
//! `cargo bench` measures the release binary, or the one that BENCH_BINARY names, in a separate process.
//! The binary logs each call, and the log is discarded. The baselines are bare axum routes, also in a
//! separate process. Rounds alternate between the two, and the result is the median of the rounds'
//! ratios, because absolute times on a shared machine mean little.

mod baseline;
mod growth;
mod isolation;
mod load;
mod process;
mod reads;
mod soak;
mod state;
mod throughput;
mod tls;

use process::Server;
use std::time::Duration;

fn main() {
    if let Some(ready_file) = baseline::ready_file() {
        return baseline::serve(&ready_file);
    }
    let mut table = Table::default();
    let parts: [(&str, Part); 10] = [
        ("one_item", throughput::one_item),
        ("tls", tls::measure),
        ("batch", throughput::batch),
        ("saturation", throughput::saturation),
        ("reads", reads::measure),
        ("isolation", isolation::measure),
        ("state", state::measure),
        ("growth", growth::measure),
        ("soak", soak::measure),
        ("footprint", footprint),
    ];
    // `cargo bench -- batch` measures only that part.
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    for (name, measure) in parts {
        if asked.is_empty() || asked.iter().any(|part| part == name) {
            measure(&mut table);
        }
    }
    println!("\n{table}");
}

type Part = fn(&mut Table);

/// The start time, idle memory and size of the binary, with the built-in configuration.
fn footprint(table: &mut Table) {
    const STARTS: usize = 21;
    let mut idle = 0;
    for (config, what, target) in [
        ("", "start to first answered call, median", "<= 20 ms"),
        (tls::TLS, "the same with HTTPS", "<= 60 ms"),
    ] {
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            let (server, start) = Server::start_and_call(config);
            starts.push(start.as_secs_f64() * 1000.0);
            std::thread::sleep(Duration::from_millis(50));
            if config.is_empty() {
                idle = idle.max(server.resident_bytes());
            }
        }
        let start = median(&mut starts);
        table.row(what, format!("{start:.1} ms"), target);
    }
    let size = std::fs::metadata(process::binary())
        .expect("the binary is there")
        .len();
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    table.row("idle resident memory", mib(idle), "<= 12 MiB");
    table.row("binary", mib(size), "<= 14 MiB");
}

/// The measured figures and their targets.
#[derive(Default)]
struct Table(Vec<[String; 3]>);

impl Table {
    fn row(&mut self, what: &str, figure: String, target: &str) {
        println!("{what}: {figure}");
        self.0.push([what.to_owned(), figure, target.to_owned()]);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "| what | measured | target |\n|---|---|---|")?;
        self.0
            .iter()
            .try_for_each(|[what, figure, target]| writeln!(f, "| {what} | {figure} | {target} |"))
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
