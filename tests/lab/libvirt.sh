# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# A libvirt inside the lab, with a guest called inner; for the jobs that source this after lib.sh.
unset OPENFORBC_STATE # libvirt's hook uses the installed place, too
pf=0000:01:00.0
export LIBVIRT_DEFAULT_URI=qemu:///system OPENFORBC_DEVICE=$pf
console=/tmp/inner.console

libvirt_up() {
	libvirtd --daemon
	until_true 300 virsh -q list >/dev/null 2>&1
}
libvirt_down() {
	kill "$(cat /run/libvirtd.pid)"
	until_true 100 test ! -e /run/libvirtd.pid
}
# domain NAME: a guest that boots in half a second and says on its console which devices it has.
domain() {
	cat <<X
<domain type='qemu'>
  <name>$1</name><memory unit='MiB'>96</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>/lab/guest/vmlinux</kernel><initrd>/lab/guest/initrd.gz</initrd>
    <cmdline>console=ttyS0 quiet panic=-1</cmdline></os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='pci' index='0' model='pcie-root'/><controller type='usb' model='none'/>
    <controller type='pci' index='1' model='pcie-root-port'/><controller type='pci' index='2' model='pcie-root-port'/>
    <controller type='pci' index='3' model='pcie-root-port'/>
    <serial type='file'><source path='$console'/></serial><memballoon model='none'/>
  </devices>
</domain>
X
}
define() { domain "$1" >"$tmp/$1.xml" && virsh -q define "$tmp/$1.xml" >/dev/null; }
start() { rm -f $console; virsh -q start "$1" >"$tmp/virsh" 2>&1; }
refuses() { ! start "$1"; }

# sees ID, misses ID: the guest has said so, or says so within a minute.
last() { grep -a '^inner: devices' $console 2>/dev/null | tail -n 1; }
has() { last | grep -q " $1"; }
has_not() { [ -n "$(last)" ] && ! has "$1"; }
sees() { if until_true 600 has "$2"; then pass "$1"; else fail "$1" "the guest has '$(last)'"; fi; }
misses() { if until_true 600 has_not "$2"; then pass "$1"; else fail "$1" "the guest has '$(last)'"; fi; }
mbochs=1234:1111

# libvirt_begin: libvirt runs, and the guest is defined. A second time there is nothing to do.
libvirt_begin() {
	! virsh -q list >/dev/null 2>&1 || return 0
	mkdir -p /run/libvirt /var/log/libvirt/qemu /run/dbus
	cat >/etc/libvirt/qemu.conf <<Q
user = "root"
group = "root"
security_driver = "none"
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
Q
	[ -s /etc/machine-id ] || echo 0123456789abcdef0123456789abcdef >/etc/machine-id
	dbus-daemon --system --fork
	libvirt_up && define inner
}
