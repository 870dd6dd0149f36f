/* SPDX-License-Identifier: MIT */
/* Device nodes that several technologies hand to containers and processes. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backends/backend.h"
#include "base/error.h"
#include "platform/nvml.h"

int host_need_node(struct host *h, const char *path, bool read_only, struct access *ret,
                   struct ofbc_error *err)
{
	if (sysfs_exists(h->platform, "%s", path + 1))
		return access_add_node(ret, path, read_only);
	return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "device node '%s' is missing", path);
}

int host_nvidia_nodes(struct host *h, const struct ofbc_gpu *gpu, unsigned *ret_minor, struct access *ret,
                      struct ofbc_error *err)
{
	static const char *const common[] = {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"};
	const struct nvml_api *api;
	unsigned minor;
	void *device;
	char path[32];
	int r = host_nvml_device(h, gpu->id, &api, &device, err);

	if (r < 0)
		return r;
	if (!api->DeviceGetMinorNumber || api->DeviceGetMinorNumber(device, &minor) != NVML_SUCCESS)
		return error_set(err, ENODEV, OFBC_REASON_FAILED, "the driver does not tell the node of %s",
		                 gpu->alias);
	for (size_t i = 0; r == 0 && i < sizeof(common) / sizeof(common[0]); i++)
		r = host_need_node(h, common[i], false, ret, err);
	snprintf(path, sizeof(path), "/dev/nvidia%u", minor);
	if (r == 0)
		r = host_need_node(h, path, false, ret, err);
	if (r == -ENODEV)
		error_hint(err, "`nvidia-modprobe -c %u -u` makes it", minor);
	if (r == 0 && ret_minor)
		*ret_minor = minor;
	return r;
}

int host_drm_nodes(struct host *h, const char *address, struct access *ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv nodes = {0};
	char path[96];
	int r = sysfs_list(h->platform, &nodes, "sys/bus/pci/devices/%s/drm", address);

	if (r < 0)
		return error_set_errno(err, -r, "cannot list the DRM nodes of %s", address);
	for (size_t i = 0; r == 0 && i < nodes.n; i++) {
		if (strncmp(nodes.v[i], "card", 4) != 0 && strncmp(nodes.v[i], "renderD", 7) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/dri/%.80s", nodes.v[i]);
		r = host_need_node(h, path, false, ret, err);
	}
	return r;
}

/* The group, and where the kernel has them the device's own node with that of the IOMMU. */
static int vfio_nodes_of(struct host *h, const char *dir, struct access *ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv cdevs = {0};
	char group[32], path[96];
	int r = 0;

	if (sysfs_link_name(h->platform, group, sizeof(group), "%s/iommu_group", dir) > 0) {
		snprintf(path, sizeof(path), "/dev/vfio/%s", group);
		r = host_need_node(h, path, false, ret, err);
	}
	(void)sysfs_list(h->platform, &cdevs, "%s/vfio-dev", dir);
	for (size_t i = 0; r == 0 && i < cdevs.n && sysfs_exists(h->platform, "dev/iommu"); i++) {
		snprintf(path, sizeof(path), "/dev/vfio/devices/%.64s", cdevs.v[i]);
		r = host_need_node(h, path, false, ret, err);
		if (r == 0)
			r = access_add_node(ret, "/dev/iommu", false);
	}
	return r;
}

static int need_vfio_driver(struct host *h, const char *address, const struct ofbc_partition *p,
                            struct ofbc_error *err)
{
	_cleanup_strv_ struct strv cdevs = {0};
	char driver[32] = "";

	(void)sysfs_link_name(h->platform, driver, sizeof(driver), "sys/bus/pci/devices/%s/driver", address);
	if (strstr(driver, "vfio") ||
	    (sysfs_list(h->platform, &cdevs, "sys/bus/pci/devices/%s/vfio-dev", address) == 0 && cdevs.n))
		return 0;
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "function %s is bound to %s", address,
	          driver[0] ? driver : "no driver");
	error_hint(err, "`openforbc partition bind %s vfio-pci` first", p->uuid);
	return -ENOTSUP;
}

int host_vfio_nodes(struct host *h, const struct hostdev *dev, const struct ofbc_partition *p,
                    struct access *ret, struct ofbc_error *err)
{
	char dir[SYSFS_PATH_MAX];
	int r = host_need_node(h, "/dev/vfio/vfio", false, ret, err);

	if (r == -ENODEV)
		error_hint(err, "`modprobe vfio-pci` makes it");
	for (unsigned i = 0; r == 0 && i < dev->n; i++) {
		bool mdev = dev->kind == HOSTDEV_MDEV;

		if (!mdev)
			r = need_vfio_driver(h, dev->address[i], p, err);
		snprintf(dir, sizeof(dir), "sys/bus/%s/devices/%s", mdev ? "mdev" : "pci", dev->address[i]);
		if (r == 0)
			r = vfio_nodes_of(h, dir, ret, err);
	}
	return r;
}
