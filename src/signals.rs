//! Passes the signals of this process on to a child process.

pub(crate) use system::{CaughtSignal, Signals};

#[cfg(unix)]
mod system {
    use rustix::process::{Pid, Signal, getpgid, kill_process};
    use rustix::termios::tcgetpgrp;
    use std::fs::{File, read_to_string};
    use std::future::poll_fn;
    use std::io;
    use std::task::Poll;
    use tokio::signal::unix::{self, SignalKind};

    /// The signals that are passed on.
    const PASSED_ON: [Signal; 6] = [
        Signal::HUP,
        Signal::INT,
        Signal::QUIT,
        Signal::TERM,
        Signal::USR1,
        Signal::USR2,
    ];

    /// The signals of this process. As soon as they are caught, none of them ends the process.
    pub(crate) struct Signals(Vec<(Signal, unix::Signal)>);

    impl Signals {
        /// Catches the signals, except those that are ignored (because of `nohup`, or of `&` in a script): a
        /// child then ignores them, too. A signal that is caught would end the child.
        pub(crate) fn catch() -> io::Result<Self> {
            let ignored = ignored_signals();
            let is_ignored = |signal: Signal| ignored & (1 << (signal.as_raw() - 1)) != 0;
            let caught = PASSED_ON.into_iter().filter(|signal| !is_ignored(*signal));
            let catch = |signal: Signal| {
                let kind = SignalKind::from_raw(signal.as_raw());
                Ok((signal, unix::signal(kind)?))
            };
            caught.map(catch).collect::<io::Result<_>>().map(Self)
        }

        pub(crate) async fn next(&mut self) -> CaughtSignal {
            let next = poll_fn(|context| {
                for (signal, stream) in &mut self.0 {
                    if stream.poll_recv(context).is_ready() {
                        return Poll::Ready(*signal);
                    }
                }
                Poll::Pending
            });
            CaughtSignal(next.await)
        }
    }

    /// A signal that was caught.
    #[derive(Clone, Copy)]
    pub(crate) struct CaughtSignal(Signal);

    impl CaughtSignal {
        pub(crate) fn number(self) -> i32 {
            self.0.as_raw()
        }

        /// Sends the signal to a child, unless the terminal has done so: Ctrl-C and Ctrl-\ reach all processes
        /// in the foreground.
        pub(crate) fn pass_on(self, child: u32) {
            let child = i32::try_from(child).ok().and_then(Pid::from_raw);
            let Some(child) = child else { return };
            let is_of_keyboard = [Signal::INT, Signal::QUIT].contains(&self.0);
            if !is_of_keyboard || !is_in_foreground(child) {
                // An error means that the child has ended.
                let _ = kill_process(child, self.0);
            }
        }
    }

    /// Whether a process is in the foreground of our terminal.
    fn is_in_foreground(process: Pid) -> bool {
        let Ok(terminal) = File::open("/dev/tty") else {
            return false;
        };
        match (tcgetpgrp(&terminal), getpgid(Some(process))) {
            (Ok(foreground), Ok(group)) => foreground == group,
            _ => false,
        }
    }

    /// A bit for each signal that this process ignores. On systems other than Linux, none.
    fn ignored_signals() -> u64 {
        let status = read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or_default()
    }
}

/// The console sends Ctrl-C to all its processes.
#[cfg(not(unix))]
mod system {
    pub(crate) struct Signals;

    impl Signals {
        pub(crate) fn catch() -> std::io::Result<Self> {
            Ok(Self)
        }

        /// Never returns: Ctrl-C is only kept from ending this process.
        pub(crate) async fn next(&mut self) -> CaughtSignal {
            while tokio::signal::ctrl_c().await.is_ok() {}
            std::future::pending().await
        }
    }

    #[derive(Clone, Copy)]
    pub(crate) enum CaughtSignal {}

    impl CaughtSignal {
        pub(crate) fn number(self) -> i32 {
            match self {}
        }

        pub(crate) fn pass_on(self, _child: u32) {
            match self {}
        }
    }
}
