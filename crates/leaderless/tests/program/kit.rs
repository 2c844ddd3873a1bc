//! Starting the program, reading what it says, ending it.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Long enough for the slowest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a program that has ended said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program with these arguments, and without what the environment would tell it.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leaderless"));
    command.args(args).env_remove("RUST_LOG").env_remove("LEADERLESS_TOKEN").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn leaderless(args: &[&str]) -> Ended {
    Program::start(args).ended()
}

/// Game days measure, so only one of them runs at a time.
pub(crate) fn one_game_day_at_a_time() -> MutexGuard<'static, ()> {
    static RUNNING: Mutex<()> = Mutex::new(());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a game day to its end. The tiny scenarios allow the generator any lateness, for the machine may be busy.
pub(crate) fn valid_run(args: &[&str]) -> Ended {
    let _alone = one_game_day_at_a_time();
    leaderless(&[&["run"], args].concat())
}

/// The program while it runs. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    out: Stream,
    err: Stream,
}

impl Program {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::spawn(command(args))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program starts");
        let out = Stream::of(child.stdout.take().expect("a pipe"));
        let err = Stream::of(child.stderr.take().expect("a pipe"));
        Self { child, out, err }
    }

    /// The first line of standard output that `wanted` takes, as soon as it is there.
    pub(crate) fn out_line<T>(&self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        eventually(what, || self.out.text().lines().find_map(&wanted))
    }

    /// The same of standard error.
    pub(crate) fn err_line<T>(&self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        eventually(what, || self.err.text().lines().find_map(&wanted))
    }

    /// How many processes it has started that still run; `None` where the system does not tell.
    pub(crate) fn children(&self) -> Option<usize> {
        let tasks = Path::new("/proc").join(self.child.id().to_string()).join("task");
        let mut count = 0;
        for task in tasks.read_dir().ok()?.flatten() {
            count += std::fs::read_to_string(task.path().join("children")).ok()?.split_whitespace().count();
        }
        Some(count)
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("there is a kill").success());
    }

    /// Waits for its end.
    pub(crate) fn ended(self) -> Ended {
        self.ended_within(PATIENCE)
    }

    /// The same with another patience.
    pub(crate) fn ended_within(mut self, patience: Duration) -> Ended {
        let since = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status.code();
            }
            assert!(since.elapsed() < patience, "still running, having said {}", self.err.text());
            thread::sleep(LOOK_EVERY);
        };
        Ended { code, out: self.out.all(), err: self.err.all() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes out of a pipe, read as it comes.
struct Stream {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = String::new();
            // Whole lines only, so that nobody reads half of one.
            while pipe.read_line(&mut line).expect("the program writes UTF-8") > 0 {
                heard.lock().expect("nobody panicked").push_str(&line);
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().expect("nobody panicked").clone()
    }

    fn all(&mut self) -> String {
        self.reader.take().expect("read to its end once").join().expect("nobody panicked");
        self.text()
    }
}

/// Looks again until there is something.
pub(crate) fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(since.elapsed() < PATIENCE, "not seen: {what}");
        thread::sleep(LOOK_EVERY);
    }
}
