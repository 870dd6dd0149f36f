# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# Agents in guests of this guest, which is their host: over the kernel's vsock, as between a host and its virtual machines.
. /lab/lib.sh

# The QEMU of the root at /tools, with its libraries.
lib=/tools/usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR=$lib/qemu
console=$tmp/console
# boot: a guest with CID 3, whose init is an agent.
boot() {
	: >"$console"
	$lib/ld-linux-x86-64.so.2 --library-path $lib /tools/usr/bin/qemu-system-x86_64 -L /tools/usr/share/qemu -L /tools/usr/share/seabios \
		-accel tcg -cpu max,la57=off -M q35 -smp 1 -m 96 -nodefaults -no-user-config -display none -no-reboot \
		-chardev "file,id=console,path=$console,append=on" -serial chardev:console -device vhost-vsock-pci,guest-cid=3 \
		-kernel /lab/guest/vmlinux -initrd /lab/guest/agent-initrd \
		-append "console=ttyS0 quiet panic=-1 no_timer_check random.trust_cpu=on" >"$tmp/qemu" 2>&1 &
	qemu=$!
}
# says TENTHS TEXT: the guest has said so, or does within that time; not when it has ended.
has_said() { grep -qa "$1" "$console" || ! kill -0 $qemu 2>/dev/null; }
says() { until_true "$1" has_said "$2" && grep -qa "$2" "$console"; }
# measure STATUS NAME ARGUMENTS...
measure() {
	local want=$1 name=$2
	shift 2
	expect "$name" "$want" bench run --token-file "$tmp/token" --trials 1 --max-trials 1 "$@"
}
# controller ARGUMENTS...: in the background, and the guest's console begins anew; controller_ends: its answer is as that of `ofbc`.
controller() {
	: >"$console"
	openforbc bench run --token-file "$tmp/token" --trials 1 --max-trials 1 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null &
	controller=$!
}
controller_ends() { rc=0; wait "$controller" || rc=$?; }
# figures PATTERN: what it takes out of the last export, one number a line.
figures() { sed -nE "s/$1/\1/p" "$tmp/out"; }
# between LOW HIGH FILE: there are numbers in it, all within.
between() { awk -v low="$1" -v high="$2" '!($1 > low && $1 < high) { bad = 1 } END { exit bad || !NR }' "$3"; }

: >"$tmp/out"
if ! modprobe vhost_vsock 2>"$tmp/err" || ! [ -e /dev/vhost-vsock ]; then
	skip "vsock from a host to its guests" "this kernel has no /dev/vhost-vsock; within one kernel, by CID 1, the job agent shows it"
	summary
	exit
fi
guest=vsock://3:7010
(umask 077 && cat /lab/guest/token >"$tmp/token")
mkdir -p "$tmp/state"
cp -r /lab/guest/benchmarks "$tmp/state/"
boot
if ! says 1200 listening; then
	fail "the guest's agent listens" "$(cat "$console" "$tmp/qemu")"
	summary
	exit
fi
pass "the guest's agent listens"

# --- together: the host and its guest, whose clock began when it booted ---
measure 0 "the host and its guest" --agent $guest,local -n 3 --label together counts
out "each instance with its number" 'counts +2 agents +3 +number +3 '
expect "what was kept" 0 bench export together --keep-names
figures '.*"kind":"trial".*"skew_s":([0-9.e+-]+).*' >"$tmp/skew"
that "they start together, though their clocks are apart: within $(cat "$tmp/skew") s" between 0 2 "$tmp/skew"
figures '.*"metric":"clock bound",[^}]*"value":([0-9.e+-]+).*' >"$tmp/bound"
that "how well their clocks are known: $(cat "$tmp/bound") s" between 0 0.5 "$tmp/bound"
out "the guest is known for what it is" "\"agent_address\":\"$guest\".*qemu-tcg"
measure 0 "programs that speak the protocol" --agent $guest,local --window 1 steps
out "their common rate" 'steps +2 agents +2 +rate'
measure 1 "no agent on another port" --agent vsock://3:7011 counts
measure 3 "no guest with another number" --agent vsock://4:7010 counts
err "the message says what to look at" 'is the guest running'

# --- the controller stands still: its kernel keeps the connection, and nobody says a word ---
controller --agent $guest told
that "it measures" says 300 'instance 0 runs'
kill -STOP $controller
that "a controller that stands still: the agent ends its part" says 300 'controller was silent for 10 s'
stopped=$controller
measure 0 "and serves another one" --agent $guest counts
kill -KILL "$stopped"

# --- the guest stands still ---
controller --agent $guest told
that "it measures again" says 300 'instance 0 runs'
kill -STOP $qemu
controller_ends
err "a guest that stands still is lost" "agent $guest: it was silent for 10 s"
kill -CONT $qemu
measure 0 "when it goes on it serves the next one" --agent $guest counts

# --- the guest dies: the kernel says so at once ---
controller --agent local,$guest --scale --set seconds=2 told
that "both measure" says 300 'instance 1 runs'
since=$(now)
kill -KILL $qemu
controller_ends
quickly "a guest is killed: it is not waited for" 9000 "$since"
same "the run says that something is lost" $rc 1
out "the cell with it is marked" 'told .*2 agents .*lost'
err "and names it" "2 agents: lost: agent $guest: the connection ended"
out "the one without it has its value" 'told .*1 agent .*time'

[ $failed = 0 ] || grep -a . "$console" "$tmp/qemu"
summary
