# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# SIGKILL at many moments of a change. The next changing command settles: no device without a record, no record without
# its device, and a layout that was half applied is taken back.
. /lab/lib.sh
rounds=10
pf=/sys/bus/pci/devices/0000:01:00.0

# killed CHECK ROUND COMMAND...: of our program, ROUND tenths of its life and a little more after its start.
killed() {
	local check=$1 round=$2 pid
	shift 2
	openforbc "$@" >/dev/null 2>&1 &
	pid=$!
	sleep "$(awk "BEGIN { print $life * 1.1 * $round / $rounds / 1000 }")"
	kill -9 $pid 2>/dev/null && alive=$((alive + 1))
	wait $pid 2>/dev/null
	settle
	$check || broken="$broken $round"
}
# lives COMMAND...: how long it does.
lives() { local t; t=$(now); openforbc "$@" >/dev/null 2>&1; life=$(($(now) - t)); }
# report NAME
report() {
	same "$1: killed at $rounds moments, $alive times alive" "$broken" ""
	that "$1: some were killed in time" test $alive -gt 3
	alive=0 broken=
}
alive=0 broken=

# --- mediated devices ---
lives partition create mbochs-0 mbochs-small --count 2
for i in $(seq $rounds); do killed whole "$i" partition create mbochs-0 mbochs-small --count 2; done
report "create"
refill() { n=$(n_mdevs); [ "$n" -gt 2 ] || openforbc partition create mdpy-0 mdpy-vga --count $((4 - n)) >/dev/null; }
openforbc partition destroy --all
refill
lives partition destroy --all
for i in $(seq $rounds); do
	refill
	killed whole "$i" partition destroy --all
done
report "destroy"
expect "all can be destroyed" 0 partition destroy --all
same "nothing is left" "$(n_mdevs)$(listed)" 0

# --- virtual functions: none or all, and the driver's autoprobe is on again ---
export OPENFORBC_DEVICE=${pf##*/}
unit() {
	local n
	n=$(cat $pf/sriov_numvfs)
	[ "$(cat $pf/sriov_drivers_autoprobe)" = 1 ] && { [ "$n" = 0 ] || [ "$n" = 4 ]; } &&
		[ "$(listed owner | grep -c ours)" = "$n" ] && [ "$(listed state | grep -c ready)" = "$n" ]
}
lives partition create "$OPENFORBC_DEVICE" sriov:1/4
lives partition destroy --all
for i in $(seq $rounds); do
	if [ -z "$(listed)" ]; then
		killed unit "$i" partition create "$OPENFORBC_DEVICE" sriov:1/4
	else
		killed unit "$i" partition destroy --all
	fi
done
report "virtual functions"
expect "they can go" 0 partition destroy --all
same "none is left" "$(listed)" ""
unset OPENFORBC_DEVICE

# --- an apply, killed when the k-th device appears: back to the state before ---
expect "the state before" 0 partition create mbochs-0 mbochs-medium --count 3 --name old
cat >"$tmp/layout.yaml" <<'L'
version: 1
gpus:
  - match: {alias: mbochs-0}
    partitions: [{type: mbochs-large, count: 3, name: big}, {type: mbochs-small, count: 6, name: new}]
L
state() { listed uuid; listed name; mdevs; }
before=$(state)
back=0 done=0 broken=
for k in 1 2 3 4 5 6 7 8 9; do
	openforbc layout apply "$tmp/layout.yaml" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	while_running $pid there_are $k
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	settle
	if whole && [ "$(state)" = "$before" ]; then
		back=$((back + 1))
	elif whole && openforbc layout check "$tmp/layout.yaml" >/dev/null 2>&1; then
		done=$((done + 1))
		openforbc layout rollback >/dev/null 2>&1
		[ "$(state)" = "$before" ] || broken="$broken rollback-$k"
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
