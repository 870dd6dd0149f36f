/* SPDX-License-Identifier: MIT */
/*
 * sampler [SECONDS]: what sampling ten times a second takes of one processor: here, with all that this
 * machine has, and on an emulated host with eight boards, whose doors are slower than a kernel's. The goal is
 * 1 %.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "bench/sampler.h"
#include "emulation/emulation.h"
#include "platform/platform.h"

#define GOAL 0.01

static int add_boards(struct platform *p, struct sensor_set *set)
{
	_cleanup_strv_ struct strv names = {0};
	int n = 0;

	(void)sysfs_list(p, &names, "sys/bus/pci/devices");
	for (size_t i = 0; i < names.n; i++) {
		struct pci_function f;

		if (pci_read(p, names.v[i], &f) == 0 && (f.class >> 16 == 0x03 || f.class >> 8 == 0x1200) &&
		    sensor_add_gpu(set, names.v[i], 0, NULL) > 0)
			n++;
	}
	return n;
}

static int put(const char *root, unsigned board, const char *file, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/0000:%02x:00.0/%s", root, board, file);
	for (char *c = strchr(path + 1, '/'); c; c = strchr(c + 1, '/')) {
		*c = '\0';
		(void)mkdir(path, 0755);
		*c = '/';
	}
	f = fopen(path, "we");
	if (!f)
		return -1;
	fputs(text, f);
	return fclose(f);
}

/* Files as amdgpu has them. */
static int make_boards(const char *root)
{
	static const char *const files[][2] = {{"vendor", "0x1002"},
	                                       {"device", "0x74a1"},
	                                       {"class", "0x120000"},
	                                       {"hwmon/hwmon3/name", "amdgpu"},
	                                       {"hwmon/hwmon3/power1_input", "287000000"},
	                                       {"hwmon/hwmon3/energy1_input", "1234567890"},
	                                       {"hwmon/hwmon3/freq1_input", "1700000000"},
	                                       {"hwmon/hwmon3/freq2_input", "1300000000"},
	                                       {"hwmon/hwmon3/temp1_input", "61000"},
	                                       {"hwmon/hwmon3/temp3_input", "64000"},
	                                       {"gpu_busy_percent", "37"},
	                                       {"mem_busy_percent", "5"},
	                                       {"mem_info_vram_used", "123456789"}};
	char path[256];

	for (unsigned i = 1; i <= 8; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			if (put(root, i, files[k][0], files[k][1]) < 0)
				return -1;
		}
		snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/0000:%02x:00.0/driver", root, i);
		if (symlink("../../../../bus/pci/drivers/amdgpu", path) < 0)
			return -1;
	}
	return 0;
}

static int run(const char *what, struct platform *p, double seconds)
{
	_cleanup_sensors_ struct sensor_set *set = NULL;
	_cleanup_sampler_ struct sampler *s = NULL;
	struct sampler_cost c;
	int boards, cpu;

	if (sensor_set_new(p, &set) < 0)
		return 1;
	boards = add_boards(p, set);
	cpu = sensor_add_cpu(set);
	(void)sensor_add_process(set, getpid());
	if (boards < 0 || cpu < 0 || sampler_new(set, NULL, &s) < 0)
		return 1;
	sampler_begin(s, SAMPLER_WINDOW);
	sampler_wait(s, p->ops->now_ns(p) + (uint64_t)(seconds * 1e9));
	sampler_end(s);
	c = sampler_cost(s);
	printf("sampling at 10 Hz, %s, %d boards, %zu sensors in %zu calls (%zu of them slowed): %.3f %% of one processor, longest sample %.2f ms, %zu of %zu missed   goal < %.0f %%  %s\n",
	       what, boards, sensor_count(set), sensor_readers(set), c.n_slowed, c.cpu_share * 100,
	       (double)c.longest_ns / 1e6, c.missed, c.samples + c.missed, GOAL * 100,
	       c.cpu_share < GOAL ? "met" : "MISSED");
	return 0;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 10;
	char state[] = "/tmp/ofbc-sampler-XXXXXX", root[64], command[64];
	struct platform *p = NULL;
	int r;

	if (!(seconds > 0) || !mkdtemp(state))
		return 1;
	r = platform_linux_new("/", NULL, &p, NULL) < 0 || run("this machine", p, seconds);
	platform_free(p);
	p = NULL;
	snprintf(root, sizeof(root), "%s/tree", state);
	if (r == 0)
		r = make_boards(root) < 0 || platform_linux_new(root, NULL, &p, NULL) < 0 ||
		    run("files", p, seconds);
	platform_free(p);
	p = NULL;
	if (r == 0)
		r = platform_emulated_new("dgx-h100", state, &p, NULL) < 0 || run("emulated", p, seconds);
	platform_free(p);
	snprintf(command, sizeof(command), "rm -rf %s", state);
	return system(command) != 0 || r;
}
