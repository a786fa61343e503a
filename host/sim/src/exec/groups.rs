//! The process groups of a world: all processes of a container die with the container, and all containers with the world.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, RawPid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// The living groups, shared by the world and the tasks that supervise the processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProcessGroups(Arc<Mutex<GroupsState>>);

#[derive(Debug, Default)]
struct GroupsState {
    closed: bool,
    alive: BTreeSet<RawPid>,
}

impl ProcessGroups {
    /// Starts a process as the leader of a group of its own. Fails after the end of the world.
    pub fn spawn(&self, command: &mut Command) -> io::Result<(Child, RawPid)> {
        // Under the lock, so that no process starts between the killing and the closing.
        let mut inner = self.lock();
        if inner.closed {
            return Err(io::Error::other("the cluster is shutting down"));
        }
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| RawPid::try_from(id).ok());
        let group = group.ok_or_else(|| io::Error::other("the process has no id"))?;
        inner.alive.insert(group);
        Ok((child, group))
    }

    /// Sends a signal to a group, if it is still one of ours.
    pub fn signal(&self, group: RawPid, signal: Signal) {
        if self.lock().alive.contains(&group) {
            send(group, signal);
        }
    }

    /// Records that the leader has ended, and kills the rest of its group.
    pub fn end(&self, group: RawPid) {
        if self.lock().alive.remove(&group) {
            send(group, Signal::KILL);
        }
    }

    /// Kills every group, and lets no other begin.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        for group in std::mem::take(&mut inner.alive) {
            send(group, Signal::KILL);
        }
    }

    fn lock(&self) -> MutexGuard<'_, GroupsState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send(group: RawPid, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        // It only fails if the group has no process left.
        let _ = kill_process_group(group, signal);
    }
}
