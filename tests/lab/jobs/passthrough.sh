# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# Whole devices: 02:00.0 has its IOMMU group for itself; 04:01.0 stands behind a bridge in one group with 04:02.0, a
# serial port that the host uses.
. /lab/lib.sh

devices=/sys/bus/pci/devices
alone=0000:02:00.0
shared=0000:04:01.0
stranger=0000:04:02.0
card() { basename "$devices/$1"/drm/card*; }
override() { cat "$devices/$1/driver_override"; }

same "the group of one" "$(ls $devices/$alone/iommu_group/devices)" $alone
that "the group of two" test -e $devices/$shared/iommu_group/devices/$stranger
before=$(driver_of $alone)
same "the host's driver" "$before" bochs-drm

# --- refused, and nothing was touched ---
expect "a group with a stranger" 7 partition create $shared passthrough:whole
err "a group with a stranger: it is named" $stranger
same "a group with a stranger: the driver stays" "$(driver_of $shared)" bochs-drm
same "a group with a stranger: its own, too" "$(driver_of $stranger)" serial
same "a group with a stranger: no override" "$(override $shared)" "(null)"
expect "doctor" 0 host doctor
out "doctor names it, too" "missing *passthrough *$shared .*$stranger"
hold_node "/dev/dri/$(card $alone)"
expect "used by a process of the host" 4 partition create $alone passthrough:whole
err "used by a process: it is named" "pid $holder"
same "used by a process: the driver stays" "$(driver_of $alone)" "$before"
let_go

# --- bound, held, and back ---
expect "bound" 0 partition create $alone passthrough:whole --name gpu
same "bound: the kernel's driver" "$(driver_of $alone)" vfio-pci
that "bound: its group can be opened" test -c "/dev/vfio/$(group_of $devices/$alone)"
that "bound: the host's node is gone" test ! -e "$devices/$alone/drm"
same "bound: it is listed" "$(listed)" $alone
expect "bound: a second one is refused" 5 partition create $alone passthrough:whole
hold_device $devices/$alone
expect "held: destroy is refused" 4 partition destroy gpu
err "held: the holder is named" "vfio-hold.*pid $holder"
same "held: the driver stays" "$(driver_of $alone)" vfio-pci
let_go
expect "back" 0 partition destroy gpu
same "back: the host's driver" "$(driver_of $alone)" "$before"
same "back: no override" "$(override $alone)" "(null)"
that "back: the host's node" test -c "/dev/dri/$(card $alone)"
same "back: nothing is listed" "$(listed)" ""

# --- bound by somebody else, and by hand to nothing ---
echo vfio-pci >$devices/$alone/driver_override
echo $alone >$devices/$alone/driver/unbind
echo $alone >/sys/bus/pci/drivers_probe
same "bound by hand: foreign" "$(field $alone owner)" foreign
expect "bound by hand: left alone" 6 partition destroy $alone
expect "bound by hand: --foreign" 0 partition destroy --foreign $alone
same "bound by hand: the host's driver" "$(driver_of $alone)" "$before"
echo $alone >$devices/$alone/driver/unbind
expect "without a driver" 0 partition create $alone passthrough:whole
same "without a driver: bound" "$(driver_of $alone)" vfio-pci
expect "without a driver: back" 0 partition destroy --all
same "without a driver: no override" "$(override $alone)" "(null)"

summary
