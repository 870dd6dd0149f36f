/* SPDX-License-Identifier: MIT */
/*
 * vfio-hold GROUP DEVICE: opens a VFIO device as a virtual machine monitor does, prints "held" and stays
 * until it is killed. It does not answer when the kernel asks for the device back.
 */
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int check(int r, const char *what)
{
	if (r < 0) {
		perror(what);
		exit(1);
	}
	return r;
}

int main(int argc, char **argv)
{
	char path[64];
	int container, group;

	if (argc != 3)
		return 2;
	snprintf(path, sizeof(path), "/dev/vfio/%s", argv[1]);
	container = check(open("/dev/vfio/vfio", O_RDWR), "/dev/vfio/vfio");
	group = check(open(path, O_RDWR), path);
	check(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "VFIO_GROUP_SET_CONTAINER");
	check(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "VFIO_SET_IOMMU");
	check(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[2]), argv[2]);
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
