# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# Four boots, each ended by taking the power away: what is ours is made again, with the database that was on the disk at
# that moment; also when the power went in the middle of a layout, or of the restoring.
. /lab/lib.sh

unset OPENFORBC_STATE # as installed: /var/lib/openforbc, which is on the disk
export OPENFORBC_DEVICE=0000:01:00.0
whole_gpu=0000:02:00.0
# ours: all there is to say about them; kernel: what it has.
ours() { openforbc partition list -o csv | grep -v foreign | sort; }
kernel() {
	for m in $(mdevs | sort); do echo "$m $(basename "$(readlink "/sys/bus/mdev/devices/$m/mdev_type")")"; done
	echo "functions $(cat /sys/bus/pci/devices/$OPENFORBC_DEVICE/sriov_numvfs)"
	echo "autoprobe $(cat /sys/bus/pci/devices/$OPENFORBC_DEVICE/sriov_drivers_autoprobe)"
	echo "driver $(driver_of $whole_gpu)"
}
empty="functions 0
autoprobe 1
driver bochs-drm"
# cut_at N COMMAND...: the power goes when our program has made N devices.
cut_at() {
	local n=$1 pid
	shift
	openforbc "$@" >/dev/null 2>&1 &
	pid=$!
	while_running $pid there_are "$n"
	kill -STOP $pid
	that "it was cut in the middle" test -e /proc/$pid/exe
	reboot
}

case $boot in
1)
	expect "three mediated devices" 0 partition create mbochs-0 mbochs-small --count 3 --name vm
	expect "one of another driver" 0 partition create mdpy-0 mdpy-hd --name screen
	expect "two virtual functions" 0 partition create $OPENFORBC_DEVICE sriov:1/2 --name vf
	expect "a whole one" 0 partition create $whole_gpu passthrough:whole --name whole
	expect "one that is destroyed again" 0 partition create mbochs-0 mbochs-large --name gone
	kernel >"$tmp/kernel"
	ours >"$tmp/ours"
	grep -v "$(cat "$tmp/out")" "$tmp/kernel" >"$disk/kernel"
	grep -v "$(cat "$tmp/out")" "$tmp/ours" >"$disk/ours"
	sync
	# from here on only our program writes
	by_hand mbochs-medium "$(uuid 1)"
	expect "now it is" 0 partition destroy gone
	reboot
	;;
2)
	same "the boot took everything" "$(kernel)" "$empty"
	expect "all are listed" 0 partition list -o csv
	same "as lost" "$(listed state | sort | uniq -c | tr -s ' ')" " 7 lost"
	expect "restore" 0 host restore
	same "the kernel has what it had" "$(kernel)" "$(cat "$disk/kernel")"
	same "ours are what they were" "$(ours)" "$(cat "$disk/ours")"
	expect "restore again" 0 host restore
	same "changes nothing" "$(kernel)" "$(cat "$disk/kernel")"
	printf 'version: 1\ngpus: [{match: {alias: mbochs-0}, partitions: [{type: mbochs-large, count: 3}]}]\n' >"$disk/layout.yaml"
	sync
	cut_at 2 layout apply "$disk/layout.yaml"
	;;
3)
	same "the boot took everything again" "$(kernel)" "$empty"
	cut_at 2 host restore
	;;
4)
	expect "restore after two cuts" 0 host restore
	same "the kernel has what it had before the layout" "$(kernel)" "$(cat "$disk/kernel")"
	same "ours are what they were before the layout" "$(ours)" "$(cat "$disk/ours")"
	expect "the layout can be applied" 0 layout apply "$disk/layout.yaml"
	expect "everything can go" 0 partition destroy --all
	same "nothing is left" "$(kernel)" "$empty"
	summary
	;;
esac
