# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# Virtual functions of an NVMe controller, which counts as a GPU here: the PCI core, the IOMMU and vfio-pci are the same for
# both. It has four, and its driver takes one at once unless it is told not to.
. /lab/lib.sh

devices=/sys/bus/pci/devices
pf=0000:01:00.0
first=0000:01:00.1
export OPENFORBC_DEVICE=$pf

vfs() { for v in "$devices/$pf"/virtfn*; do [ ! -e "$v" ] || basename "$(readlink "$v")"; done | sort; }
n_vfs() { cat "$devices/$pf/sriov_numvfs"; }
autoprobe() { cat "$devices/$pf/sriov_drivers_autoprobe"; }
drivers() { for v in $(vfs); do driver_of "$v"; done; }
# stand N NAME [AUTOPROBE]: so many functions, in the kernel and in our list, no driver took one, autoprobe is as it was.
stand() {
	same "$2: functions, drivers, autoprobe" "$(n_vfs) $(vfs | wc -l | tr -d ' ') '$(drivers)' $(autoprobe)" "$1 $1 '' ${3:-1}"
	same "$2: the kernel's functions are listed" "$(listed)" "$(vfs)"
}
# layout N: a file that wants N functions.
layout() { printf 'version: 1\ngpus: [{match: {pci: "%s"}, partitions: [{type: "sriov:1/%d", count: %d, name: l}]}]\n' $pf "$1" "$1" >"$tmp/layout.yaml"; }

# --- from 0 to n, and too many ---
ofbc type list $pf -q --technology sriov
same "types are shares of the kernel's total" "$(tail -n 1 "$tmp/out")" "sriov:1/$(cat $devices/$pf/sriov_totalvfs)"
for n in 1 4; do
	expect "0 to $n" 0 partition create $pf sriov:1/$n
	stand $n "0 to $n"
	expect "$n to 0" 0 partition destroy --all
	stand 0 "$n to 0"
done
expect "five of four: no such type" 3 partition create $pf sriov:1/5
err "five of four: the type is named" "sriov:1/5"
expect "five of type 1/4" 2 partition create $pf sriov:1/4 --count 5
layout 5
ofbc layout apply "$tmp/layout.yaml"
that "a layout of five is refused" test "$rc" != 0
stand 0 "too many"
that "the kernel says so, too" sh -c "! echo 5 >$devices/$pf/sriov_numvfs" 2>/dev/null

# --- from n to m ---
expect "two, named" 0 partition create $pf sriov:1/2 --name vf
two=$(listed uuid)
expect "two to three is refused" 5 partition create $pf sriov:1/3
err "two to three: why" "2 virtual functions exist"
stand 2 "refused"
same "refused: the same partitions" "$(listed uuid)" "$two"
for n in 3 1; do
	layout $n
	expect "a layout of $n" 0 layout apply "$tmp/layout.yaml"
	stand $n "a layout of $n"
	expect "a layout of $n: check" 0 layout check "$tmp/layout.yaml"
done
expect "back to the layout before" 0 layout rollback
stand 3 "back"
expect "one alone cannot go" 2 partition destroy "$(listed uuid | head -n 1)"
stand 3 "one alone"
expect "all go" 0 partition destroy --all

# --- what somebody else made ---
echo 0 >$devices/$pf/sriov_drivers_autoprobe
echo 2 >$devices/$pf/sriov_numvfs
same "foreign ones are listed" "$(listed)" "$(vfs)"
same "and are foreign" "$(listed owner | sort -u)" foreign
expect "--all means ours" 0 partition destroy --all
expect "three beside two foreign ones" 5 partition create $pf sriov:1/3
same "nothing happened to them" "$(n_vfs)" 2
expect "--foreign" 0 partition destroy --all --foreign
stand 0 "--foreign" 0

# --- autoprobe that is off stays off; one that is on is on again ---
expect "with autoprobe off" 0 partition create $pf sriov:1/2
stand 2 "with autoprobe off" 0
expect "with autoprobe off: destroy" 0 partition destroy --all
stand 0 "with autoprobe off: destroy" 0
echo 1 >$devices/$pf/sriov_drivers_autoprobe

# --- a function for a guest, and back ---
expect "two more" 0 partition create $pf sriov:1/2 --name vf
expect "qemu needs it on vfio-pci" 7 partition qemu vf
err "qemu: what to do is said" "^hint: .*partition bind"
expect "bind" 0 partition bind vf vfio-pci
same "bind: the kernel's driver" "$(driver_of $first)" vfio-pci
same "bind: only that function" "$(drivers)" vfio-pci
that "bind: its group can be opened" test -c "/dev/vfio/$(group_of $devices/$first)"
that "bind: the group is its own" test "$(ls $devices/$first/iommu_group/devices)" = $first
expect "bind: again" 0 partition bind vf vfio-pci
expect "qemu has its argument" 0 partition qemu vf
out "qemu: the function" "$first"
hold_device $devices/$first
expect "held: destroy is refused" 4 partition destroy --all
err "held: the holder is named" "vfio-hold.*pid $holder"
err "held: what to do is said" "^hint: .*$holder"
expect "held: bind is refused" 4 partition bind vf host
layout 3
expect "held: a layout of three is refused" 4 layout apply "$tmp/layout.yaml"
expect "held: listing" 0 partition list
out "held: it is in use" "in-use.*vfio-hold"
same "held: the other one is not" "$(field 0000:01:00.2 state)" ready
same "held: both stand" "$(vfs | tr '\n' ' ')" "$first 0000:01:00.2 "
same "held: the driver stayed" "$(driver_of $first)" vfio-pci
let_go
expect "bind to the host's driver" 0 partition bind vf host
same "no override is left" "$(cat $devices/$first/driver_override)" "(null)"
# It has no queues, so that the driver gives it up after a moment: its log remembers.
that "the host's driver was asked" sh -c "dmesg | grep -q 'nvme.*pci function $first'"
that "vfio-pci has it no more" test "$(driver_of $first)" != vfio-pci
expect "destroy" 0 partition destroy --all
stand 0 "destroy"

# --- a physical function that is given away as a whole has none, and the other way round ---
expect "two again" 0 partition create $pf sriov:1/2
expect "the whole one is refused while it has functions" 7 partition create $pf passthrough:whole
expect "they go" 0 partition destroy --all
expect "the whole one" 0 partition create $pf passthrough:whole
same "the whole one: the kernel's driver" "$(driver_of $pf)" vfio-pci
ofbc partition create $pf sriov:1/2
that "functions of it are refused" test "$rc" != 0
expect "it comes back" 0 partition destroy --all
same "its driver, too" "$(driver_of $pf)" nvme
expect "and it can be cut again" 0 partition create $pf sriov:1/4
stand 4 "at last"
expect "all go at last" 0 partition destroy --all

summary
