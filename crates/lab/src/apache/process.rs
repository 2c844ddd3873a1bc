//! Child processes that do not outlive this one, however it ends.
//!
//! Every node runs in one process group of its own, so that a Ctrl-C meant for this process does not reach it. Two
//! small shells hold the other end of a pipe: the *anchor* leads the group, so that its number stays ours, and the
//! *keeper* waits for the pipe's end, which comes when this process ends in whatever way, `kill -9` included; it then
//! kills the group and removes its directory. Signals that are sent to nodes (`SIGSTOP`, `SIGCONT`) go to children
//! that have not been waited for, so that a number never means somebody else.
//!
//! Not the parent-death signal of Linux: it comes when the *thread* that started a child ends, and a runtime's
//! threads come and go.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::CommandExt as _;

const ANCHOR: &str = "read -r _";
/// `$1` is the group, `$2` the directory, `$3` says whether it is kept. A directory that is still being written to is
/// removed again.
const KEEPER: &str = "read -r _; kill -s KILL -- \"-$1\"; [ \"$3\" = keep ] && exit; \
                      while [ -d \"$2\" ]; do rm -rf -- \"$2\"; done";

/// Holds the group of all nodes of a cluster, and its directory.
#[derive(Debug)]
pub(super) struct Keeper {
    anchor: Child,
    keeper: Child,
    /// Closed to end everything.
    lines: Option<[ChildStdin; 2]>,
}

impl Keeper {
    /// A new, empty group; `directory` goes with it, unless it is to be kept.
    pub(super) fn new(directory: &Path, keep: bool) -> io::Result<Self> {
        let mut anchor = shell(ANCHOR).spawn()?;
        let group = anchor.id().to_string();
        let mut keeper = shell(KEEPER)
            .args(["leaderless-keeper", &group])
            .arg(directory)
            .arg(if keep { "keep" } else { "remove" })
            .spawn()?;
        let missing = || io::Error::other("a shell was started without its pipe");
        let lines = [anchor.stdin.take().ok_or_else(missing)?, keeper.stdin.take().ok_or_else(missing)?];
        Ok(Self { anchor, keeper, lines: Some(lines) })
    }

    fn group(&self) -> i32 {
        self.anchor.id().cast_signed()
    }

    /// Kills the group, removes the directory and waits for both. Again is harmless.
    pub(super) fn end(&mut self) -> io::Result<()> {
        drop(self.lines.take());
        self.keeper.wait()?;
        self.anchor.wait()?;
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "the processes of a cluster may be left behind");
        }
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What a node's process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Life {
    Running,
    /// Stopped by `SIGSTOP`.
    Frozen,
    /// Told to end, and not gone yet.
    Leaving,
    /// Killed, gone as it was told, or never started.
    Dead,
    /// It ended without having been told to.
    Ended,
}

/// A node: how it is started, and its process if there is one.
#[derive(Debug)]
pub(super) struct Node {
    program: PathBuf,
    args: Vec<String>,
    output: PathBuf,
    group: i32,
    process: Mutex<Process>,
}

#[derive(Debug)]
struct Process {
    child: Option<Child>,
    life: Life,
    /// How it ended, if it ended without having been told to.
    ended: Option<ExitStatus>,
}

impl Node {
    /// A node that is not started yet. What it prints goes to `output`.
    pub(super) fn new(keeper: &Keeper, program: PathBuf, args: Vec<String>, output: PathBuf) -> Self {
        let process = Mutex::new(Process { child: None, life: Life::Dead, ended: None });
        Self { program, args, output, group: keeper.group(), process }
    }

    /// Starts it, unless it runs.
    pub(super) fn start(&self) -> io::Result<()> {
        let mut process = self.process();
        match process.look() {
            Life::Running | Life::Frozen => return Ok(()),
            Life::Leaving => return Err(io::Error::other("it is still shutting down")),
            Life::Dead | Life::Ended => {}
        }
        let output = File::options().create(true).append(true).open(&self.output)?;
        let child = Command::new(&self.program)
            .args(&self.args)
            .process_group(self.group)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        *process = Process { child: Some(child), life: Life::Running, ended: None };
        Ok(())
    }

    /// `kill -9`, and waits for its end.
    pub(super) fn kill(&self) -> io::Result<()> {
        let mut process = self.process();
        if let Some(mut child) = process.child.take() {
            child.kill()?;
            child.wait()?;
        }
        process.life = Life::Dead;
        Ok(())
    }

    /// `SIGTERM`: it shuts down in its own time, and is dead then.
    pub(super) fn terminate(&self) -> io::Result<()> {
        self.signal(Signal::TERM, Life::Leaving)
    }

    /// `SIGSTOP`.
    pub(super) fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::STOP, Life::Frozen)
    }

    /// `SIGCONT`.
    pub(super) fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::CONT, Life::Running)
    }

    /// Nothing happens to a node that is dead.
    fn signal(&self, signal: Signal, life: Life) -> io::Result<()> {
        let mut process = self.process();
        if let Life::Running | Life::Frozen = process.look()
            && let Some(child) = &process.child
        {
            kill_process(Pid::from_child(child), signal)?;
            process.life = life;
        }
        Ok(())
    }

    /// Its process, if there is one.
    pub(super) fn pid(&self) -> Option<u32> {
        let mut process = self.process();
        process.look();
        process.child.as_ref().map(Child::id)
    }

    /// How it ended, if it ended without having been told to.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        let mut process = self.process();
        process.look();
        process.ended
    }

    pub(super) fn life(&self) -> Life {
        self.process().look()
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    fn look(&mut self) -> Life {
        if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
            *self = match self.life {
                Life::Leaving => Self { child: None, life: Life::Dead, ended: None },
                _ => Self { child: None, life: Life::Ended, ended: Some(status) },
            };
        }
        self.life
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn sleeper(keeper: &Keeper, directory: &Path) -> Node {
        Node::new(keeper, "/bin/sleep".into(), vec!["60".to_owned()], directory.join("log"))
    }

    fn is_there(pid: u32) -> bool {
        // A zombie of ours is gone as far as anybody is concerned.
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
    }

    fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
        let until = Instant::now() + Duration::from_secs(10);
        while !holds() {
            assert!(Instant::now() < until, "not after 10 s: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_node_can_be_frozen_thawed_killed_and_started_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let keeper = Keeper::new(directory.path(), true).expect("a keeper");
        let node = sleeper(&keeper, directory.path());
        assert_eq!(node.life(), Life::Dead);
        node.start().expect("it starts");
        node.freeze().expect("it freezes");
        assert_eq!(node.life(), Life::Frozen);
        node.thaw().expect("it thaws");
        assert_eq!(node.life(), Life::Running);
        node.kill().expect("it dies");
        assert_eq!(node.life(), Life::Dead);
        node.start().expect("it starts again");
        assert_eq!(node.life(), Life::Running);
    }

    #[test]
    fn the_end_of_the_keeper_is_the_end_of_frozen_nodes_and_of_the_directory() {
        let directory = tempfile::tempdir().expect("a directory").keep();
        let mut keeper = Keeper::new(&directory, false).expect("a keeper");
        let node = sleeper(&keeper, &directory);
        node.start().expect("it starts");
        node.freeze().expect("it freezes");
        let pid = node.pid().expect("it was started");
        keeper.end().expect("it ends");
        eventually("the node is gone", || !is_there(pid));
        assert!(!directory.exists());
    }

    #[test]
    fn a_node_that_ends_by_itself_is_noticed() {
        let directory = tempfile::tempdir().expect("a directory");
        let keeper = Keeper::new(directory.path(), true).expect("a keeper");
        let args = vec!["-c".to_owned(), "echo why >&2; exit 3".to_owned()];
        let node = Node::new(&keeper, "/bin/sh".into(), args, directory.path().join("log"));
        node.start().expect("it starts");
        eventually("its end is noticed", || node.life() == Life::Ended);
        assert_eq!(node.ended().and_then(|status| status.code()), Some(3));
        assert_eq!(std::fs::read_to_string(node.output).expect("its output"), "why\n");
    }
}
