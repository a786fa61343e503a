# GROUP DIR NAME: waits for the end of its input, then removes everything of a cluster.
trap '' INT TERM HUP
PATH=$PATH:/usr/sbin:/sbin
while read -r _; do :; done
# Without `--`, which not every shell knows here.
kill -9 "-$1"
# The group is gone once the last process is, those of pods included: their namespace dies with its first process.
n=0
while kill -0 "-$1" && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
if [ -e "/sys/class/net/$3" ]; then ip link del "$3"; fi
n=0
while [ $n -lt 20 ]; do
  left=$(find /sys/fs/cgroup -depth -type d -path "*/$3*")
  [ -n "$left" ] || break
  rmdir $left
  sleep 0.1
  n=$((n + 1))
done
rm -rf -- "$2"
