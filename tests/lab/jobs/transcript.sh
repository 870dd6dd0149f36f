# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# From a bare host to a guest with a slice: the commands of docs/guests.md, in its order; what it prints stands there.
. /lab/lib.sh
. /lab/libvirt.sh

# shows [STATUS] COMMAND...: prints the command and what it says, as a user sees it.
shows() {
	local want=0 status=0
	case $1 in [0-9]) want=$1; shift ;; esac
	echo "    # $*"
	"$@" >"$tmp/out" 2>&1 || status=$?
	cp "$tmp/out" "$tmp/err"
	sed 's/^/    /; s/ *$//' "$tmp/out"
	[ "$want" = 0 ] || echo "    (status $status)"
	[ "$status" = "$want" ] || fail "$*" "status $status, not $want"
}

# quietly ASSERTION...: only a failure is printed.
quietly() { "$@" >"$tmp/said"; grep -v '^ok' "$tmp/said"; }

that "libvirt is up" libvirt_begin
install -D -m 755 /lab/hook /etc/libvirt/hooks/qemu.d/openforbc
libvirt_down
that "libvirt is up with the hook" libvirt_up
echo "--- begin"
shows openforbc gpu list
shows openforbc type list mbochs-0
shows openforbc partition create mbochs-0 mbochs-small --name slice
shows openforbc partition xml slice
shows openforbc partition attach slice inner
shows virsh start inner
quietly sees "the guest has the device" $mbochs
shows openforbc partition list
shows openforbc vm show inner
shows 4 openforbc partition destroy slice
shows openforbc partition detach slice
shows openforbc partition attach slice inner --claim
shows virsh destroy inner
quietly that "the hook freed it" until_true 100 sh -c 'test -z "$(ls /sys/bus/mdev/devices)"'
rm -f $console
shows openforbc partition list
shows openforbc vm list
shows virsh start inner
quietly sees "the guest has what it claimed" $mbochs
shows openforbc partition list
shows openforbc partition detach slice
shows openforbc partition destroy slice
echo "--- end"
virsh -q destroy inner
pass "transcript"
summary
