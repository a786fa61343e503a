# GROUP DIR BRIDGE: waits for the end of its input, then removes everything of a cluster.
trap '' INT TERM HUP
PATH=$PATH:/usr/sbin:/sbin
while read -r _; do :; done

# The cgroups of pods are named by containers, so they are found by whose file systems their processes have.
kill -STOP "-$1"
cgroups=
for processes in $(find /sys/fs/cgroup -path '*/k8s.io/*/cgroup.procs'); do
  read -r process <"$processes" && grep -q "$2/node/" "/proc/$process/mountinfo" && cgroups="$cgroups ${processes%/*}"
done

# Without `--`, which not every shell knows here.
kill -9 "-$1"
# The group is gone once the last process is, those of pods included: their namespace dies with its first process.
n=0
while kill -0 "-$1" && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done

if [ -e "/sys/class/net/$3" ]; then ip link del "$3"; fi
# Deepest first; one that is still busy is tried again.
n=0
while [ -n "$cgroups" ] && [ $n -lt 20 ]; do
  left=
  for cgroup in $cgroups; do
    find "$cgroup" -depth -type d -exec rmdir {} \;
    [ ! -e "$cgroup" ] || { left="$left $cgroup"; sleep 0.1; }
  done
  cgroups=$left
  n=$((n + 1))
done
rm -rf -- "$2"
