# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2119,SC2120
# Assertions for the jobs. busybox and dash run it. A job sources this first and ends with `summary`.
passed=0 failed=0 skipped=0 rc=0
tmp=$(mktemp -d)
disk=/var/lib/openforbc
export LC_ALL=C OPENFORBC_STATE="$tmp/state"

pass() { passed=$((passed + 1)); echo "ok      $1"; }
# fail NAME [WHY]: with what our program printed last.
fail() {
	failed=$((failed + 1))
	echo "FAILED  $1${2:+: $2}"
	sed 's/^/        stdout: /' "$tmp/out" | head -n 12
	sed 's/^/        stderr: /' "$tmp/err" | head -n 12
}
skip() { skipped=$((skipped + 1)); echo "skipped $1: $2"; }
summary() {
	rm -f /lab/boot
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}

# boot: how many the job has begun, with this one. reboot: the power goes off now, whatever is not yet on the disk is lost;
# the job is run again in the next boot and counts on.
boot=1
# shellcheck source=/dev/null
[ ! -e /lab/boot ] || . /lab/boot
reboot() {
	echo "boot=$((boot + 1)) passed=$passed failed=$failed skipped=$skipped" >/lab/boot
	exit 85
}

# ofbc ARGUMENTS...: runs our program; rc, $tmp/out and $tmp/err are its answer.
ofbc() { rc=0; openforbc "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?; }
# expect NAME STATUS ARGUMENTS...
expect() {
	local name=$1 want=$2
	shift 2
	ofbc "$@"
	if [ "$rc" = "$want" ]; then pass "$name"; else fail "$name" "exit $rc, not $want: openforbc $*"; fi
}
# out NAME REGEX, err NAME REGEX: what it printed.
out() { if grep -Eq -- "$2" "$tmp/out"; then pass "$1"; else fail "$1" "no '$2' on stdout"; fi; }
err() { if grep -Eq -- "$2" "$tmp/err"; then pass "$1"; else fail "$1" "no '$2' on stderr"; fi; }
# that NAME COMMAND...: any condition.
that() {
	local name=$1
	shift
	if "$@"; then pass "$name"; else fail "$name" "not true: $*"; fi
}
# same NAME GOT WANTED
same() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "'$2', not '$3'"; fi; }
# quickly NAME MILLISECONDS SINCE: that less time has passed since `now`.
now() { local s; read -r s _ </proc/uptime; echo "$((${s%.*} * 1000 + 1${s#*.} * 10 - 1000))"; }
quickly() { local t=$(($(now) - $3)); if [ $t -lt "$2" ]; then pass "$1"; else fail "$1" "$t ms"; fi; }
# until_true TENTHS COMMAND...: waits for a condition.
until_true() {
	local n=$1 step=1
	shift
	# every look costs a processor time that the guest of the guest needs
	while ! "$@"; do
		n=$((n - step))
		[ $n -gt 0 ] || return 1
		sleep 0.$step
		[ $step = 6 ] || step=$((step + 1))
	done
}

# What the kernel says.
mdev_types() { echo "/sys/class/mdev_bus/$1/mdev_supported_types"; }
mdevs() { ls /sys/bus/mdev/devices 2>/dev/null; }
n_mdevs() { mdevs | wc -l | tr -d ' '; }
available() { cat "$(mdev_types "${1%%-*}")/$1/available_instances"; }
group_of() { local g; g=$(readlink "$1/iommu_group") && echo "${g##*/}"; }
driver_of() { local d; d=$(readlink "/sys/bus/pci/devices/$1/driver") && echo "${d##*/}"; }
# by_hand MDEV-TYPE UUID: as somebody else would make it.
by_hand() { echo "$2" >"$(mdev_types "${1%%-*}")/$1/create"; }
# uuid N: one of our own for hand-made devices.
uuid() { printf '5d7d2c1e-0f5a-4b0e-9a55-%012d\n' "$1"; }

# hold_node PATH: a process that only has the file open. hold_device DEVICE-DIRECTORY: one that uses the VFIO device as a
# monitor does. Both set holder to its process id. let_go: ends it.
hold_node() {
	sleep 1000 9<>"$1" &
	holder=$!
	until_true 50 test -e "/proc/$holder/fd/9"
}
hold_device() {
	: >"$tmp/held"
	vfio-hold "$(group_of "$1")" "${1##*/}" >"$tmp/held" 2>&1 &
	holder=$!
	until_true 50 grep -q held "$tmp/held" || { fail "hold $1" "$(cat "$tmp/held")"; return 1; }
}
let_go() { kill -9 "$holder"; wait "$holder" 2>/dev/null; }

# column FILE NAME: one column of CSV output, one value a line. Ours has no commas in what is asked for here.
column() {
	awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }' "$1"
}
# listed [FIELD]: of all partitions, sorted; default their handles (the kernel's name for the device).
listed() { openforbc partition list -o csv >"$tmp/listed" && column "$tmp/listed" "${1:-handle}" | sort; }
# field HANDLE NAME: of the partition with that handle.
field() { openforbc partition list -o csv >"$tmp/listed" && paste -d' ' - - <<F | awk -v h="$1" '$1 == h { print $2 }'
$(column "$tmp/listed" handle >"$tmp/a"; column "$tmp/listed" "$2" >"$tmp/b"; paste "$tmp/a" "$tmp/b" | tr '\t' '\n')
F
}

# settle: a changing command that changes nothing itself; what a killed one left is put in order.
settle() { openforbc partition destroy 00000000-0000-4000-8000-000000000000 >/dev/null 2>&1; }
# whole: every mediated device of the kernel is ours, all of ours is ready and in the kernel.
whole() {
	listed >"$tmp/ours" || return 1
	column "$tmp/listed" owner | grep -q foreign && return 1
	column "$tmp/listed" state | grep -qv ready && return 1
	mdevs | sort | cmp -s - "$tmp/ours"
}
# there_are N: mbochs devices of the types large and small.
there_are() {
	set -- "$1" "$(mdev_types mbochs)"/mbochs-[ls]*/devices/*-*
	[ $# -gt "$1" ] && [ -e "$2" ]
}
# while_running PID CONDITION...: waits until the condition holds or the process has ended.
while_running() {
	local pid=$1
	shift
	while [ -e "/proc/$pid/exe" ] && ! "$@"; do :; done
}
