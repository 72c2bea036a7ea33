//! Passes the signals of this process on to a child process.

pub(crate) use system::Signals;

#[cfg(unix)]
mod system {
    use rustix::process::{Pid, Signal, getpgid, kill_process};
    use rustix::termios::tcgetpgrp;
    use signal_hook::iterator::backend::SignalDelivery;
    use signal_hook::iterator::exfiltrator::WithOrigin;
    use signal_hook::low_level::siginfo::{Cause, Origin};
    use std::fs::{File, read_to_string};
    use std::io;
    use tokio::net::UnixStream;

    /// The signals that are passed on.
    const PASSED_ON: [Signal; 6] = [
        Signal::HUP,
        Signal::INT,
        Signal::QUIT,
        Signal::TERM,
        Signal::USR1,
        Signal::USR2,
    ];

    /// The signals of this process. As soon as they are caught, none of them ends the process. Tokio's signals
    /// would not tell who has sent a signal.
    pub(crate) struct Signals(SignalDelivery<UnixStream, WithOrigin>);

    impl Signals {
        /// Catches the signals, except those that are ignored (because of `nohup`, or of `&` in a script): a
        /// child then ignores them, too. A signal that is caught would end the child.
        pub(crate) fn catch() -> io::Result<Self> {
            let ignored = ignored_signals();
            let numbers = PASSED_ON.iter().map(|signal| signal.as_raw());
            let caught = numbers.filter(|number| ignored & (1 << (number - 1)) == 0);
            // A signal writes to one end, so that the other end becomes readable.
            let (read, write) = UnixStream::pair()?;
            let write = write.into_std()?;
            SignalDelivery::with_pipe(read, write, WithOrigin::default(), caught).map(Self)
        }

        /// A signal that has come already.
        pub(crate) fn pending(&mut self) -> Option<CaughtSignal> {
            self.0.pending().next().map(CaughtSignal)
        }

        pub(crate) async fn next(&mut self) -> CaughtSignal {
            loop {
                if let Some(signal) = self.pending() {
                    return signal;
                }
                let stream = self.0.get_read();
                let readable = stream.readable().await;
                readable.expect("the runtime is running");
                // As soon as nothing is left to read, `readable` waits again.
                while stream.try_read(&mut [0; 64]).is_ok_and(|length| length > 0) {}
            }
        }
    }

    /// A signal that was caught.
    pub(crate) struct CaughtSignal(Origin);

    impl CaughtSignal {
        pub(crate) fn number(&self) -> i32 {
            self.0.signal
        }

        /// Sends the signal to a child, unless the terminal has done so: Ctrl-C and Ctrl-\ reach all processes
        /// in the foreground.
        pub(crate) fn pass_on(&self, child: u32) {
            let child = i32::try_from(child).ok().and_then(Pid::from_raw);
            let signal = Signal::from_named_raw(self.number());
            let (Some(child), Some(signal)) = (child, signal) else {
                return;
            };
            let is_of_keyboard = [Signal::INT, Signal::QUIT].contains(&signal)
                && !matches!(self.0.cause, Cause::Sent(_));
            if !is_of_keyboard || !is_in_foreground(child) {
                // An error means that the child has ended.
                let _ = kill_process(child, signal);
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

        pub(crate) fn pending(&mut self) -> Option<CaughtSignal> {
            None
        }

        /// Never returns: Ctrl-C is only kept from ending this process.
        pub(crate) async fn next(&mut self) -> CaughtSignal {
            while tokio::signal::ctrl_c().await.is_ok() {}
            std::future::pending().await
        }
    }

    pub(crate) enum CaughtSignal {}

    impl CaughtSignal {
        pub(crate) fn number(&self) -> i32 {
            match *self {}
        }

        pub(crate) fn pass_on(&self, _child: u32) {
            match *self {}
        }
    }
}
