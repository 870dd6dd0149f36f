# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# Agents: over the kernel's vsock, here within the guest; and one for the controller on the other side of QEMU (agent.host).
. /lab/lib.sh

# define STATE: benchmarks that need no more than a shell.
define() {
	mkdir -p "$1/benchmarks"
	cp /lab/guest/benchmarks/*.yaml "$1/benchmarks/"
}
sessions() { cat "/proc/$agent/task/$agent/children"; }
served() { [ -n "$(sessions)" ]; }

modprobe -a virtio_net vsock_loopback vmw_vsock_virtio_transport 2>/dev/null
(umask 077 && cat /lab/guest/token >"$tmp/token")
define "$tmp/state"
define "$tmp/guest"

: >"$tmp/vsock" && : >"$tmp/tcp"
# --- AF_VSOCK, from the guest to itself ---
openforbc --state "$tmp/guest" bench agent --listen vsock://7011 --token-file "$tmp/token" 2>"$tmp/vsock" &
agent=$!
until_true 100 grep -q listening "$tmp/vsock"
expect "programs on an agent behind vsock" 0 bench run counts --agent vsock://1:7011 --token-file "$tmp/token" --trials 2 --max-trials 2
out "values come back" 'counts.*number'
expect "programs that speak the protocol" 0 bench run steps --agent vsock://1:7011 --token-file "$tmp/token" --trials 1 --max-trials 1 --window 1
out "their rate comes back" 'steps.*rate'
expect "nobody listens on another port" 1 bench run counts --agent vsock://1:7012 --token-file "$tmp/token"
err "the message says what to look at" 'vsock device'
kill "$agent"
wait "$agent"
same "it ends with the signal" $? 143

# --- TCP, from the other side ---
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
openforbc --state "$tmp/guest" bench agent --listen tcp://0.0.0.0:7010 --token-file "$tmp/token" 2>"$tmp/tcp" &
agent=$!
until_true 100 grep -q listening "$tmp/tcp"
: >/lab/out/agent.listening
until_true 1200 test -e /lab/out/agent.kill
until_true 100 served
# shellcheck disable=SC2046 # words
kill -KILL $(sessions) "$agent"
: >/lab/out/agent.killed
until_true 600 test -e /lab/out/agent.done
that "the controller is done" test -e /lab/out/agent.done
summary
