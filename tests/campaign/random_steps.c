/* SPDX-License-Identifier: MIT */
/*
 * random_steps STATE MODELS STEPS SEED [race]: random create, destroy, hold, refuse and reboot steps on
 * emulated hosts through the public calls; every answer is compared with the independent model, and the
 * partition list with its books. With "race" two processes work on one host at the same time and their books
 * are merged.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "openforbc/openforbc.h"
#include "reference.h"

static unsigned long long rng;
static unsigned long n_created, n_destroyed, n_refused, n_compared, n_held, n_reboots;

static unsigned rnd(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)((rng >> 11) % n);
}

static void die(const struct ref_gpu *g, const char *what, const struct ofbc_error *err)
{
	fprintf(stderr, "DIVERGENCE on %s: %s%s%s\n", g->gpu, what, err ? ": " : "", err ? err->message : "");
	for (unsigned i = 0; i < g->n; i++)
		fprintf(stderr, "  %s %s start %u held %d\n", g->p[i].uuid, g->t[g->p[i].type].key,
		        g->p[i].start, g->p[i].held);
	exit(1);
}

static void step_create(struct ofbc_context *ctx, struct ref_gpu *g)
{
	unsigned t = rnd(g->n_types);
	int start = g->rule == REF_SLOTS && rnd(2) ? (int)rnd(13) : -1;
	struct ofbc_create_request rq = {.gpu = g->gpu, .type = g->t[t].key, .placement = start};
	struct ofbc_partition_list *made = NULL;
	struct ofbc_error err = {0};
	bool expected = g->n < REF_PARTS && ref_possible(g, t, start);
	int r;

	if (g->n == REF_PARTS)
		return;
	r = ofbc_partition_create(ctx, &rq, &made, &err);
	if ((r == 0) != expected)
		die(g, g->t[t].key, r < 0 ? &err : NULL);
	if (r < 0) {
		if (err.reason != OFBC_REASON_NO_CAPACITY && err.reason != OFBC_REASON_USAGE)
			die(g, "refusal with the wrong reason", &err);
		if (!err.hint[0])
			die(g, "refusal without a hint", &err);
		n_refused++;
		return;
	}
	if (start >= 0 && (int)made->v[0].placement.start != start)
		die(g, "other placement than asked for", NULL);
	snprintf(g->p[g->n].uuid, sizeof(g->p[0].uuid), "%s", made->v[0].uuid);
	g->p[g->n].type = t;
	g->p[g->n].start = made->v[0].placement.start;
	g->p[g->n].held = false;
	g->n++;
	if (!ref_is_legal(g))
		die(g, "illegal state after create", NULL);
	ofbc_partition_list_free(made);
	n_created++;
}

static void step_destroy(struct ofbc_context *ctx, struct ref_gpu *g)
{
	unsigned i = g->n ? rnd(g->n) : 0;
	const char *uuid = g->n ? g->p[i].uuid : "00000000-0000-4000-8000-000000000000";
	struct ofbc_error err = {0};
	int r = ofbc_partition_destroy(ctx, &uuid, 1, 0, NULL, &err);

	if (g->n == 0) {
		if (r != -ENOENT || err.reason != OFBC_REASON_NOT_FOUND)
			die(g, "destroy of nothing", &err);
		n_refused++;
		return;
	}
	if (g->p[i].held) {
		if (r != -EBUSY || err.reason != OFBC_REASON_IN_USE || !strstr(err.message, "tester"))
			die(g, "destroy of a held one", &err);
		n_refused++;
		return;
	}
	if (r < 0)
		die(g, "destroy", &err);
	g->p[i] = g->p[--g->n];
	n_destroyed++;
}

static void step_hold(struct ofbc_context *ctx, struct ref_gpu *g)
{
	unsigned i;
	struct ofbc_error err = {0};

	if (!g->n)
		return;
	i = rnd(g->n);
	if (ofbc_host_hold(ctx, g->p[i].uuid, "tester", g->p[i].held ? 0 : 4242, &err) < 0)
		die(g, "hold", &err);
	g->p[i].held = !g->p[i].held;
	n_held++;
}

static void compare(struct ofbc_context *ctx, const struct ref_gpu *g)
{
	struct ofbc_partition_list *l = NULL;
	struct ofbc_error err = {0};
	unsigned found = 0;

	if (ofbc_partition_list(ctx, g->gpu, &l, &err) < 0)
		die(g, "list", &err);
	for (size_t i = 0; i < l->n; i++) {
		const struct ofbc_partition *p = &l->v[i];
		unsigned k = 0;

		while (k < g->n && strcmp(g->p[k].uuid, p->uuid) != 0)
			k++;
		if (k == g->n)
			die(g, "a partition nobody made", NULL);
		if (strcmp(p->type, g->t[g->p[k].type].key) != 0 || p->placement.start != g->p[k].start ||
		    !p->is_ours || (p->state == OFBC_PARTITION_IN_USE) != g->p[k].held ||
		    p->state == OFBC_PARTITION_LOST)
			die(g, p->uuid, NULL);
		found++;
	}
	if (found != g->n)
		die(g, "partitions are missing", NULL);
	ofbc_partition_list_free(l);
	n_compared++;
}

static void forget_all(struct ofbc_context *ctx, struct ref_gpu *g)
{
	struct ofbc_error err = {0};

	for (unsigned i = 0; i < g->n; i++) {
		if (g->p[i].held && ofbc_host_hold(ctx, g->p[i].uuid, "tester", 0, &err) < 0)
			die(g, "release", &err);
	}
	g->n = 0;
}

/* Everything is gone after a reboot, and the records say "lost" until they are forgotten. */
static void step_reboot(struct ofbc_context *ctx, struct ref_gpu *gpus, unsigned n)
{
	struct ofbc_error err = {0};

	for (unsigned i = 0; i < n; i++)
		forget_all(ctx, &gpus[i]);
	if (ofbc_host_reboot(ctx, &err) < 0)
		die(&gpus[0], "reboot", &err);
	if (ofbc_partition_destroy(ctx, NULL, 0, OFBC_DESTROY_ALL, NULL, &err) < 0)
		die(&gpus[0], "forgetting lost ones", &err);
	for (unsigned i = 0; i < n; i++) {
		if (gpus[i].rule == REF_EQUAL && ofbc_gpu_enable(ctx, gpus[i].gpu, "vgpu", 0, &err) < 0)
			die(&gpus[i], "enable", &err);
	}
	n_reboots++;
}

static struct ofbc_context *open_host(const char *state, const char *host)
{
	struct ofbc_options o = {.state_dir = state, .host = host};
	struct ofbc_context *ctx = NULL;
	struct ofbc_error err = {0};

	if (ofbc_context_new(&ctx, &o, &err) < 0) {
		fprintf(stderr, "%s: %s\n", host, err.message);
		exit(1);
	}
	return ctx;
}

/* One host with one board of each of these kinds. */
static const char *const boards[] = {
	"A30-24GB",   "A100-40GB",   "A100-80GB",       "H100-80GB-SXM",   "H100-80GB-PCIe", "H100-94GB",
	"GH200-96GB", "GH200-144GB", "H200-141GB-SXM",  "H200-141GB-NVL",  "B200-180GB",     "GB200-186GB",
	"B300-270GB", "GB300-278GB", "RTX-PRO-6000-BW", "RTX-PRO-5000-BW", "RTX-PRO-4500-BW"};

static void add_vgpu(struct ofbc_context *ctx, struct ref_gpu *g)
{
	struct ofbc_type_list *l = NULL;
	struct ofbc_error err = {0};

	g->rule = REF_EQUAL;
	if (ofbc_gpu_enable(ctx, g->gpu, "vgpu", 0, &err) < 0 ||
	    ofbc_type_list(ctx, g->gpu, "vgpu", &l, &err) < 0)
		die(g, "vgpu", &err);
	for (size_t i = 0; i < l->n && g->n_types < REF_TYPES; i++) {
		struct ref_type *t = &g->t[g->n_types++];

		snprintf(t->key, sizeof(t->key), "%s", l->v[i].key);
		t->weight = (unsigned)(l->v[i].memory_bytes >> 20);
		t->max = l->v[i].max;
	}
	ofbc_type_list_free(l);
}

static void add_pool(struct ref_gpu *g, const char *const *keys, const unsigned *weights, unsigned n,
                     unsigned pool)
{
	g->rule = REF_POOL;
	g->pool = pool;
	for (; g->n_types < n; g->n_types++) {
		snprintf(g->t[g->n_types].key, sizeof(g->t[0].key), "%s", keys[g->n_types]);
		g->t[g->n_types].weight = weights[g->n_types];
	}
}

/* MIG boards of a generated host, or the vGPU, mdev and CPU parts of the mixed host. */
static unsigned build(const char *state, const char *models, unsigned which, struct ref_gpu *gpus,
                      struct ofbc_context **ret)
{
	static const char *const mbochs[] = {"mdev:mbochs-small", "mdev:mbochs-medium", "mdev:mbochs-large"};
	static const char *const cores[] = {"cpu:1c", "cpu:3c", "cpu:8c"};
	char path[600], host[700];
	unsigned n = 0;
	FILE *f;

	memset(gpus, 0, 4 * sizeof(*gpus));
	if (which % 8 == 7) {
		*ret = open_host(state, "emulated:mixed");
		snprintf(gpus[0].gpu, sizeof(gpus[0].gpu), "l40s-0");
		add_vgpu(*ret, &gpus[0]);
		snprintf(gpus[1].gpu, sizeof(gpus[1].gpu), "mbochs");
		add_pool(&gpus[1], mbochs, (const unsigned[]){4, 16, 64}, 3, 256);
		snprintf(gpus[2].gpu, sizeof(gpus[2].gpu), "cpu");
		add_pool(&gpus[2], cores, (const unsigned[]){1, 3, 8}, 3, 16);
		return 3;
	}
	snprintf(path, sizeof(path), "%s/boards-%u.json", state, which);
	f = fopen(path, "w");
	if (!f)
		exit(1);
	fprintf(f, "{\"name\":\"boards-%u\",\"driver\":\"580.95.05\",\"gpus\":[", which);
	for (unsigned i = 0; i < 3; i++) {
		const char *key = boards[(which * 3 + i) % 17];
		char model[600];

		fprintf(f, "%s{\"model\":\"%s\",\"count\":1}", i ? "," : "", key);
		snprintf(model, sizeof(model), "%s/%s.json", models, key);
		if (!ref_read_board(&gpus[n], model))
			exit(1);
		snprintf(gpus[n].gpu, sizeof(gpus[n].gpu), "%u", i);
		n++;
	}
	fprintf(f, "]}\n");
	fclose(f);
	snprintf(host, sizeof(host), "emulated:%s", path);
	*ret = open_host(state, host);
	for (unsigned i = 0; i < n; i++) {
		struct ofbc_error err = {0};

		if (ofbc_gpu_enable(*ret, gpus[i].gpu, "mig", OFBC_MODE_RESET, &err) < 0)
			die(&gpus[i], "enable", &err);
	}
	return n;
}

static void run_steps(const char *state, const char *models, unsigned long steps)
{
	struct ref_gpu gpus[4];
	unsigned long done = 0;

	for (unsigned which = 0; done < steps; which++) {
		struct ofbc_context *ctx;
		unsigned n = build(state, models, which, gpus, &ctx);

		for (unsigned i = 0; i < (which % 8 == 7 ? 40 : 400) && done < steps; i++, done++) {
			struct ref_gpu *g = &gpus[rnd(n)];
			unsigned what = rnd(100);

			if (what < 50)
				step_create(ctx, g);
			else if (what < 88)
				step_destroy(ctx, g);
			else if (what < 95)
				step_hold(ctx, g);
			else if (what < 99 || which % 8 != 7)
				compare(ctx, g);
			else
				step_reboot(ctx, gpus, n);
		}
		for (unsigned i = 0; i < n; i++) {
			compare(ctx, &gpus[i]);
			forget_all(ctx, &gpus[i]);
		}
		struct ofbc_error err = {0};

		if (ofbc_partition_destroy(ctx, NULL, 0, OFBC_DESTROY_ALL, NULL, &err) < 0)
			die(&gpus[0], "destroy --all", &err);
		ofbc_context_free(ctx);
	}
}

/* A racer tolerates refusals, because the other one takes room, but never a broken host. */
static int racer(const char *state, const char *host, unsigned steps, int fd)
{
	struct ofbc_context *ctx = open_host(state, host);
	char mine[16][37];
	unsigned n = 0;

	for (unsigned i = 0; i < steps; i++) {
		struct ofbc_error err = {0};

		if (n < 16 && rnd(2)) {
			static const char *const types[] = {"mig:1g.18gb", "mig:2g.35gb", "mig:3g.71gb",
			                                    "mig:1g.35gb"};
			struct ofbc_create_request rq = {.gpu = "0", .type = types[rnd(4)], .placement = -1};
			struct ofbc_partition_list *made = NULL;
			int r = ofbc_partition_create(ctx, &rq, &made, &err);

			if (r == 0)
				memcpy(mine[n++], made->v[0].uuid, 37);
			else if (err.reason != OFBC_REASON_NO_CAPACITY) {
				fprintf(stderr, "race: create: %s\n", err.message);
				return 1;
			}
			ofbc_partition_list_free(made);
		} else if (n) {
			unsigned k = rnd(n);
			const char *spec = mine[k];

			if (ofbc_partition_destroy(ctx, &spec, 1, 0, NULL, &err) < 0) {
				fprintf(stderr, "race: destroy: %s\n", err.message);
				return 1;
			}
			memcpy(mine[k], mine[--n], 37);
		}
	}
	ofbc_context_free(ctx);
	return write(fd, mine, n * 37) == (ssize_t)(n * 37) ? 0 : 1;
}

static int race(const char *state, const char *models, unsigned steps)
{
	struct ref_gpu g = {.gpu = "0"};
	char path[600], uuids[32][37];
	int fds[2], status, bad = 0;
	size_t n = 0;
	struct ofbc_context *ctx = open_host(state, "emulated:h200");
	struct ofbc_partition_list *l = NULL;
	struct ofbc_error err = {0};

	snprintf(path, sizeof(path), "%s/H200-141GB-SXM.json", models);
	if (pipe(fds) < 0 || !ref_read_board(&g, path) || ofbc_gpu_enable(ctx, "0", "mig", 0, &err) < 0)
		die(&g, "race", &err);
	for (int i = 0; i < 2; i++) {
		if (fork() == 0) {
			rng += (unsigned)i * 7919u + 1;
			_exit(racer(state, "emulated:h200", steps, fds[1]));
		}
	}
	for (int i = 0; i < 2; i++) {
		wait(&status);
		bad |= status;
	}
	close(fds[1]);
	while (n < 32 && read(fds[0], uuids[n], 37) == 37)
		n++;
	if (bad || ofbc_partition_list(ctx, NULL, &l, &err) < 0)
		die(&g, "race", &err);
	for (size_t i = 0; i < l->n; i++) {
		unsigned t = 0, k = 0;

		while (k < n && strcmp(uuids[k], l->v[i].uuid) != 0)
			k++;
		while (t < g.n_types && strcmp(g.t[t].key, l->v[i].type) != 0)
			t++;
		if (k == n || t == g.n_types)
			die(&g, "race: a partition nobody claims", NULL);
		g.p[g.n].type = t;
		g.p[g.n++].start = l->v[i].placement.start;
	}
	if (g.n != n || !ref_is_legal(&g))
		die(&g, "race: books and host differ", NULL);
	ofbc_partition_list_free(l);
	if (ofbc_partition_destroy(ctx, NULL, 0, OFBC_DESTROY_ALL, NULL, &err) < 0)
		die(&g, "race", &err);
	ofbc_context_free(ctx);
	printf("race: 2 processes x %u steps, %zu partitions at the end, books agree\n", steps, n);
	return 0;
}

int main(int argc, char **argv)
{
	struct timespec a, b;
	double s;

	if (argc < 5) {
		fprintf(stderr, "usage: random_steps STATE MODELS STEPS SEED [race]\n");
		return 2;
	}
	rng = strtoull(argv[4], NULL, 10) * 2654435761u + 88172645463325252ull;
	if (argc > 5)
		return race(argv[1], argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	clock_gettime(CLOCK_MONOTONIC, &a);
	run_steps(argv[1], argv[2], strtoul(argv[3], NULL, 10));
	clock_gettime(CLOCK_MONOTONIC, &b);
	s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	printf("%s steps: %lu created, %lu destroyed, %lu refused, %lu holds, %lu reboots, %lu comparisons of the whole "
	       "list; no divergence; %.0f s, %.0f steps/s\n",
	       argv[3], n_created, n_destroyed, n_refused, n_held, n_reboots, n_compared, s,
	       strtod(argv[3], NULL) / s);
	return 0;
}
