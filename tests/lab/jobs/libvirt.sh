# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# Guests of a libvirt inside the lab: they hold mediated devices and virtual functions, which they see by their PCI ids
# (mbochs 1234:1111, mdpy 1b36:000f, the NVMe function 1b36:0010), and their hook makes what they claim.
. /lab/lib.sh

. /lab/libvirt.sh

# configured UUID: in the guest's configuration; running UUID: in the running guest.
configured() { virsh -q dumpxml --inactive inner | grep -q "$1"; }
running() { virsh -q dumpxml inner | grep -q "$1"; }
state_of() { field "$1" state; }
mdpy=1b36:000f nvme=1b36:0010

that "libvirt is up" libvirt_begin

# --- before the start, which makes it hold ---
expect "a partition" 0 partition create mbochs-0 mbochs-small --name gpu -q
one=$(cat "$tmp/out")
expect "attach to a guest that does not run" 0 partition attach gpu inner
that "it is in its configuration" configured "$one"
expect "attach again" 0 partition attach gpu inner -o json
out "attach again: nothing is to be done" '"changed": ?false'
expect "vm list" 0 vm list
out "vm list: the guest" "inner"
that "the guest starts" start inner
sees "the guest has the device" $mbochs
same "it is in use" "$(state_of "$one")" in-use
expect "partition list" 0 partition list
out "its holder is the guest" "in-use.*inner"
expect "vm show" 0 vm show inner
out "vm show: the device" "$one"
expect "destroy is refused" 4 partition destroy gpu
err "the guest is named" "inner"
err "what to do is said" "^hint: .*partition detach.*inner"
expect "--all is refused" 4 partition destroy --all
that "it is still there" test -e "/sys/bus/mdev/devices/$one/remove"
same "nobody waits to remove it" "$(pgrep -c openforbc)" 0

# --- live: away, and back ---
expect "detach --live" 0 partition detach gpu inner --live
misses "the guest saw it go" $mbochs
same "it is held no more" "$(openforbc partition list -o csv | grep -c "$one.*in-use")" 0
that "its configuration still has it" configured "$one"
expect "attach --live" 0 partition attach gpu inner --live
sees "the guest has it again" $mbochs
that "the running guest has it" running "$one"
expect "attach --live again" 0 partition attach gpu inner --live -o json
out "attach --live again: nothing is to be done" '"changed": ?false'

# --- a second one of another driver, for now and later ---
expect "another driver's" 0 partition create mdpy-0 mdpy-vga --name screen -q
two=$(cat "$tmp/out")
expect "attach, both" 0 partition attach screen inner
sees "the guest has both" $mdpy
that "its configuration has the second" configured "$two"
expect "detach, both" 0 partition detach screen
misses "the guest saw the second go" $mdpy
that "its configuration has it no more" sh -c "! virsh -q dumpxml --inactive inner | grep -q $two"
expect "and it can go" 0 partition destroy screen

# --- a virtual function: libvirt binds it to vfio-pci, and back ---
expect "two virtual functions" 0 partition create $pf sriov:1/2 --name vf
expect "attach one --live" 0 partition attach vf inner --live
sees "the guest has the function" $nvme
same "it is on vfio-pci" "$(driver_of 0000:01:00.1)" vfio-pci
same "it is in use" "$(state_of 0000:01:00.1)" in-use
expect "functions are not taken from the guest" 4 partition destroy vf vf-2
err "the guest is named again" "inner"
same "both functions stand" "$(cat /sys/bus/pci/devices/$pf/sriov_numvfs)" 2
expect "detach it --live" 0 partition detach vf inner --live
misses "the guest saw the function go" $nvme
expect "functions go" 0 partition destroy vf vf-2
same "none stands" "$(cat /sys/bus/pci/devices/$pf/sriov_numvfs)" 0

# --- a libvirt that was started again knows what its guests have ---
libvirt_down
expect "without libvirt: destroy is refused" 4 partition destroy gpu
err "without libvirt: the guest is named all the same" "inner"
that "libvirt is up again" libvirt_up
expect "with a new libvirt: destroy is refused" 4 partition destroy gpu
err "with a new libvirt: the guest is named" "inner"

# --- a claim that a running guest gets ---
expect "attach --claim to the running guest" 0 partition attach gpu inner --claim
that "the claim is in its configuration" configured "claim name"
that "and in what the hook will be told of it" running "claim name"
expect "detach takes the claim back" 0 partition detach gpu inner --config
that "there is none any more" sh -c "! virsh -q dumpxml --inactive inner | grep -q 'claim name'"
expect "attach without one" 0 partition attach gpu inner --config

# --- the guest ends: what it held is free ---
virsh -q destroy inner
that "it is free" until_true 50 test "$(state_of "$one")" != in-use
expect "detach from the configuration" 0 partition detach gpu inner
that "its configuration is as before" sh -c "! virsh -q dumpxml --inactive inner | grep -q $one"
expect "and destroy" 0 partition destroy gpu
same "nothing is left" "$(n_mdevs)$(listed)" 0

# --- the hook makes what a guest claims, and frees it ---
libvirt_down
install -D -m 755 /lab/hook /etc/libvirt/hooks/qemu.d/openforbc
that "libvirt is up with the hook" libvirt_up
expect "a partition to claim" 0 partition create mbochs-0 mbochs-medium --name claimed -q
one=$(cat "$tmp/out")
expect "attach --claim" 0 partition attach claimed inner --claim
expect "a claimed one is not destroyed by hand" 4 partition destroy claimed
that "the guest starts with what stands" start inner
virsh -q destroy inner
that "the hook freed it after the end" until_true 100 test ! -e "/sys/bus/mdev/devices/$one"
same "there is none before the next start" "$(n_mdevs)" 0
that "the guest starts with its claim" start inner
same "the hook made it" "$(mdevs)" "$one"
same "of its type" "$(basename "$(readlink "/sys/bus/mdev/devices/$one/mdev_type")")" mbochs-medium
sees "the guest has what it claimed" $mbochs
virsh -q destroy inner
that "the hook freed it" until_true 100 test ! -e "/sys/bus/mdev/devices/$one"
same "and forgot it" "$(listed)" ""
i=0
while by_hand mbochs-large "$(uuid $((700 + i)))" 2>/dev/null; do i=$((i + 1)); done
that "without room the guest does not start" refuses inner
that "it is said why" grep -q "mbochs-medium" "$tmp/virsh"
for u in $(mdevs); do echo 1 >"/sys/bus/mdev/devices/$u/remove"; done
that "with room it does" start inner
virsh -q destroy inner
that "and everything is free" until_true 100 test -z "$(mdevs)"

summary
