//! One run of Maven: started, listened to, ended in time.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Progress;

/// How often it is asked whether it has ended, once its outputs have.
const END_RETRY: Duration = Duration::from_millis(10);

/// How many lines may wait to be looked at; Maven waits when there are more.
const LINES_WAITING_MAX: usize = 64;

/// How many of Maven's lines an error quotes, the last ones.
const LINES_QUOTED: usize = 5;

/// How much of a line an error quotes, in characters.
const QUOTED_CHARS_MAX: usize = 400;

/// Why Maven did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum MavenError {
    /// There is no Maven.
    #[error("no `mvn` on PATH; install Maven 3, or let KAFKA_HOME name an unpacked Kafka")]
    NotThere,
    /// It cannot be started or waited for.
    #[error("cannot run Maven")]
    Io(#[source] io::Error),
    /// It gave up.
    #[error("Maven failed ({status}); its last words:\n{last_words}")]
    Failed {
        /// How it ended, e.g. `exit status: 1`.
        status: String,
        /// Its last error lines, or its last lines if none was an error.
        last_words: String,
    },
    /// It was killed because its time was over.
    #[error("Maven was not done in time and was killed; its last words:\n{last_words}")]
    TooLong {
        /// Its last lines.
        last_words: String,
    },
}

/// How Maven is called.
#[derive(Debug, Clone)]
pub(super) struct Maven {
    program: OsString,
    arguments: Vec<OsString>,
}

impl Maven {
    /// The user's, as found on `PATH`.
    pub(super) fn of_the_user() -> Self {
        Self::called("mvn", [])
    }

    pub(super) fn called(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Self {
        Self { program: program.into(), arguments: arguments.into_iter().collect() }
    }

    /// Copies everything that the pom needs at run time into a folder.
    pub(super) fn copy_dependencies(
        &self,
        pom: &Path,
        into: &Path,
        deadline: Instant,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), MavenError> {
        let mut folder = OsString::from("-DoutputDirectory=");
        folder.push(into);
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(["--batch-mode", "-Dstyle.color=never", "--file"]).arg(pom);
        command.args(["dependency:copy-dependencies", "-DincludeScope=runtime"]).arg(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut run = Run(command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => MavenError::NotThere,
            _ => MavenError::Io(error),
        })?);
        let (mut words, mut count) = (VecDeque::new(), 0);
        run.listen(deadline, |line| {
            if let Some(jar) = downloaded_jar(&line) {
                count += 1;
                progress(Progress::Downloaded { jar: jar.to_owned(), count });
            }
            hear(&mut words, line);
        });
        let last_words = Vec::from(words).join("\n");
        match run.end(deadline).map_err(MavenError::Io)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(MavenError::Failed { status: status.to_string(), last_words }),
            None => Err(MavenError::TooLong { last_words }),
        }
    }
}

/// A started Maven; killed when dropped before its end.
struct Run(Child);

impl Run {
    /// Hears what it says on both its outputs until it has ended or the time is over.
    fn listen(&mut self, deadline: Instant, mut hear: impl FnMut(String)) {
        let (sender, lines) = sync_channel(LINES_WAITING_MAX);
        if let Some(output) = self.0.stdout.take() {
            read_lines(output, sender.clone());
        }
        if let Some(output) = self.0.stderr.take() {
            read_lines(output, sender);
        }
        while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            hear(line);
        }
    }

    /// How it ended; `None` if it had not by the deadline.
    fn end(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            let status = self.0.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            thread::sleep(END_RETRY);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Sends lines on until the output ends or nobody listens any more.
fn read_lines(output: impl Read + Send + 'static, sender: SyncSender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
}

/// The name of the jar in a line like `[INFO] Downloaded from central: https://.../a-1.jar (58 kB at 185 kB/s)`.
fn downloaded_jar(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("Downloaded from ")?;
    let address = rest.split_whitespace().find(|word| word.ends_with(".jar"))?;
    address.rsplit('/').next()
}

/// Keeps the last lines that say something: from the first error on, errors only, and of these not the advice on how
/// to run Maven again.
fn hear(words: &mut VecDeque<String>, line: String) {
    let text = line.trim_start_matches("[ERROR]").trim();
    let advice = ["To see the full", "Re-run Maven", "For more information", "[Help 1] http"];
    if text.is_empty() || advice.iter().any(|start| text.starts_with(start)) {
        return;
    }
    let is_error = |line: &str| line.starts_with("[ERROR]");
    match (words.back().is_some_and(|last| is_error(last)), is_error(&line)) {
        (true, false) => return,
        (false, true) => words.clear(),
        _ => {}
    }
    words.push_back(line.chars().take(QUOTED_CHARS_MAX).collect());
    if words.len() > LINES_QUOTED {
        words.pop_front();
    }
}
