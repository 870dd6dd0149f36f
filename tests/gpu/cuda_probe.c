/* SPDX-License-Identifier: MIT */
/*
 * cuda_probe [--hold SECONDS] [--load SECONDS] [--allocate MIB]: a CUDA program for tests on a real GPU. It
 * loads the driver's library at run time, prints how many multiprocessors it sees, adds two vectors and
 * checks every element, and can try to allocate memory (exit 3 when refused), stay on the GPU or keep it
 * busy.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N                    (1 << 20)
#define MULTIPROCESSOR_COUNT 16

static const char ptx[] =
	".version 7.0\n.target sm_52\n.address_size 64\n"
	".visible .entry add(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 n)\n{\n"
	" .reg .pred p; .reg .f32 f<3>; .reg .b32 r<5>; .reg .b64 d<8>;\n"
	" ld.param.u64 d0, [a]; ld.param.u64 d1, [b]; ld.param.u64 d2, [c]; ld.param.u32 r0, [n];\n"
	" mov.u32 r1, %ctaid.x; mov.u32 r2, %ntid.x; mov.u32 r3, %tid.x; mad.lo.s32 r4, r1, r2, r3;\n"
	" setp.ge.u32 p, r4, r0; @p bra done;\n"
	" mul.wide.u32 d3, r4, 4; add.s64 d4, d0, d3; add.s64 d5, d1, d3; add.s64 d6, d2, d3;\n"
	" cvta.to.global.u64 d4, d4; cvta.to.global.u64 d5, d5; cvta.to.global.u64 d6, d6;\n"
	" ld.global.f32 f0, [d4]; ld.global.f32 f1, [d5]; add.f32 f2, f0, f1; st.global.f32 [d6], f2;\n"
	"done: ret;\n}\n";

typedef uint64_t device_pointer;

static struct {
	int (*Init)(unsigned);
	int (*DeviceGet)(int *, int);
	int (*DeviceGetName)(char *, int, int);
	int (*DeviceGetAttribute)(int *, int, int);
	int (*CtxCreate)(void **, unsigned, int);
	int (*MemGetInfo)(size_t *, size_t *);
	int (*MemAlloc)(device_pointer *, size_t);
	int (*MemcpyHtoD)(device_pointer, const void *, size_t);
	int (*MemcpyDtoH)(void *, device_pointer, size_t);
	int (*ModuleLoadData)(void **, const void *);
	int (*ModuleGetFunction)(void **, void *, const char *);
	int (*LaunchKernel)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
	                    void *, void **, void **);
	int (*CtxSynchronize)(void);
} cu;

static void must(int r, const char *what)
{
	if (r) {
		fprintf(stderr, "%s: CUDA error %d\n", what, r);
		exit(1);
	}
}

static void load(void)
{
	static const char *const names[] = {
		"cuInit",          "cuDeviceGet",      "cuDeviceGetName",     "cuDeviceGetAttribute",
		"cuCtxCreate_v2",  "cuMemGetInfo_v2",  "cuMemAlloc_v2",       "cuMemcpyHtoD_v2",
		"cuMemcpyDtoH_v2", "cuModuleLoadData", "cuModuleGetFunction", "cuLaunchKernel",
		"cuCtxSynchronize"};
	void *library = dlopen("libcuda.so.1", RTLD_NOW);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *p = library ? dlsym(library, names[i]) : NULL;

		if (!p) {
			fprintf(stderr, "no %s: %s\n", names[i], dlerror());
			exit(77);
		}
		memcpy((char *)&cu + i * sizeof(void *), &p, sizeof(p));
	}
}

static void add_vectors(device_pointer d[3], void *function, float *host[3])
{
	unsigned n = N;
	void *parameters[] = {&d[0], &d[1], &d[2], &n};

	must(cu.LaunchKernel(function, (N + 255) / 256, 1, 1, 256, 1, 1, 0, NULL, parameters, NULL),
	     "launch");
	must(cu.CtxSynchronize(), "synchronize");
	must(cu.MemcpyDtoH(host[2], d[2], N * sizeof(float)), "copy back");
	for (unsigned i = 0; i < N; i++) {
		if (host[2][i] < host[0][i] + host[1][i] || host[2][i] > host[0][i] + host[1][i]) {
			fprintf(stderr, "element %u is wrong\n", i);
			exit(1);
		}
	}
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* The same addition over and over, without a pause: a steady load. */
static void keep_busy(device_pointer d[3], void *function, double seconds)
{
	unsigned n = N;
	void *parameters[] = {&d[0], &d[1], &d[2], &n};
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (seconds_since(&start) < seconds) {
		for (int i = 0; i < 500; i++)
			must(cu.LaunchKernel(function, (N + 255) / 256, 1, 1, 256, 1, 1, 0, NULL, parameters,
			                     NULL),
			     "launch");
		must(cu.CtxSynchronize(), "synchronize");
	}
}

int main(int argc, char **argv)
{
	double hold = 0, busy = 0;
	size_t allocate = 0, free_bytes, total;
	int device, sms;
	char name[96];
	void *context, *module, *function;
	device_pointer d[3], big;
	float *host[3];
	struct timespec start;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--hold") == 0)
			hold = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--load") == 0)
			busy = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--allocate") == 0)
			allocate = strtoull(argv[i + 1], NULL, 10) << 20;
	}
	load();
	must(cu.Init(0), "init");
	must(cu.DeviceGet(&device, 0), "device");
	must(cu.DeviceGetName(name, sizeof(name), device), "name");
	must(cu.CtxCreate(&context, 0, device), "context");
	must(cu.DeviceGetAttribute(&sms, MULTIPROCESSOR_COUNT, device), "attribute");
	must(cu.MemGetInfo(&free_bytes, &total), "memory");
	must(cu.ModuleLoadData(&module, ptx), "module");
	must(cu.ModuleGetFunction(&function, module, "add"), "function");
	for (int i = 0; i < 3; i++) {
		host[i] = malloc(N * sizeof(float));
		if (!host[i])
			return 1;
		for (unsigned k = 0; k < N; k++)
			host[i][k] = (float)((k * (unsigned)(i + 3)) % 1000);
		must(cu.MemAlloc(&d[i], N * sizeof(float)), "allocate");
		must(cu.MemcpyHtoD(d[i], host[i], N * sizeof(float)), "copy");
	}
	if (allocate && cu.MemAlloc(&big, allocate)) {
		printf("refused %zu MiB\n", allocate >> 20);
		return 3;
	}
	keep_busy(d, function, busy);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		add_vectors(d, function, host);
	while (seconds_since(&start) < hold);
	printf("device '%s' multiprocessors %d free %zu MiB total %zu MiB verified\n", name, sms,
	       free_bytes >> 20, total >> 20);
	return 0;
}
