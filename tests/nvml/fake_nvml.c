/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for NVIDIA's management library with one H200 in memory. It does not include our
 * declarations: it writes the public ABI by byte offsets, so that a wrong layout of ours shows up in the
 * tests. With -DOLD_DRIVER it has the first editions' names only and lacks what came later.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#ifdef OLD_DRIVER
#define V2(name) name
#define V3(name) name
#else
#define V2(name) name##_v2
#define V3(name) name##_v3
#endif

#define API(name, ...)                                                                                       \
	__attribute__((visibility("default"))) unsigned name(__VA_ARGS__);                                   \
	unsigned name(__VA_ARGS__)

/* The values of the return type that we use. */
enum { OK, UNINITIALIZED, INVALID, NOT_SUPPORTED, NOT_FOUND = 6, TOO_SMALL, IN_USE = 19, NO_RESOURCES = 23 };

#define SLOTS     8
#define SLICES    7
#define MAX_CI    7
#define MAX_GI    15
#define TOTAL_MIB 143771u

enum { IS_GPU = 0x47505530, IS_GI = 0x47495f5f, IS_CI = 0x43495f5f };

struct profile {
	unsigned index, id, slices, max, sms, copy, decoders, jpeg, ofa, size;
	uint64_t mib;
	const char *name;
	unsigned n, starts[7];
};

/* As read on a real board. */
static const struct profile profiles[] = {
	{0, 19, 1, 7, 16, 1, 1, 1, 0, 1, 16384, "MIG 1g.18gb", 7, {0, 1, 2, 3, 4, 5, 6}},
	{7, 20, 1, 1, 16, 1, 1, 1, 1, 1, 16384, "MIG 1g.18gb+me", 7, {0, 1, 2, 3, 4, 5, 6}},
	{9, 15, 1, 4, 26, 1, 1, 1, 0, 2, 33280, "MIG 1g.35gb", 4, {0, 2, 4, 6}},
	{1, 14, 2, 3, 32, 2, 2, 2, 0, 2, 33280, "MIG 2g.35gb", 3, {0, 2, 4}},
	{2, 9, 3, 2, 60, 3, 3, 3, 0, 4, 71424, "MIG 3g.71gb", 2, {0, 4}},
	{3, 5, 4, 1, 64, 4, 4, 4, 0, 4, 71424, "MIG 4g.71gb", 1, {0}},
	{4, 0, 7, 1, 132, 8, 7, 7, 1, 8, 143360, "MIG 7g.141gb", 1, {0}},
};

struct gi;
struct ci {
	unsigned kind, id, profile, start, slices;
	bool is_used;
	struct gi *gi;
};

struct gi {
	unsigned kind, id, start;
	bool is_used;
	const struct profile *profile;
	struct ci cis[MAX_CI];
};

static struct {
	unsigned kind, inits, mig;
	struct gi gis[MAX_GI];
} gpu = {.kind = IS_GPU};

static void put32(void *p, size_t offset, uint32_t value)
{
	memcpy((char *)p + offset, &value, sizeof(value));
}

static void put64(void *p, size_t offset, uint64_t value)
{
	memcpy((char *)p + offset, &value, sizeof(value));
}

static void put_handle(void *p, size_t offset, const void *value)
{
	memcpy((char *)p + offset, &value, sizeof(value));
}

static unsigned kind_of(const void *handle)
{
	unsigned kind = 0;

	if (handle)
		memcpy(&kind, handle, sizeof(kind));
	return kind;
}

static unsigned check_gpu(const void *d)
{
	return !gpu.inits ? UNINITIALIZED : d == &gpu ? OK : INVALID;
}

static unsigned put_text(char *s, unsigned len, const char *text)
{
	if (strlen(text) >= len)
		return TOO_SMALL;
	memcpy(s, text, strlen(text) + 1);
	return OK;
}

static const struct profile *by_id(unsigned id)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		if (profiles[i].id == id)
			return &profiles[i];
	}
	return NULL;
}

struct usage {
	unsigned slots, slices, count;
};

static struct usage usage_of(const struct profile *p)
{
	struct usage u = {0};

	for (unsigned i = 0; i < MAX_GI; i++) {
		const struct gi *g = &gpu.gis[i];

		if (!g->is_used)
			continue;
		u.slots |= ((1u << g->profile->size) - 1) << g->start;
		u.slices += g->profile->slices;
		u.count += g->profile == p;
	}
	return u;
}

static bool fits(const struct profile *p, const struct usage *u, unsigned start)
{
	return u->count < p->max && u->slices + p->slices <= SLICES &&
	       !(u->slots & (((1u << p->size) - 1) << start));
}

static unsigned remaining(const struct profile *p)
{
	struct usage u = usage_of(p);
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++) {
		if (!fits(p, &u, p->starts[i]))
			continue;
		u.slots |= ((1u << p->size) - 1) << p->starts[i];
		u.slices += p->slices;
		u.count++;
		n++;
	}
	return n;
}

/* A call that gives one number of the board. */
#define BOARD_VALUE(name, value)                                                                             \
	API(name, void *d, unsigned *ret)                                                                    \
	{                                                                                                    \
		*ret = (value);                                                                              \
		return check_gpu(d);                                                                         \
	}

BOARD_VALUE(nvmlDeviceGetMinorNumber, 0)
BOARD_VALUE(nvmlDeviceGetComputeMode, 0)
BOARD_VALUE(nvmlDeviceGetVirtualizationMode, 0)
BOARD_VALUE(nvmlDeviceGetMaxMigDeviceCount, gpu.mig ? SLICES : 0)
#ifndef OLD_DRIVER
BOARD_VALUE(nvmlDeviceGetArchitecture, 9)
#endif

/* --- the library and the board --- */

API(V2(nvmlInit), void)
{
	gpu.inits++;
	return OK;
}

API(nvmlShutdown, void)
{
	if (!gpu.inits)
		return UNINITIALIZED;
	gpu.inits--;
	return OK;
}

const char *nvmlErrorString(unsigned r) __attribute__((visibility("default")));
const char *nvmlErrorString(unsigned r)
{
	return r == OK ? "Success" : r == IN_USE ? "In use by another client" : "Some error";
}

API(nvmlSystemGetDriverVersion, char *s, unsigned len)
{
#ifdef OLD_DRIVER
	return put_text(s, len, "450.80.02");
#else
	return put_text(s, len, "580.159.04");
#endif
}

API(nvmlSystemGetNVMLVersion, char *s, unsigned len)
{
	return put_text(s, len, "13.580.159.04");
}

API(V2(nvmlDeviceGetCount), unsigned *count)
{
	if (!gpu.inits)
		return UNINITIALIZED;
	*count = 1;
	return OK;
}

API(V2(nvmlDeviceGetHandleByIndex), unsigned index, void **d)
{
	if (!gpu.inits)
		return UNINITIALIZED;
	if (index)
		return INVALID;
	*d = &gpu;
	return OK;
}

API(V2(nvmlDeviceGetHandleByPciBusId), const char *id, void **d)
{
	if (!gpu.inits)
		return UNINITIALIZED;
	if (strcasecmp(id, "00000000:3D:00.0") != 0 && strcasecmp(id, "0000:3D:00.0") != 0)
		return NOT_FOUND;
	*d = &gpu;
	return OK;
}

API(V3(nvmlDeviceGetPciInfo), void *d, void *info)
{
	if (check_gpu(d) != OK)
		return check_gpu(d);
	memcpy(info, "0000:3D:00.0", 13);
	put32(info, 16, 0);
	put32(info, 20, 0x3D);
	put32(info, 24, 0);
	put32(info, 28, 0x233510DE);
	put32(info, 32, 0x18BE10DE);
#ifndef OLD_DRIVER
	memcpy((char *)info + 36, "00000000:3D:00.0", 17);
#endif
	return OK;
}

API(nvmlDeviceGetName, void *d, char *s, unsigned len)
{
	char name[64];

	if (kind_of(d) != IS_CI)
		return check_gpu(d) == OK ? put_text(s, len, "NVIDIA H200") : INVALID;
	snprintf(name, sizeof(name), "NVIDIA H200 %s", ((struct ci *)d)->gi->profile->name);
	return put_text(s, len, name);
}

API(nvmlDeviceGetUUID, void *d, char *s, unsigned len)
{
	char uuid[64];

	if (kind_of(d) != IS_CI)
		return check_gpu(d) == OK ? put_text(s, len, "GPU-00000000-1111-2222-3333-444444444444")
		                          : INVALID;
#ifdef OLD_DRIVER
	snprintf(uuid, sizeof(uuid), "MIG-GPU-00000000-1111-2222-3333-444444444444/%u/%u",
	         ((struct ci *)d)->gi->id, ((struct ci *)d)->id);
#else
	snprintf(uuid, sizeof(uuid), "MIG-00000000-1111-2222-%04x-%012x", ((struct ci *)d)->gi->id,
	         ((struct ci *)d)->id);
#endif
	return put_text(s, len, uuid);
}

API(nvmlDeviceGetCudaComputeCapability, void *d, int *major, int *minor)
{
	*major = 9;
	*minor = 0;
	return check_gpu(d);
}

API(nvmlDeviceGetMemoryInfo, void *d, void *info)
{
	uint64_t total = TOTAL_MIB, used = 600;

	if (kind_of(d) == IS_CI) {
		total = ((struct ci *)d)->gi->profile->mib;
		used = 44;
	} else if (check_gpu(d) != OK) {
		return check_gpu(d);
	}
	put64(info, 0, total << 20);
	put64(info, 8, (total - used) << 20);
	put64(info, 16, used << 20);
	return OK;
}

/* The unversioned list has 16-byte rows: nobody may take it for the present one. */
API(nvmlDeviceGetComputeRunningProcesses, void *d, unsigned *count, void *rows)
{
	(void)d;
	(void)rows;
	*count = 0xDEAD;
	return OK;
}

API(nvmlDeviceGetCurrentClocksThrottleReasons, void *d, uint64_t *reasons)
{
	*reasons = 0x40;
	return check_gpu(d);
}

#ifndef OLD_DRIVER
API(nvmlInitWithFlags, unsigned flags)
{
	if (flags & ~7u)
		return INVALID;
	gpu.inits++;
	return OK;
}

API(nvmlDeviceGetUtilizationRates, void *d, void *rates)
{
	put32(rates, 0, 41);
	put32(rates, 4, 17);
	return check_gpu(d);
}

API(nvmlDeviceGetClockInfo, void *d, unsigned type, unsigned *mhz)
{
	*mhz = type == 2 ? 3201 : 1980;
	return check_gpu(d);
}

API(nvmlGpmQueryDeviceSupport, void *d, void *support)
{
	uint32_t version;

	memcpy(&version, support, sizeof(version));
	put32(support, 4, 1);
	return version == 1 ? check_gpu(d) : INVALID;
}

/* The array has 333 entries in the edition that this follows; all of it must be there. */
API(nvmlGpmMetricsGet, void *metrics)
{
	uint32_t n;

	memcpy(&n, (char *)metrics + 4, sizeof(n));
	for (uint32_t i = 0; i < n; i++) {
		char *m = (char *)metrics + 24 + 40 * i;
		double value = 12.5 * (i + 1);

		put32(m, 4, i == 1 ? NOT_SUPPORTED : OK);
		memcpy(m + 8, &value, sizeof(value));
	}
	put64(metrics, 24 + 332 * 40 + 8, 7);
	return OK;
}

API(nvmlDeviceGetFieldValues, void *d, int n, void *values)
{
	if (check_gpu(d) != OK)
		return check_gpu(d);
	for (int i = 0; i < n; i++) {
		char *v = (char *)values + 40 * i;
		uint32_t field;

		memcpy(&field, v, sizeof(field));
		put32(v, 28, field == 184 ? OK : NOT_SUPPORTED);
		if (field != 184)
			continue;
		put64(v, 8, 1700000000000000);
		put64(v, 16, 12);
		put32(v, 24, 1); /* unsigned int */
		put32(v, 32, 1);
	}
	return OK;
}

API(nvmlDeviceGetTotalEnergyConsumption, void *d, uint64_t *mj)
{
	*mj = 123456789;
	return check_gpu(d);
}

API(nvmlDeviceGetComputeRunningProcesses_v3, void *d, unsigned *count, void *rows)
{
	(void)rows;
	*count = 0;
	return kind_of(d) == IS_CI ? OK : check_gpu(d);
}

API(nvmlDeviceGetGraphicsRunningProcesses_v3, void *d, unsigned *count, void *rows)
{
	return nvmlDeviceGetComputeRunningProcesses_v3(d, count, rows);
}

API(nvmlDeviceGetMPSComputeRunningProcesses_v3, void *d, unsigned *count, void *rows)
{
	return nvmlDeviceGetComputeRunningProcesses_v3(d, count, rows);
}

/* An ordinary driver has the vGPU calls and refuses them. */
API(nvmlDeviceGetHostVgpuMode, void *d, unsigned *mode)
{
	*mode = 0;
	return check_gpu(d) == OK ? NOT_SUPPORTED : check_gpu(d);
}

API(nvmlDeviceGetSupportedVgpus, void *d, unsigned *count, unsigned *types)
{
	(void)types;
	*count = 0;
	return check_gpu(d) == OK ? NOT_SUPPORTED : check_gpu(d);
}
#endif

/* --- MIG: mode and profiles --- */

API(nvmlDeviceGetMigMode, void *d, unsigned *current, unsigned *pending)
{
	*current = *pending = gpu.mig;
	return check_gpu(d);
}

API(nvmlDeviceSetMigMode, void *d, unsigned mode, unsigned *activation)
{
	struct usage u = usage_of(NULL);

	if (check_gpu(d) != OK || mode > 1)
		return check_gpu(d) != OK ? check_gpu(d) : INVALID;
	*activation = u.slots && mode != gpu.mig ? IN_USE : OK;
	if (*activation == OK)
		gpu.mig = mode;
	return OK;
}

/* Index to profile with the errors of a real board. */
static unsigned find_profile(void *d, unsigned index, const struct profile **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		if (profiles[i].index == index)
			*ret = &profiles[i];
	}
	if (check_gpu(d) != OK || *ret)
		return check_gpu(d);
	return index < 17 ? NOT_SUPPORTED : INVALID;
}

/* The numbers that both editions of the struct have in the same order. */
static void put_profile(void *info, size_t at, const struct profile *p)
{
	const uint32_t v[] = {p->id, 0, p->slices, p->max, p->sms, p->copy, p->decoders, 0, p->jpeg, p->ofa};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		put32(info, at + 4 * i, v[i]);
}

API(nvmlDeviceGetGpuInstanceProfileInfo, void *d, unsigned index, void *info)
{
	const struct profile *p;
	unsigned r = find_profile(d, index, &p);

	if (r != OK)
		return r;
	put_profile(info, 0, p);
	put64(info, 40, p->mib);
	return OK;
}

#ifndef OLD_DRIVER
API(nvmlDeviceGetGpuInstanceProfileInfoV, void *d, unsigned index, void *info)
{
	const struct profile *p;
	unsigned r = find_profile(d, index, &p);
	uint32_t version;

	memcpy(&version, info, sizeof(version));
	if (r != OK || version != 0x02000098)
		return r != OK ? r : INVALID;
	put_profile(info, 4, p);
	put64(info, 48, p->mib);
	memset((char *)info + 56, 0, 96);
	memcpy((char *)info + 56, p->name, strlen(p->name));
	return OK;
}
#endif

API(V2(nvmlDeviceGetGpuInstancePossiblePlacements), void *d, unsigned id, void *placements, unsigned *count)
{
	const struct profile *p = by_id(id);

	if (check_gpu(d) != OK || !p)
		return check_gpu(d) != OK ? check_gpu(d) : INVALID;
	for (unsigned i = 0; placements && i < p->n; i++) {
		put32(placements, 8 * i, p->starts[i]);
		put32(placements, 8 * i + 4, p->size);
	}
	*count = p->n;
	return OK;
}

API(nvmlDeviceGetGpuInstanceRemainingCapacity, void *d, unsigned id, unsigned *count)
{
	const struct profile *p = by_id(id);

	if (check_gpu(d) != OK || !p)
		return check_gpu(d) != OK ? check_gpu(d) : INVALID;
	*count = remaining(p);
	return OK;
}

/* --- GPU instances --- */

static unsigned make_gi(const struct profile *p, unsigned start, void **ret)
{
	/* Ids come from a size class: whole 0, half 1-2, quarter 3-6, eighth 7-14. */
	unsigned first = p->size == 8 ? 0 : p->size == 4 ? 1 : p->size == 2 ? 3 : 7;

	for (unsigned id = first; id < first + SLOTS / p->size; id++) {
		struct gi *g = &gpu.gis[id];

		if (g->is_used)
			continue;
		*g = (struct gi){.kind = IS_GI, .id = id, .start = start, .is_used = true, .profile = p};
		*ret = g;
		return OK;
	}
	return NO_RESOURCES;
}

static unsigned check_create(void *d, const struct profile *p)
{
	if (check_gpu(d) != OK)
		return check_gpu(d);
	return !gpu.mig ? NOT_SUPPORTED : !p ? INVALID : OK;
}

API(nvmlDeviceCreateGpuInstance, void *d, unsigned id, void **gi)
{
	const struct profile *p = by_id(id);
	unsigned r = check_create(d, p);
	struct usage u = usage_of(p);

	if (r != OK)
		return r;
	/* The driver's own choice is from the far end. */
	for (unsigned i = p->n; i > 0; i--) {
		if (fits(p, &u, p->starts[i - 1]))
			return make_gi(p, p->starts[i - 1], gi);
	}
	return NO_RESOURCES;
}

#ifndef OLD_DRIVER
API(nvmlDeviceCreateGpuInstanceWithPlacement, void *d, unsigned id, const void *placement, void **gi)
{
	const struct profile *p = by_id(id);
	unsigned r = check_create(d, p);
	struct usage u = usage_of(p);
	uint32_t at[2];

	memcpy(at, placement, sizeof(at));
	if (r != OK)
		return r;
	for (unsigned i = 0; i < p->n; i++) {
		if (p->starts[i] == at[0] && p->size == at[1])
			return fits(p, &u, at[0]) ? make_gi(p, at[0], gi) : NO_RESOURCES;
	}
	return INVALID;
}
#endif

API(nvmlDeviceGetGpuInstances, void *d, unsigned id, void **array, unsigned *count)
{
	unsigned n = 0;

	if (check_create(d, by_id(id)) != OK)
		return check_create(d, by_id(id));
	for (unsigned i = 0; i < MAX_GI; i++) {
		if (gpu.gis[i].is_used && gpu.gis[i].profile->id == id)
			array[n++] = &gpu.gis[i];
	}
	*count = n;
	return OK;
}

API(nvmlDeviceGetGpuInstanceById, void *d, unsigned id, void **gi)
{
	if (check_gpu(d) != OK || id >= MAX_GI || !gpu.gis[id].is_used)
		return check_gpu(d) != OK ? check_gpu(d) : NOT_FOUND;
	*gi = &gpu.gis[id];
	return OK;
}

static struct gi *gi_of(void *handle)
{
	return gpu.inits && kind_of(handle) == IS_GI && ((struct gi *)handle)->is_used ? handle : NULL;
}

API(nvmlGpuInstanceGetInfo, void *handle, void *info)
{
	const struct gi *g = gi_of(handle);

	if (!g)
		return INVALID;
	put_handle(info, 0, &gpu);
	put32(info, 8, g->id);
	put32(info, 12, g->profile->id);
	put32(info, 16, g->start);
	put32(info, 20, g->profile->size);
	return OK;
}

API(nvmlGpuInstanceDestroy, void *handle)
{
	struct gi *g = gi_of(handle);

	if (!g)
		return INVALID;
	for (unsigned i = 0; i < MAX_CI; i++) {
		if (g->cis[i].is_used)
			return IN_USE;
	}
	memset(g, 0, sizeof(*g));
	return OK;
}

/* --- compute instances --- */

/* Slices of a compute profile inside this instance; 0: there is none. */
static unsigned ci_slices(const struct gi *g, unsigned index)
{
	static const unsigned slices[] = {1, 2, 3, 4, 7, 8, 6, 1};
	unsigned n = index < 8 ? slices[index] : 0;

	/* One slice with double memory (1_SLICE_REV2) has the profile 1_SLICE_REV1 instead of 1_SLICE. */
	if (g->profile->index == 9 ? index == 0 : index == 7)
		return 0;
	if (n == 6 || (n == 3 && g->profile->slices == 4))
		return 0;
	return n <= g->profile->slices ? n : 0;
}

static unsigned ci_free(const struct gi *g, unsigned slices)
{
	unsigned used = 0;

	for (unsigned i = 0; i < MAX_CI; i++)
		used += g->cis[i].is_used ? g->cis[i].slices : 0;
	return (g->profile->slices - used) / slices;
}

static unsigned ci_sms(const struct gi *g, unsigned slices)
{
	return g->profile->sms * slices / g->profile->slices;
}

API(nvmlGpuInstanceGetComputeInstanceProfileInfo, void *handle, unsigned index, unsigned engine, void *info)
{
	const struct gi *g = gi_of(handle);
	unsigned n;

	if (!g || engine || index >= 9)
		return INVALID;
	n = ci_slices(g, index);
	if (!n)
		return NOT_SUPPORTED;
	const uint32_t v[] = {index,
	                      n,
	                      g->profile->slices / n,
	                      ci_sms(g, n),
	                      g->profile->copy,
	                      g->profile->decoders,
	                      0,
	                      g->profile->jpeg,
	                      g->profile->ofa};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		put32(info, 4 * i, v[i]);
	return OK;
}

API(nvmlGpuInstanceGetComputeInstanceRemainingCapacity, void *handle, unsigned id, unsigned *count)
{
	const struct gi *g = gi_of(handle);
	unsigned n = g ? ci_slices(g, id) : 0;

	if (!n)
		return g ? NOT_SUPPORTED : INVALID;
	*count = ci_free(g, n);
	return OK;
}

API(nvmlGpuInstanceCreateComputeInstance, void *handle, unsigned id, void **ci)
{
	struct gi *g = gi_of(handle);
	unsigned n = g ? ci_slices(g, id) : 0, taken = 0, start = 0;

	if (!n)
		return g ? NOT_SUPPORTED : INVALID;
	for (unsigned i = 0; i < MAX_CI; i++)
		taken |= g->cis[i].is_used ? ((1u << g->cis[i].slices) - 1) << g->cis[i].start : 0;
	while (start + n <= g->profile->slices && (taken >> start & ((1u << n) - 1)))
		start++;
	if (start + n > g->profile->slices)
		return NO_RESOURCES;
	for (unsigned i = 0; i < MAX_CI; i++) {
		struct ci *c = &g->cis[i];

		if (c->is_used)
			continue;
		*c = (struct ci){IS_CI, i, id, start, n, true, g};
		*ci = c;
		return OK;
	}
	return NO_RESOURCES;
}

API(nvmlGpuInstanceGetComputeInstances, void *handle, unsigned id, void **array, unsigned *count)
{
	struct gi *g = gi_of(handle);
	unsigned n = 0;

	if (!g)
		return INVALID;
	for (unsigned i = 0; i < MAX_CI; i++) {
		if (g->cis[i].is_used && g->cis[i].profile == id)
			array[n++] = &g->cis[i];
	}
	*count = n;
	return OK;
}

API(nvmlGpuInstanceGetComputeInstanceById, void *handle, unsigned id, void **ci)
{
	struct gi *g = gi_of(handle);

	if (!g || id >= MAX_CI || !g->cis[id].is_used)
		return g ? NOT_FOUND : INVALID;
	*ci = &g->cis[id];
	return OK;
}

static struct ci *ci_of(void *handle)
{
	return gpu.inits && kind_of(handle) == IS_CI && ((struct ci *)handle)->is_used ? handle : NULL;
}

API(V2(nvmlComputeInstanceGetInfo), void *handle, void *info)
{
	const struct ci *c = ci_of(handle);

	if (!c)
		return INVALID;
	put_handle(info, 0, &gpu);
	put_handle(info, 8, c->gi);
	put32(info, 16, c->id);
	put32(info, 20, c->profile);
#ifndef OLD_DRIVER
	put32(info, 24, c->start);
	put32(info, 28, c->slices);
#endif
	return OK;
}

API(nvmlComputeInstanceDestroy, void *handle)
{
	struct ci *c = ci_of(handle);

	if (!c)
		return INVALID;
	c->is_used = false;
	c->kind = 0;
	return OK;
}

/* --- MIG devices: the handle of one is that of its compute instance --- */

API(nvmlDeviceGetMigDeviceHandleByIndex, void *d, unsigned index, void **mig)
{
	unsigned n = 0;

	if (check_gpu(d) != OK || index >= SLICES)
		return check_gpu(d) != OK ? check_gpu(d) : INVALID;
	for (unsigned i = 0; i < MAX_GI * MAX_CI; i++) {
		struct ci *c = &gpu.gis[i / MAX_CI].cis[i % MAX_CI];

		if (!c->is_used || n++ != index)
			continue;
		*mig = c;
		return OK;
	}
	return NOT_FOUND;
}

API(nvmlDeviceGetGpuInstanceId, void *d, unsigned *id)
{
	const struct ci *c = ci_of(d);

	if (!c)
		return check_gpu(d) == OK ? NOT_SUPPORTED : INVALID;
	*id = c->gi->id;
	return OK;
}

API(nvmlDeviceGetComputeInstanceId, void *d, unsigned *id)
{
	const struct ci *c = ci_of(d);

	if (!c)
		return check_gpu(d) == OK ? NOT_SUPPORTED : INVALID;
	*id = c->id;
	return OK;
}

API(V2(nvmlDeviceGetAttributes), void *d, void *attributes)
{
	const struct ci *c = ci_of(d);

	if (!c)
		return check_gpu(d) == OK ? NOT_SUPPORTED : INVALID;
	put32(attributes, 0, ci_sms(c->gi, c->slices));
	put32(attributes, 4, c->gi->profile->copy);
	put32(attributes, 8, c->gi->profile->decoders);
	put32(attributes, 12, 0);
	put32(attributes, 16, c->gi->profile->jpeg);
	put32(attributes, 20, c->gi->profile->ofa);
	put32(attributes, 24, c->gi->profile->slices);
	put32(attributes, 28, c->slices);
	put64(attributes, 32, c->gi->profile->mib);
	return OK;
}
