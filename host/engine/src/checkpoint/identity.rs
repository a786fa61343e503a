//! The identity of a driver. Drivers can be told apart, and a driver whose process has ended is known to be dead.

use std::fmt;

/// The identity of one driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    host: String,
    pid: u32,
    instance: String,
    process: Option<Process>,
}

/// A process. Its id alone isn't enough: the same number is another process in another pid namespace (a container), after a restart of
/// the machine, and once it is used again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    /// The running kernel and the pid namespace, as a hash.
    namespace: String,
    /// When it began, in clock ticks since the machine did.
    start_ticks: u64,
}

impl Identity {
    /// Makes the identity of a driver in this process.
    pub fn new(host: &str, instance: String) -> Identity {
        let pid = std::process::id();
        Identity {
            host: host.replace('/', "-"),
            pid,
            instance,
            process: process::current(pid),
        }
    }

    /// Says whether a driver is known to be dead: it was a process of this machine in this pid namespace, and no such process is running.
    /// A holder that doesn't name its process is never known to be dead.
    pub(super) fn is_known_dead(&self, holder: &str) -> bool {
        let mut parts = holder.split('/');
        let (host, pid, _instance) = (parts.next(), parts.next(), parts.next());
        let process = parts.next().and_then(|process| process.split_once('-'));
        let (Some(ours), Some((namespace, started)), Some(pid)) = (&self.process, process, pid) else {
            return false;
        };
        let (Ok(pid), Ok(started)) = (pid.parse::<u32>(), started.parse::<u64>()) else {
            return false;
        };
        host == Some(&self.host) && namespace == ours.namespace && !process::is_running(pid, started)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.host, self.pid, self.instance)?;
        match &self.process {
            Some(Process {
                namespace,
                start_ticks: started,
            }) => write!(f, "/{namespace}-{started}"),
            None => Ok(()),
        }
    }
}

#[cfg(target_os = "linux")]
mod process {
    use std::fs;

    use capstan_core::model::hook::short_hash;

    use super::Process;

    /// Finds out which process this one is; nothing if `/proc` isn't there, or belongs to another pid namespace.
    pub(super) fn current(pid: u32) -> Option<Process> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        if stat.split(' ').next() != Some(&pid.to_string()) {
            return None;
        }
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(Process {
            namespace: short_hash(&[boot.trim(), &namespace.to_string_lossy()]),
            start_ticks: start_ticks(&stat)?,
        })
    }

    /// Returns when a process began, if it hasn't ended (`proc_pid_stat(5)`): one that nobody has waited for yet still has its number.
    fn start_ticks(stat: &str) -> Option<u64> {
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?;
        if state.starts_with(['Z', 'X']) {
            return None;
        }
        // The state is field 3, this is field 22.
        fields.nth(18)?.parse().ok()
    }

    /// Says whether the process of this number that began then is still running.
    pub(super) fn is_running(pid: u32, began: u64) -> bool {
        if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
            return start_ticks(&stat) == Some(began);
        }
        // It is gone, or other users' processes are hidden.
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
    }
}

#[cfg(not(target_os = "linux"))]
mod process {
    use super::Process;

    pub(super) fn current(_: u32) -> Option<Process> {
        None
    }

    pub(super) fn is_running(_: u32, _: u64) -> bool {
        true
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity::new("laptop/1", "7".to_owned())
    }

    /// A process that has ended, with what it was called.
    fn dead() -> Identity {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let started = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let started = started
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .nth(19)
            .unwrap()
            .parse();
        let mut identity = identity();
        identity.pid = child.id();
        identity.process.as_mut().unwrap().start_ticks = started.unwrap();
        assert!(!self::identity().is_known_dead(&identity.to_string()), "it is running");
        child.kill().unwrap();
        child.wait().unwrap();
        identity
    }

    #[test]
    fn a_process_of_this_machine_that_has_ended_is_known_to_be_dead() {
        assert!(identity().is_known_dead(&dead().to_string()));
        assert!(!identity().is_known_dead(&identity().to_string()));
    }

    #[test]
    fn the_same_number_later_is_another_process() {
        let mut earlier = identity();
        earlier.process.as_mut().unwrap().start_ticks -= 1;
        assert!(identity().is_known_dead(&earlier.to_string()));
    }

    #[test]
    fn of_other_machines_namespaces_boots_and_versions_nothing_is_known() {
        let dead = dead();
        let mut of_another_host = dead.clone();
        of_another_host.host = "elsewhere".to_owned();
        let mut of_another_namespace = dead.clone();
        of_another_namespace.process.as_mut().unwrap().namespace = "aaaaaaaaaa".to_owned();
        let of_version_0_1_0 = Identity { process: None, ..dead };
        for holder in [of_another_host, of_another_namespace, of_version_0_1_0] {
            assert!(!identity().is_known_dead(&holder.to_string()), "{holder}");
        }
        for holder in ["", "laptop-1", "laptop-1/x/1/y-z", "laptop-1/1/1/-"] {
            assert!(!identity().is_known_dead(holder), "{holder}");
        }
    }

    #[test]
    fn who_can_not_tell_which_process_it_is_knows_nothing() {
        let unsure = Identity {
            process: None,
            ..identity()
        };
        assert!(!unsure.is_known_dead(&dead().to_string()));
    }
}
