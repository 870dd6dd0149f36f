/* SPDX-License-Identifier: MIT */
/* PCI functions: identity, IOMMU group, driver binding, virtual functions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "platform/platform.h"

#define DEVICES "sys/bus/pci/devices"

int pci_read(struct platform *p, const char *address, struct pci_function *ret)
{
	struct pci_function f = {0};
	_cleanup_strv_ struct strv vfs = {0};
	uint64_t v;
	int r;

	snprintf(f.address, sizeof(f.address), "%s", address);
	r = sysfs_read_u64(p, &v, DEVICES "/%s/vendor", address);
	if (r < 0)
		return r;
	f.vendor = (uint32_t)v;
	if (sysfs_read_u64(p, &v, DEVICES "/%s/device", address) == 0)
		f.device = (uint32_t)v;
	if (sysfs_read_u64(p, &v, DEVICES "/%s/class", address) == 0)
		f.class = (uint32_t)v;
	if (sysfs_link_name(p, f.driver, sizeof(f.driver), DEVICES "/%s/driver", address) < 0)
		f.driver[0] = '\0';
	if (sysfs_link_name(p, f.iommu_group, sizeof(f.iommu_group), DEVICES "/%s/iommu_group", address) < 0)
		f.iommu_group[0] = '\0';
	f.is_vf = sysfs_exists(p, DEVICES "/%s/physfn", address);
	if (sysfs_read_u64(p, &v, DEVICES "/%s/sriov_totalvfs", address) == 0) {
		f.total_vfs = (unsigned)v;
		if (pci_vfs(p, address, &vfs) == 0)
			f.num_vfs = (unsigned)vfs.n;
	}
	*ret = f;
	return 0;
}

int pci_vfs(struct platform *p, const char *pf, struct strv *ret)
{
	_cleanup_strv_ struct strv names = {0};
	char address[64];
	int r = sysfs_list(p, &names, DEVICES "/%s", pf);

	/* Version order puts virtfn2 before virtfn10. */
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (strncmp(names.v[i], "virtfn", 6) == 0 &&
		    sysfs_link_name(p, address, sizeof(address), DEVICES "/%s/%s", pf, names.v[i]) > 0)
			r = strv_add(ret, address);
	}
	return r;
}

static unsigned count_vfs(struct platform *p, const char *pf)
{
	_cleanup_strv_ struct strv vfs = {0};

	return pci_vfs(p, pf, &vfs) == 0 ? (unsigned)vfs.n : 0;
}

static int vf_error(const char *pf, unsigned n, int r, struct ofbc_error *err)
{
	switch (-r) {
	case ERANGE:
		return error_set(err, ERANGE, OFBC_REASON_NO_CAPACITY, "%s cannot have %u virtual functions",
		                 pf, n);
	case EBUSY:
		error_set(err, EBUSY, OFBC_REASON_IN_USE,
		          "%s: the driver or the PCI core is busy, %u virtual functions refused", pf, n);
		error_hint(
			err,
			"look into `journalctl -k`; BIOS settings SR-IOV and Above-4G decoding are needed, too");
		return r;
	case ENOENT:
		error_set(err, ENOENT, OFBC_REASON_NOT_SUPPORTED,
		          "%s: its driver cannot switch virtual functions", pf);
		error_hint(err, "bind the GPU to its own driver first: `lspci -k -s %s`", pf);
		return r;
	case ENOSPC:
		return error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY,
		                 "%s: nothing is left to split into %u parts", pf, n);
	case ENODEV:
		return error_set(err, ENODEV, OFBC_REASON_NOT_SUPPORTED,
		                 "%s is no physical function, or it is gone", pf);
	case ECANCELED:
		error_set(err, ECANCELED, OFBC_REASON_FAILED, "%s: the physical function is not ready yet",
		          pf);
		error_hint(err, "wait until the driver has finished loading, then try again");
		return r;
	case ENOMEM:
		error_set(err, ENOMEM, OFBC_REASON_NO_CAPACITY,
		          "%s: no bus numbers or BAR space for %u virtual functions", pf, n);
		error_hint(err, "switch on SR-IOV and Above-4G decoding in the firmware");
		return r;
	case ETIMEDOUT:
		error_set(err, ETIMEDOUT, OFBC_REASON_IN_USE,
		          "%s: changing the virtual functions did not end within 10 s", pf);
		error_hint(err, "somebody holds one of them: `openforbc partition list`");
		return r;
	default:
		return error_set_errno(err, -r, "%s: cannot set %u virtual functions", pf, n);
	}
}

static int write_num_vfs(struct platform *p, const char *pf, unsigned n, struct ofbc_error *err)
{
	char text[16];
	int r;

	snprintf(text, sizeof(text), "%u", n);
	r = sysfs_write_deadline(p, text, 10000, DEVICES "/%s/sriov_numvfs", pf);
	if (r < 0)
		return vf_error(pf, n, r, err);
	/* Success may be a lie: the driver may enable fewer than asked. */
	if (count_vfs(p, pf) != n) {
		error_set(err, EIO, OFBC_REASON_FAILED, "%s: asked for %u virtual functions, %u appeared", pf,
		          n, count_vfs(p, pf));
		error_hint(err, "look into `journalctl -k`");
		return -EIO;
	}
	return 0;
}

/* Our functions stay without a driver; those that somebody makes by hand later do as before. The value from
 * before stands in a file until it is back, so that it survives a kill. */
static int autoprobe_off(struct platform *p, const char *pf)
{
	char before[16] = "", path[SYSFS_PATH_MAX];
	int r = 0;

	if (sysfs_read(p, before, sizeof(before), DEVICES "/%s/sriov_drivers_autoprobe", pf) <= 0 ||
	    strcmp(before, "0") == 0)
		return 0;
	snprintf(path, sizeof(path), "%s/autoprobe/%s", p->run_dir, pf);
	r = p->ops->put(p, path, before);
	return r < 0 ? r : sysfs_write(p, "0", DEVICES "/%s/sriov_drivers_autoprobe", pf);
}

static void autoprobe_back(struct platform *p, const char *pf)
{
	char before[16] = "", path[SYSFS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/autoprobe/%s", p->run_dir, pf);
	if (sysfs_read(p, before, sizeof(before), "%s", path) <= 0 ||
	    sysfs_write(p, before, DEVICES "/%s/sriov_drivers_autoprobe", pf) < 0)
		return;
	(void)p->ops->remove(p, path);
	snprintf(path, sizeof(path), "%s/autoprobe", p->run_dir);
	(void)p->ops->remove(p, path);
}

void pci_settle(struct platform *p)
{
	_cleanup_strv_ struct strv pfs = {0};

	(void)sysfs_list(p, &pfs, "%s/autoprobe", p->run_dir);
	for (size_t i = 0; i < pfs.n; i++)
		autoprobe_back(p, pfs.v[i]);
}

int pci_set_num_vfs(struct platform *p, const char *pf, unsigned n, struct ofbc_error *err)
{
	unsigned now = count_vfs(p, pf);
	int r = now && now != n ? write_num_vfs(p, pf, 0, err) : 0;

	if (r == 0 && n && now != n) {
		r = autoprobe_off(p, pf);
		r = r < 0 ? error_set_errno(err, -r, "%s: cannot set sriov_drivers_autoprobe", pf)
		          : write_num_vfs(p, pf, n, err);
	}
	autoprobe_back(p, pf);
	return r;
}

static bool is_harmless(const char *driver)
{
	return !driver[0] || strncmp(driver, "vfio", 4) == 0 || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0;
}

/* A failed change must not leave an override behind that takes effect at the next probe. */
static int undo_override(struct platform *p, const char *address, const char *before, int r)
{
	bool was_set = before[0] && strcmp(before, "(null)") != 0;

	if (sysfs_write(p, was_set ? before : "\n", DEVICES "/%s/driver_override", address) < 0)
		platform_debug(p, "%s: driver_override could not be set back", address);
	return r;
}

static int unbind(struct platform *p, const char *address, const char *driver, struct ofbc_error *err)
{
	int r = sysfs_write_deadline(p, address, 10000, DEVICES "/%s/driver/unbind", address);

	if (r == -ETIMEDOUT) {
		error_set(err, ETIMEDOUT, OFBC_REASON_IN_USE,
		          "%s: the driver %s did not let go of it within 10 s", address, driver);
		error_hint(err, "somebody has it open: `openforbc partition list`, `openforbc gpu show %s`",
		           address);
	} else if (r < 0) {
		error_set_errno(err, -r, "%s: cannot unbind from %s", address, driver);
	}
	return r;
}

static void bound_driver(struct platform *p, const char *address, char *buf, size_t size)
{
	if (sysfs_link_name(p, buf, size, DEVICES "/%s/driver", address) < 0)
		buf[0] = '\0';
}

int pci_bind(struct platform *p, const char *address, const char *driver, struct ofbc_error *err)
{
	char now[32], before[64] = "";
	int r;

	if (sysfs_read(p, before, sizeof(before), DEVICES "/%s/driver_override", address) < 0)
		before[0] = '\0';
	r = sysfs_write(p, driver[0] ? driver : "\n", DEVICES "/%s/driver_override", address);
	if (r < 0)
		return error_set_errno(err, -r, "%s: cannot set driver_override to '%s'", address, driver);
	bound_driver(p, address, now, sizeof(now));
	/* Back to the normal driver: the one that is bound already needs no second probe. */
	if (now[0] && (driver[0] ? strcmp(now, driver) == 0 : !is_harmless(now)))
		return 0;
	if (now[0]) {
		r = unbind(p, address, now, err);
		if (r < 0)
			return undo_override(p, address, before, r);
	}
	r = sysfs_write_deadline(p, address, 10000, "sys/bus/pci/drivers_probe");
	if (r < 0) {
		error_set_errno(err, -r, "%s: cannot bind to '%s'", address, driver);
		return undo_override(p, address, before, r);
	}
	/* drivers_probe succeeds when nothing binds, too. */
	bound_driver(p, address, now, sizeof(now));
	if (driver[0] && strcmp(now, driver) != 0) {
		error_set(err, ENODEV, OFBC_REASON_FAILED, "%s did not bind to %s%s%s", address, driver,
		          now[0] ? " but to " : "", now);
		error_hint(err, "load the driver: `modprobe %s`", driver);
		return undo_override(p, address, before, -ENODEV);
	}
	return 0;
}

int pci_group_others(struct platform *p, const char *address, struct strv *ret)
{
	_cleanup_strv_ struct strv names = {0};
	struct pci_function self, f;
	int r = pci_read(p, address, &self);

	if (r < 0 || !self.iommu_group[0])
		return r;
	r = sysfs_list(p, &names, "sys/kernel/iommu_groups/%s/devices", self.iommu_group);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		bool is_bridge;

		if (strcmp(names.v[i], address) == 0 || pci_read(p, names.v[i], &f) < 0)
			continue;
		is_bridge = f.class >> 16 == 0x06;
		if (!is_bridge && !is_harmless(f.driver))
			r = strv_add(ret, names.v[i]);
	}
	return r;
}

/* The rest of the line that begins with prefix; in_vendor: only up to the next vendor. */
static const char *find_line(const char *text, const char *prefix, bool in_vendor)
{
	size_t n = strlen(prefix);

	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		if (strncmp(line, prefix, n) == 0)
			return line + n;
		if (in_vendor && line[0] != '\t' && line[0] != '#' && line[0] != '\n')
			return NULL;
	}
	return NULL;
}

int pci_name(struct platform *p, uint32_t vendor, uint32_t device, char *buf, size_t size)
{
	static const char *const files[] = {"usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"};
	const size_t max = 4u << 20; /* it has 1.3 MB today */
	_cleanup_free_ char *text = malloc(max);
	const char *v = NULL, *d;
	char id[16];

	if (!text)
		return -ENOMEM;
	snprintf(id, sizeof(id), "%04x  ", vendor);
	for (size_t i = 0; i < ARRAY_SIZE(files) && !v; i++) {
		if (p->ops->read(p, files[i], text, max) > 0)
			v = find_line(text, id, false);
	}
	v = v ? strchr(v, '\n') : NULL;
	if (!v)
		return -ENOENT;
	snprintf(id, sizeof(id), "\t%04x  ", device);
	d = find_line(v + 1, id, true);
	if (!d)
		return -ENOENT;
	snprintf(buf, size, "%.*s", (int)strcspn(d, "\n"), d);
	return 0;
}
