# DIR CONTAINERD KUBELET ADDRESS: the first process of the node's namespaces. Once it ends, so does the node.
set -eu
mount --make-rshared /
for place in /run /var/lib /var/log "$1/node"; do mount -t tmpfs tmpfs "$place"; done
[ -L /var/run ] || mount -t tmpfs tmpfs /var/run
"$2" --config "$1/containerd.toml" >"$1/containerd.log" 2>&1 &
containerd=$!
while ! [ -S "$1/containerd.sock" ]; do
  kill -0 $containerd || exit 1
  sleep 0.05
done
"$3" --kubeconfig "$1/admin.kubeconfig" --config "$1/kubelet.json" --hostname-override node1 \
  --node-ip "$4" --root-dir "$1/node/kubelet" >"$1/kubelet.log" 2>&1 &
kubelet=$!
while kill -0 $containerd && kill -0 $kubelet; do sleep 1; done
