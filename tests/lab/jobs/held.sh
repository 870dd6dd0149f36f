# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# A mediated device that somebody uses: the kernel would block a removal without limit, so ours must never begin.
. /lab/lib.sh

dir=/sys/bus/mdev/devices

# refused HOW: the partition $1 stays, at once, and its holder is named.
refused() {
	local t
	t=$(now)
	expect "$2: destroy is refused" 4 partition destroy "$1"
	quickly "$2: at once" 4000 "$t"
	err "$2: the holder is named" "$(cat "/proc/$holder/comm").*pid $holder"
	err "$2: what to do is said" "^hint: .*$holder"
	that "$2: it is still there" test -e "$dir/$1/remove"
	same "$2: nobody tries to remove it" "$(ps | grep -c '[o]penforbc')" 0
	expect "$2: listing" 0 partition list
	out "$2: it is in use" "in-use"
	out "$2: by that process" "$holder|$(cat "/proc/$holder/comm")"
	expect "$2: --all is refused, too" 4 partition destroy --all
	expect "$2: layout without it is refused" 4 layout apply "$tmp/none.yaml"
}
printf 'version: 1\ngpus: [{match: {alias: mbochs-0}, partitions: []}]\n' >"$tmp/none.yaml"

expect "two partitions" 0 partition create mbochs-0 mbochs-small --count 2 -q
one=$(sed -n 1p "$tmp/out") two=$(sed -n 2p "$tmp/out")
hold_node "/dev/vfio/$(group_of "$dir/$one")"
refused "$one" "group open"
expect "group open: the other one can go" 0 partition destroy "$two"
let_go
expect "it can go when the process has ended" 0 partition destroy "$one"

expect "one more" 0 partition create mbochs-0 mbochs-medium -q
one=$(cat "$tmp/out")
hold_device "$dir/$one"
refused "$one" "device open"

# --- a removal that somebody else began, which blocks ---
echo 1 >"$dir/$one/remove" &
stuck=$!
that "the removal by hand blocks" until_true 30 test ! -e "$dir/$one"
sleep 0.5
that "and blocks on" test -e "/proc/$stuck"
t=$(now)
expect "GPUs are listed meanwhile" 0 gpu list
expect "partitions are listed meanwhile" 0 partition list -v
out "the partition is lost" "lost"
expect "types are listed meanwhile" 0 type list mbochs-0
expect "the overview meanwhile" 0
expect "another one is made meanwhile" 0 partition create mbochs-0 mbochs-small -q
expect "and destroyed" 0 partition destroy "$(cat "$tmp/out")"
quickly "none of that waits" 10000 "$t"
expect "restore of the lost one fails clearly" 1 host restore
err "restore names it" "$one"
err "restore says why" "^hint: .*removal"
same "nothing was made" "$(n_mdevs)" 0
let_go
wait $stuck
expect "after the removal it can be restored" 0 host restore
same "under its UUID" "$(mdevs)" "$one"
expect "and destroyed at last" 0 partition destroy "$one"

# --- a holder that comes after our look: the child that writes is left behind, we are not ---
by_hand mbochs-small "$(uuid 9)"
hold_device "$dir/$(uuid 9)"
expect "a foreign one in use" 4 partition destroy --foreign "$(uuid 9)"
err "a foreign one in use: the holder is named" "$holder"
let_go
expect "a foreign one that is free" 0 partition destroy --foreign "$(uuid 9)"
same "nothing is left" "$(n_mdevs)$(listed)" 0

summary
