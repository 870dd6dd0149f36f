# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# SIGKILL at many moments of a change. The next changing command settles: no device without a record, no record without
# its device, and a layout that was half applied is taken back.
. /lab/lib.sh
rounds=30

# settle: a changing command that changes nothing itself.
settle() { openforbc partition destroy 00000000-0000-4000-8000-000000000000 >/dev/null 2>&1; }
# whole: everything in the kernel is ours, everything of ours is in the kernel.
whole() {
	mdevs | sort >"$tmp/kernel"
	openforbc partition list -o csv >"$tmp/listed" || return 1
	column "$tmp/listed" handle | sort >"$tmp/ours"
	column "$tmp/listed" owner | grep -q foreign && return 1
	column "$tmp/listed" state | grep -qv ready && return 1
	cmp -s "$tmp/kernel" "$tmp/ours"
}
# killed_after SECONDS COMMAND...: of our program.
killed_after() {
	local delay=$1 pid
	shift
	openforbc "$@" >/dev/null 2>&1 &
	pid=$!
	sleep "$delay"
	kill -9 $pid 2>/dev/null && killed=$((killed + 1))
	wait $pid 2>/dev/null
	settle
	whole || broken="$broken $delay"
}

# --- create and destroy, every few milliseconds of their life ---
killed=0 broken=
for i in $(seq $rounds); do killed_after "0.$(printf %03d $((i * 4)))" partition create mbochs-0 mbochs-small --count 2; done
same "create, killed at $rounds moments ($killed times alive)" "$broken" ""
that "create: some were killed in time" test "$killed" -gt 3
killed=0 broken=
for i in $(seq $rounds); do
	[ "$(n_mdevs)" -gt 2 ] || openforbc partition create mdpy-0 mdpy-vga --count 3 >/dev/null
	killed_after "0.$(printf %03d $((i * 4)))" partition destroy --all
done
same "destroy, killed at $rounds moments ($killed times alive)" "$broken" ""
that "destroy: some were killed in time" test "$killed" -gt 3
expect "all can be destroyed" 0 partition destroy --all
same "nothing is left" "$(n_mdevs)$(listed)" 0

# --- an apply, killed when the k-th device appears or goes: back to the state before ---
expect "the state before" 0 partition create mbochs-0 mbochs-medium --count 3 --name old
cat >"$tmp/layout.yaml" <<'L'
version: 1
gpus:
  - match: {alias: mbochs-0}
    partitions: [{type: mbochs-large, count: 3, name: big}, {type: mbochs-small, count: 6, name: new}]
L
before=$(listed uuid; listed name; mdevs)
# there_are N: devices of the kernel's type large or small.
there_are() { set -- "$1" /sys/class/mdev_bus/mbochs/mdev_supported_types/mbochs-[ls]*/devices/*-*; [ $# -gt "$1" ] && [ -e "$2" ]; }
back=0 done=0 broken=
for k in 1 2 3 4 5 6 7 8 9; do
	openforbc layout apply "$tmp/layout.yaml" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	while [ -e /proc/$pid/exe ] && ! there_are $k; do :; done
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	settle
	if [ "$(listed uuid; listed name; mdevs)" = "$before" ] && whole; then
		back=$((back + 1))
	elif whole && openforbc layout check "$tmp/layout.yaml" >/dev/null 2>&1; then
		done=$((done + 1))
		openforbc layout rollback >/dev/null 2>&1
		[ "$(listed uuid; listed name)" = "$(echo "$before" | sed -n 1,6p)" ] || broken="$broken rollback-$k"
	else
		broken="$broken $k"
	fi
done
same "apply, killed at the k-th device: the state before ($back times) or the whole layout ($done)" "$broken" ""
that "apply: some were killed in time" test $back -gt 3
expect "and it can be applied" 0 layout apply "$tmp/layout.yaml"
same "all nine stand" "$(n_mdevs)" 9
expect "all go" 0 partition destroy --all
same "nothing is left at the end" "$(n_mdevs)$(listed)" 0

summary
