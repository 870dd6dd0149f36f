/* SPDX-License-Identifier: MIT */
/* Writing libvirt's elements and QEMU's arguments, and the rules of which guest takes what. */
#include "guest/hostdev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

static void add_escaped(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			strbuf_add(out, "&amp;");
			break;
		case '<':
			strbuf_add(out, "&lt;");
			break;
		case '>':
			strbuf_add(out, "&gt;");
			break;
		case '\'':
			strbuf_add(out, "&apos;");
			break;
		case '"':
			strbuf_add(out, "&quot;");
			break;
		default:
			strbuf_addc(out, *s);
		}
	}
}

static void add_attribute(struct strbuf *out, const char *name, const char *value)
{
	if (!value[0])
		return;
	strbuf_addf(out, " %s='", name);
	add_escaped(out, value);
	strbuf_addc(out, '\'');
}

static void add_pci(struct strbuf *out, const char *extra, const char *address)
{
	struct pci_address a = {0};

	(void)parse_pci(address, &a);
	strbuf_addf(out, "<address%s domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/>\n", extra,
	            a.domain, a.bus, a.device, a.function);
}

void hostdev_alias(const char *partition, unsigned i, char *buf, size_t size)
{
	if (i)
		snprintf(buf, size, DEVICE_ALIAS "%s-%u", partition, i);
	else
		snprintf(buf, size, DEVICE_ALIAS "%s", partition);
}

void root_port_alias(const char *partition, unsigned i, char *buf, size_t size)
{
	snprintf(buf, size, PORT_ALIAS "%s-%u", partition, i);
}

void hostdev_xml(const struct hostdev *h, unsigned i, const struct hostdev_wish *w, struct strbuf *out)
{
	char alias[96];

	if (h->kind == HOSTDEV_MDEV)
		strbuf_addf(out, "<hostdev mode='subsystem' type='mdev' model='vfio-pci' display='%s'%s>\n",
		            w->display ? "on" : "off", w->ramfb ? " ramfb='on'" : "");
	else
		strbuf_addf(out, "<hostdev mode='subsystem' type='pci' managed='%s'%s%s>\n",
		            h->is_managed ? "yes" : "no", w->display ? " display='on'" : "",
		            w->ramfb ? " ramfb='on'" : "");
	strbuf_add(out, "  <source>\n    ");
	if (h->kind == HOSTDEV_MDEV)
		strbuf_addf(out, "<address uuid='%s'/>\n", h->address[i]);
	else
		add_pci(out, "", h->address[i]);
	strbuf_add(out, "  </source>\n");
	if (w->partition) {
		hostdev_alias(w->partition, i, alias, sizeof(alias));
		strbuf_addf(out, "  <alias name='%s'/>\n", alias);
	}
	if (w->guest_address && i == 0) {
		strbuf_add(out, "  ");
		add_pci(out, " type='pci'", w->guest_address);
	}
	strbuf_add(out, "</hostdev>\n");
}

void root_port_xml(const char *partition, unsigned i, unsigned index, struct strbuf *out)
{
	char alias[96];

	root_port_alias(partition, i, alias, sizeof(alias));
	strbuf_addf(
		out,
		"<controller type='pci' index='%u' model='pcie-root-port'>\n"
		"  <model name='pcie-root-port'/>\n  <target chassis='%u' port='0x%x'/>\n  <alias name='%s'/>\n"
		"</controller>\n",
		index, index, index, alias);
}

int hostdev_qemu(const struct hostdev *h, const struct hostdev_wish *w, const char *guest_uuid,
                 struct strv *ret)
{
	const char *model = w->ramfb ? "vfio-pci-nohotplug" : "vfio-pci";
	int r = 0;

	for (unsigned i = 0; r == 0 && i < h->n; i++) {
		const char *bus = h->kind == HOSTDEV_MDEV ? "mdev" : "pci";

		r = strv_add(ret, "-device");
		if (r == 0)
			r = strv_addf(ret, "%s,sysfsdev=/sys/bus/%s/devices/%s%s%s", model, bus,
			              h->address[i], w->display ? ",display=on" : "",
			              w->ramfb ? ",ramfb=on" : "");
	}
	if (r == 0 && h->needs_guest_uuid) {
		r = strv_add(ret, "-uuid");
		if (r == 0)
			r = strv_add(ret, guest_uuid);
	}
	return r;
}

void claims_xml(const struct claim_list *claims, struct strbuf *out)
{
	strbuf_add(out, "<claims>\n");
	for (size_t i = 0; i < claims->n; i++) {
		const struct ofbc_claim *c = &claims->v[i];

		strbuf_add(out, "  <claim");
		add_attribute(out, "name", c->name);
		add_attribute(out, "type", c->type);
		add_attribute(out, "gpu", c->gpu);
		add_attribute(out, "uuid", c->uuid);
		if (c->placement >= 0)
			strbuf_addf(out, " placement='%d'", c->placement);
		if (c->memory_bytes)
			strbuf_addf(out, " memory='%llu'", (unsigned long long)c->memory_bytes);
		strbuf_addf(out, "%s/>\n", c->keep ? " keep='yes'" : "");
	}
	strbuf_add(out, "</claims>\n");
}

/* --- rules --- */

static int check_display(const struct hostdev *h, const struct hostdev_wish *w, const struct domain *d,
                         bool live, struct ofbc_error *err)
{
	if (!w->display && !w->ramfb)
		return 0;
	if (!h->has_display) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "this type has no display");
		error_hint(err, "leave out --display and --ramfb; the guest needs a screen of another kind");
		return -ENOTSUP;
	}
	if (d && !d->has_graphics) {
		error_set(err, EINVAL, OFBC_REASON_NOT_SUPPORTED,
		          "guest %s has no graphics to show a display with", d->name);
		error_hint(err,
		           "add <graphics type='spice'/> or 'vnc' or 'egl-headless' with `virsh edit %s`",
		           d->name);
		return -ENOTSUP;
	}
	if (d && live) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "a display cannot be added to a running guest");
		error_hint(err, "use --config and start the guest again");
		return -ENOTSUP;
	}
	for (size_t i = 0; d && i < d->devices.n; i++) {
		if (d->devices.v[i].has_display || d->devices.v[i].has_ramfb) {
			error_set(err, EBUSY, OFBC_REASON_NOT_SUPPORTED,
			          "guest %s has a device with a display, %s", d->name,
			          d->devices.v[i].address);
			error_hint(err, "one display a guest: leave out --display, or detach that one");
			return -ENOTSUP;
		}
	}
	return 0;
}

static bool is_machine_without_pci(const struct domain *d)
{
	static const char *const machines[] = {"microvm", "isapc", "none", "s390-ccw"};

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (strncmp(d->machine, machines[i], strlen(machines[i])) == 0)
			return true;
	}
	return !d->has_pci;
}

unsigned domain_free_ports(const struct domain *d)
{
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(d->is_port); i++)
		n += (unsigned)__builtin_popcount(d->is_port[i] & (unsigned)~d->is_taken[i]);
	return n;
}

static int check_machine(const struct hostdev *h, const struct domain *d, bool live, struct ofbc_error *err)
{
	if (is_machine_without_pci(d)) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "guest %s is a machine '%s' without PCI",
		          d->name, d->machine);
		error_hint(err, "give it machine='q35' (x86_64) or 'virt' (aarch64) with `virsh edit %s`",
		           d->name);
		return -ENOTSUP;
	}
	if (live && d->is_pcie && domain_free_ports(d) < h->n) {
		error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY, "running guest %s has no free PCIe root port",
		          d->name);
		error_hint(err, "ports cannot be plugged in: use --config and start the guest again");
		return -ENOSPC;
	}
	return 0;
}

int hostdev_check(const struct hostdev *h, const struct hostdev_wish *w, const struct domain *d, bool live,
                  struct ofbc_error *err)
{
	int r;

	if (!h->iommu_group[0]) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "%s has no IOMMU group: no guest can take it", h->address[0]);
		error_hint(err, "add intel_iommu=on iommu=pt to the kernel command line and reboot");
		return -ENOTSUP;
	}
	if (w->ramfb && !w->display) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "--ramfb needs --display");
		error_hint(err, "give both");
		return -EINVAL;
	}
	r = check_display(h, w, d, live, err);
	return r < 0 || !d ? r : check_machine(h, d, live, err);
}
