/* SPDX-License-Identifier: MIT */
/*
 * test_contract: what backends/backend.h promises, tried on every technology of the table, on every GPU of
 * three emulated hosts that has it. Prints "N passed, N failed, N skipped" last.
 */
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/backend.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "emulation/machine.h"
#include "lib/inventory.h"
#include "model/capacity.h"
#include "openforbc/openforbc.h"

#define MAX_FAULTS 400

static unsigned n_passed, n_failed, n_skipped;

/* One GPU and one technology of one machine. */
struct subject {
	char dir[64]; /* state of the machine; removed at the end */
	char label[160];
	struct ofbc_context *ctx;
	struct platform *platform;
	struct host host;
	struct ofbc_gpu_list gpus;
	const struct ofbc_gpu *gpu;
	const struct backend_ops *ops;
	bool ok; /* of the running test */
};

static void complain(struct subject *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void complain(struct subject *s, const char *fmt, ...)
{
	va_list ap;

	printf("  %s: ", s->label);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	s->ok = false;
}

#define CHECK(s, condition, ...)                                                                             \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			complain(s, __VA_ARGS__);                                                            \
	} while (0)

/* --- doors that fail once --- */

static struct {
	const struct platform_ops *real;
	unsigned calls, fail_at; /* fail_at 0: only count */
	char what[128];          /* what was refused */
	char path[256];          /* there, a difference is that refusal's */
} door;

static bool strike(const char *kind, const char *path)
{
	if (++door.calls != door.fail_at)
		return false;
	snprintf(door.what, sizeof(door.what), "%s %s", kind, path);
	snprintf(door.path, sizeof(door.path), "%s =", path);
	return true;
}

static int faulty_write(struct platform *p, const char *path, const char *value, unsigned timeout_ms)
{
	return strike("write", path) ? -EIO : door.real->write(p, path, value, timeout_ms);
}

static int faulty_put(struct platform *p, const char *path, const char *content)
{
	return strike("put", path) ? -EIO : door.real->put(p, path, content);
}

static int faulty_mkdir(struct platform *p, const char *path)
{
	return strike("mkdir", path) ? -EIO : door.real->mkdir(p, path);
}

static int faulty_run(struct platform *p, const struct command *cmd, struct command_result *ret)
{
	return strike("run", cmd->argv[0]) ? -EIO : door.real->run(p, cmd, ret);
}

static struct platform_ops faulty_ops;

static void doors_break(struct platform *p, unsigned fail_at)
{
	door.real = p->ops;
	door.calls = 0;
	door.fail_at = fail_at;
	faulty_ops = *p->ops;
	faulty_ops.write = faulty_write;
	faulty_ops.put = faulty_put;
	faulty_ops.mkdir = faulty_mkdir;
	faulty_ops.run = faulty_run;
	p->ops = &faulty_ops;
}

/* Returns whether the fault was reached. */
static bool doors_mend(struct platform *p)
{
	p->ops = door.real;
	return door.calls >= door.fail_at;
}

/* The emulated NVML has its own faults: call number n of any function. */
static int nvml_break(struct platform *p, unsigned n)
{
	struct machine *m = machine_of(p);
	char text[64];
	int r = machine_begin(m);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "nvml:*|%u|1|fail|UNKNOWN|0", n);
	r = tree_set(&m->tree, NODE_FILE, ".emu/fault/contract", text);
	tree_remove(&m->tree, ".emu/faulthits/contract");
	return machine_end(m, r);
}

static bool nvml_mend(struct platform *p, unsigned n)
{
	struct machine *m = machine_of(p);
	bool reached;

	if (machine_begin(m) < 0)
		return false;
	reached = tree_get_u(&m->tree, 0, ".emu/faulthits/contract") >= n;
	tree_remove(&m->tree, ".emu/fault/contract");
	tree_remove(&m->tree, ".emu/faulthits/contract");
	(void)machine_end(m, 0);
	return reached;
}

/* --- machines --- */

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void subject_close(struct subject *s)
{
	host_done(&s->host);
	free(s->gpus.v);
	ofbc_context_free(s->ctx);
	if (s->dir[0])
		nftw(s->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Looks at the machine anew, as the next command would. */
static int look_again(struct subject *s)
{
	char id[sizeof(s->gpu->id)] = "";
	int r;

	if (s->gpu)
		snprintf(id, sizeof(id), "%s", s->gpu->id);
	host_done(&s->host);
	free(s->gpus.v);
	s->gpus = (struct ofbc_gpu_list){0};
	s->gpu = NULL;
	s->host = (struct host){.platform = s->platform};
	r = host_discover(&s->host, true, true, &s->gpus, NULL);
	s->host.gpus = &s->gpus;
	for (size_t i = 0; r == 0 && i < s->gpus.n; i++) {
		if (strcmp(s->gpus.v[i].id, id) == 0)
			s->gpu = &s->gpus.v[i];
	}
	return r < 0 ? r : id[0] && !s->gpu ? -ENODEV : 0;
}

static int subject_open(struct subject *s, const char *host)
{
	char spec[64];
	struct ofbc_options options = {.host = spec, .state_dir = s->dir};

	*s = (struct subject){.dir = "/tmp/openforbc-contract-XXXXXX", .ok = true};
	snprintf(spec, sizeof(spec), "emulated:%s", host);
	if (!mkdtemp(s->dir))
		return -errno;
	if (ofbc_context_new(&s->ctx, &options, NULL) < 0)
		return -EIO;
	s->platform = s->ctx->platform;
	return look_again(s);
}

/* The whole machine as text, without what only counts (faults and running numbers) and the options that a
 * module was last loaded with. */
static char *snapshot(struct subject *s)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(64 << 20);
	_cleanup_free_ char *text = NULL;
	char *copy = NULL;

	if (machine_refresh(machine_of(s->platform)) < 0 ||
	    tree_print(&machine_of(s->platform)->tree, &text) < 0)
		return NULL;
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n") + 1;

		if (strncmp(line, ".emu/fault", 10) != 0 && strncmp(line, ".emu/next", 9) != 0 &&
		    strncmp(line, ".emu/module", 11) != 0)
			strbuf_addn(&b, line, len);
		line += len;
	}
	return strbuf_take(&b, &copy) < 0 ? NULL : copy;
}

/* Says where two snapshots part; each by its first line that the other lacks. */
static void check_same(struct subject *s, const char *before, const char *when)
{
	_cleanup_free_ char *now = snapshot(s);
	const char *a = before, *b = now;

	if (!a || !b || strcmp(a, b) == 0) {
		CHECK(s, a && b, "no snapshot %s", when);
		return;
	}
	while (*a && *b) {
		size_t n = strcspn(a, "\n") + 1, m = strcspn(b, "\n") + 1, k = strlen(door.path);
		bool refused = k && strncmp(a, door.path, k) == 0 && strncmp(b, door.path, k) == 0;

		if (!refused && (n != m || memcmp(a, b, n) != 0))
			break;
		a += n;
		b += m;
	}
	if (!*a && !*b)
		return;
	complain(s, "the host is not as before %s: '%.*s' became '%.*s'", when, (int)strcspn(a, "\n"), a,
	         (int)strcspn(b, "\n"), b);
}

/* --- partitions through the backend alone --- */

static int list(struct subject *s, struct ofbc_partition_list *ret)
{
	*ret = (struct ofbc_partition_list){0};
	return s->ops->list_partitions(&s->host, s->gpu, ret, NULL);
}

static int make(struct subject *s, const struct ofbc_type_list *types, const struct capacity *cap,
                const struct ofbc_type *t, uint64_t memory, struct ofbc_partition_list *ret,
                struct ofbc_error *err)
{
	struct usage none = {0};
	struct ofbc_placement at = {0};
	char uuid[UUID_STR_MAX];
	struct create_args args = {
		.type = t, .param = t->param_min, .placement = -1, .uuid = uuid, .memory_bytes = memory};

	if (uuid_generate(uuid) < 0)
		return -EIO;
	if (t->n_placements) {
		if (capacity_choose(cap, &none, t, types, &at) < 0)
			return -ENOSPC;
		args.placement = (int)at.start;
	}
	return s->ops->create(&s->host, s->gpu, &args, ret, err);
}

static size_t find_device(const struct ofbc_partition_list *l, const char *device)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += strcmp(l->v[i].device, device) == 0;
	return n;
}

/* Units vanish with their first member. */
static int unmake(struct subject *s, const struct ofbc_partition_list *made, struct ofbc_error *err)
{
	int r = 0;

	for (size_t i = made->n; r == 0 && i-- > 0;) {
		if ((s->ops->caps & BACKEND_UNIT) && i > 0)
			continue;
		r = s->ops->destroy(&s->host, s->gpu, &made->v[i], err);
	}
	return r;
}

static bool can_be_made(const struct ofbc_type *t, const struct capacity *cap)
{
	struct usage none = {0};

	return !t->why_not[0] && t->max > 0 && capacity_free(cap, &none, t) > 0;
}

/* --- the tests --- */

static void test_metadata(struct subject *s)
{
	const struct backend_ops *o = s->ops;

	CHECK(s, o->name && o->name[0] && strspn(o->name, "abcdefghijklmnopqrstuvwxyz") == strlen(o->name),
	      "the name is no word");
	CHECK(s, o->title && o->title[0], "no title");
	CHECK(s, o->probe && o->list_types && o->list_partitions, "a mandatory operation is missing");
	CHECK(s, backend_find(o->name) == o, "backend_find() finds another one");
	CHECK(s, !o->create == !o->destroy, "create without destroy, or the other way round");
	CHECK(s, !o->destroy || o->holders, "can destroy but does not know holders");
	CHECK(s, !o->confine || (o->caps & BACKEND_PROCESS), "confine() without BACKEND_PROCESS");
	CHECK(s, !(o->caps & BACKEND_PROCESS) || o->env, "BACKEND_PROCESS without env()");
	CHECK(s, o->caps & (BACKEND_PROCESS | BACKEND_GUEST), "of no use to processes nor guests");
}

static void test_probe(struct subject *s)
{
	_cleanup_free_ char *before = snapshot(s);
	struct ofbc_technology a = {0}, b = {0};
	struct ofbc_error err = {0};
	int r = s->ops->probe(&s->host, s->gpu, &a, &err), q = s->ops->probe(&s->host, s->gpu, &b, &err);

	CHECK(s, r == 1 && q == 1, "probe says %d, then %d: %s", r, q, err.message);
	CHECK(s, a.state == b.state && strcmp(a.reason, b.reason) == 0, "probe changes its mind");
	CHECK(s, a.state == OFBC_TECHNOLOGY_READY || a.reason[0], "not ready, and no reason");
	check_same(s, before, "after probe");
}

static void check_type(struct subject *s, const struct ofbc_type *t, const struct capacity *cap)
{
	size_t n = strlen(s->ops->name);

	CHECK(s, strncmp(t->key, s->ops->name, n) == 0 && t->key[n] == ':' && t->key[n + 1],
	      "key '%s' does not begin with '%s:'", t->key, s->ops->name);
	CHECK(s, t->is_parametric == (strstr(t->key, "NN") != NULL), "%s: parametric or not?", t->key);
	CHECK(s, !t->is_parametric || (t->param_min >= 1 && t->param_min <= t->param_max), "%s: range %u..%u",
	      t->key, t->param_min, t->param_max);
	CHECK(s, t->compute_share >= 0 && t->compute_share <= 1, "%s: share %f", t->key, t->compute_share);
	CHECK(s, t->unit_count <= 1 || (s->ops->caps & BACKEND_UNIT), "%s: a unit without BACKEND_UNIT",
	      t->key);
	for (size_t i = 0; i < t->n_placements; i++) {
		const struct ofbc_placement *p = &t->placements[i];

		CHECK(s, p->size > 0 && p->start + p->size <= cap->n_slots,
		      "%s: placement %u:%u outside of %u slots", t->key, p->start, p->size, cap->n_slots);
		CHECK(s, i == 0 || t->placements[i - 1].start < p->start, "%s: placements not in order",
		      t->key);
	}
	for (size_t i = cap->n_counters; i < OFBC_MAX_COUNTERS; i++)
		CHECK(s, t->draws[i] == 0, "%s: draws from a counter that is not there", t->key);
}

static void test_types(struct subject *s)
{
	_cleanup_free_ char *before = snapshot(s);
	struct ofbc_type_list types = {0};
	struct capacity cap = {0};
	struct ofbc_error err = {0};
	int r = s->ops->list_types(&s->host, s->gpu, &types, &cap, &err);

	CHECK(s, r == 0, "list_types: %s", err.message);
	CHECK(s, r < 0 || types.n > 0, "no types at all");
	for (size_t i = 0; i < types.n; i++) {
		check_type(s, &types.v[i], &cap);
		for (size_t k = 0; k < i; k++)
			CHECK(s, strcmp(types.v[i].key, types.v[k].key) != 0, "key '%s' twice",
			      types.v[i].key);
	}
	check_same(s, before, "after list_types");
	free(types.v);
}

static void check_made(struct subject *s, const struct ofbc_type *t, const struct ofbc_partition_list *made)
{
	struct ofbc_partition_list now;

	CHECK(s, made->n == (t->unit_count > 1 ? t->unit_count : 1), "%s: made %zu partitions", t->key,
	      made->n);
	CHECK(s, list(s, &now) == 0, "%s: list_partitions failed", t->key);
	for (size_t i = 0; i < made->n; i++) {
		struct ofbc_holder_list holders = {0};
		const struct ofbc_partition *p = &made->v[i];

		CHECK(s, p->device[0] && p->uuid[0], "%s: no device or no UUID", t->key);
		CHECK(s, find_device(&now, p->device) == 1, "%s: '%s' is listed %zu times", t->key, p->device,
		      find_device(&now, p->device));
		host_forget_open_devices(&s->host);
		CHECK(s, s->ops->holders(&s->host, s->gpu, p, &holders, NULL) == 0 && holders.n == 0,
		      "%s: a fresh partition has holders", t->key);
		holder_list_done(&holders);
	}
	free(now.v);
}

/* Every type: made, listed, unused, destroyed, gone, and the host is as it was. */
static void test_life(struct subject *s)
{
	struct ofbc_type_list types = {0};
	struct capacity cap = {0};

	if (s->ops->list_types(&s->host, s->gpu, &types, &cap, NULL) < 0)
		complain(s, "list_types failed");
	for (size_t i = 0; i < types.n && s->ok; i++) {
		const struct ofbc_type *t = &types.v[i];
		_cleanup_free_ char *before = NULL;
		struct ofbc_partition_list made = {0}, now;
		struct ofbc_error err = {0};

		if (!can_be_made(t, &cap))
			continue;
		before = snapshot(s);
		if (make(s, &types, &cap, t, t->is_parametric ? GIB : 0, &made, &err) < 0) {
			complain(s, "create %s: %s", t->key, err.message);
		} else {
			check_made(s, t, &made);
			CHECK(s, unmake(s, &made, &err) == 0, "destroy %s: %s", t->key, err.message);
			CHECK(s, list(s, &now) == 0, "list_partitions failed");
			for (size_t k = 0; k < made.n; k++)
				CHECK(s, find_device(&now, made.v[k].device) == 0, "%s stays in the list",
				      made.v[k].device);
			free(now.v);
			check_same(s, before, t->key);
		}
		free(made.v);
	}
	free(types.v);
}

static void test_unknown(struct subject *s)
{
	_cleanup_free_ char *before = snapshot(s);
	struct ofbc_partition ghost = {.uuid = "00000000-0000-4000-8000-000000000000",
	                               .device = "00000000-0000-4000-8000-000000000000",
	                               .handle = "00000000-0000-4000-8000-000000000000"};
	struct ofbc_holder_list holders = {0};
	struct ofbc_error err = {0};
	int r;

	snprintf(ghost.gpu, sizeof(ghost.gpu), "%s", s->gpu->id);
	snprintf(ghost.type, sizeof(ghost.type), "%s:none", s->ops->name);
	(void)s->ops->holders(&s->host, s->gpu, &ghost, &holders, &err);
	CHECK(s, holders.n == 0, "a partition that does not exist has holders");
	holder_list_done(&holders);
	err = (struct ofbc_error){0};
	r = s->ops->destroy(&s->host, s->gpu, &ghost, &err);
	CHECK(s, r >= 0 || (err.code == -r && err.message[0]), "no message, or code %d for %d", err.code, r);
	check_same(s, before, "after the refused destroy");
}

/* One create with the N-th call failing, for N = 1, 2, ... until no call is left. */
static void fault_campaign(struct subject *s, bool nvml)
{
	struct ofbc_type_list types = {0};
	struct capacity cap = {0};
	const struct ofbc_type *t = NULL;

	if (s->ops->list_types(&s->host, s->gpu, &types, &cap, NULL) < 0)
		complain(s, "list_types failed");
	for (size_t i = 0; i < types.n && !t; i++)
		t = can_be_made(&types.v[i], &cap) ? &types.v[i] : NULL;
	for (unsigned n = 1; t && s->ok && n < MAX_FAULTS; n++) {
		_cleanup_free_ char *before = snapshot(s);
		struct ofbc_partition_list made = {0}, now;
		struct ofbc_error err = {0};
		bool reached;
		int r;

		if (nvml)
			(void)nvml_break(s->platform, n);
		else
			doors_break(s->platform, n);
		r = make(s, &types, &cap, t, 0, &made, &err);
		/* What succeeded all the same may lack just what was refused. */
		if (r < 0)
			door.path[0] = '\0';
		reached = nvml ? nvml_mend(s->platform, n) : doors_mend(s->platform);
		snprintf(door.what, sizeof(door.what), "%s %u", nvml ? "NVML call" : door.what, n);
		(void)look_again(s);
		CHECK(s, r == 0 || err.message[0], "%s: failure without a message", door.what);
		CHECK(s, r == 0 || err.code == -r, "%s: code %d for %d", door.what, err.code, r);
		CHECK(s, r == 0 || made.n == 0, "%s: failed, and made %zu", door.what, made.n);
		if (r == 0)
			CHECK(s, unmake(s, &made, &err) == 0, "%s: destroy: %s", door.what, err.message);
		CHECK(s, list(s, &now) == 0 && now.n == 0, "%s: a partition stays behind", door.what);
		free(now.v);
		free(made.v);
		check_same(s, before, door.what);
		door.path[0] = '\0';
		if (!reached)
			break;
	}
	free(types.v);
}

static void test_door_faults(struct subject *s)
{
	fault_campaign(s, false);
}

static void test_nvml_faults(struct subject *s)
{
	fault_campaign(s, true);
}

/* --- the same technology through the library, which keeps the books --- */

/* The type with most room; a parametric one with a third of its range. False: none. */
static bool roomiest(struct subject *s, char key[128])
{
	struct ofbc_type_list *types = NULL;
	const struct ofbc_type *best = NULL;
	const char *nn;

	if (ofbc_type_list(s->ctx, s->gpu->id, s->ops->name, &types, NULL) < 0)
		return false;
	for (size_t i = 0; i < types->n; i++) {
		const struct ofbc_type *t = &types->v[i];

		if (t->free > 0 && !t->why_not[0] && (!best || t->free > best->free))
			best = t;
	}
	if (best) {
		snprintf(key, 128, "%s", best->key);
		nn = best->is_parametric ? strstr(best->key, "NN") : NULL;
		if (nn)
			snprintf(key, 128, "%.*s%u%s", (int)(nn - best->key), best->key,
			         best->param_max / 3 + 1, nn + 2);
	}
	ofbc_type_list_free(types);
	return best != NULL;
}

static int library_make(struct subject *s, const char *key, char uuid[37], struct ofbc_error *err)
{
	struct ofbc_create_request rq = {.gpu = s->gpu->id, .type = key, .placement = -1};
	struct ofbc_partition_list *made = NULL;
	int r = ofbc_partition_create(s->ctx, &rq, &made, err);

	if (r == 0)
		memcpy(uuid, made->v[0].uuid, 37);
	ofbc_partition_list_free(made);
	return r;
}

static size_t library_count(struct subject *s, enum ofbc_partition_state state)
{
	struct ofbc_partition_list *l = NULL;
	size_t n = 0;

	if (ofbc_partition_list(s->ctx, s->gpu->id, &l, NULL) < 0)
		return (size_t)-1;
	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].state == state;
	ofbc_partition_list_free(l);
	return n;
}

static void test_full(struct subject *s)
{
	_cleanup_free_ char *empty = snapshot(s), *full = NULL;
	struct ofbc_error err = {0};
	char key[128], uuid[37];
	size_t n = 0, count;
	int r = -ENOENT;

	if (!roomiest(s, key)) {
		complain(s, "no type has room on an empty GPU");
		return;
	}
	for (; n < 300; n++) {
		free(full);
		full = snapshot(s);
		r = library_make(s, key, uuid, &err);
		if (r < 0)
			break;
	}
	CHECK(s, n > 0 && r < 0, "%s: %zu made, then %s", key, n, r < 0 ? err.message : "still no end");
	CHECK(s, r >= 0 || err.reason == OFBC_REASON_NO_CAPACITY || err.reason == OFBC_REASON_IN_USE,
	      "%s: refused as '%s': %s", key, ofbc_reason_name(err.reason), err.message);
	CHECK(s, r >= 0 || err.hint[0], "%s: refused without a hint: %s", key, err.message);
	check_same(s, full, "after the refused create");
	count = library_count(s, OFBC_PARTITION_READY);
	CHECK(s, (s->ops->caps & BACKEND_UNIT) ? count >= n : count == n, "%s: %zu made, %zu listed", key, n,
	      count);
	err = (struct ofbc_error){0};
	r = ofbc_partition_destroy(s->ctx, NULL, 0, OFBC_DESTROY_ALL, NULL, &err);
	CHECK(s, r == 0, "destroy all: %s", err.message);
	check_same(s, empty, "after destroying all");
}

static void test_held(struct subject *s)
{
	struct ofbc_error err = {0};
	char key[128], uuid[37];
	const char *spec = uuid;
	unsigned all = s->ops->caps & BACKEND_UNIT ? OFBC_DESTROY_ALL : 0;
	size_t n = all ? 0 : 1;
	int r;

	if (!roomiest(s, key) || library_make(s, key, uuid, &err) < 0) {
		complain(s, "cannot create: %s", err.message);
		return;
	}
	CHECK(s, ofbc_host_hold(s->ctx, uuid, "tester", 4242, &err) == 0, "hold: %s", err.message);
	CHECK(s, library_count(s, OFBC_PARTITION_IN_USE) >= 1, "%s: held, but not listed as in use", key);
	r = ofbc_partition_destroy(s->ctx, &spec, n, all, NULL, &err);
	CHECK(s, r == -EBUSY && err.reason == OFBC_REASON_IN_USE, "%s: destroyed while held (%d): %s", key, r,
	      err.message);
	CHECK(s, r == 0 || strstr(err.message, "tester"), "%s: the holder is not named: %s", key,
	      err.message);
	CHECK(s, library_count(s, OFBC_PARTITION_IN_USE) >= 1, "%s: the refused destroy did something", key);
	(void)ofbc_host_hold(s->ctx, uuid, "tester", 0, NULL);
	r = ofbc_partition_destroy(s->ctx, &spec, n, all, NULL, &err);
	CHECK(s, r == 0, "destroy after letting go: %s", err.message);
}

/* An operation that a backend lacks is answered by its caller, not by a crash. */
static void test_missing(struct subject *s)
{
	struct ofbc_error err = {0};
	char key[128], uuid[37];
	const char *spec = uuid;
	struct ofbc_cdi *cdi = NULL;
	char **env = NULL;
	int r;

	if (!s->ops->set_mode) {
		r = ofbc_gpu_enable(s->ctx, s->gpu->id, s->ops->name, 0, &err);
		CHECK(s, r == 1 || (r < 0 && err.reason == OFBC_REASON_NOT_SUPPORTED && err.message[0]),
		      "enable without set_mode: %d %s", r, err.message);
	}
	if (!s->ops->create) {
		r = library_make(s, s->ops->name, uuid, &err);
		CHECK(s, r < 0 && err.message[0], "create without the operation: %d", r);
		return;
	}
	if (!roomiest(s, key) || library_make(s, key, uuid, &err) < 0) {
		complain(s, "cannot create: %s", err.message);
		return;
	}
	r = ofbc_partition_env(s->ctx, uuid, &env, &err);
	/* One that guests can have, too, may stand on a driver that programs cannot use. */
	CHECK(s,
	      (s->ops->env && r == 0 && env && env[0]) ||
	              ((!s->ops->env || (s->ops->caps & BACKEND_GUEST)) && r < 0 &&
	               err.reason == OFBC_REASON_NOT_SUPPORTED && err.hint[0]),
	      "environment: %d %s", r, err.message);
	ofbc_env_free(env);
	err = (struct ofbc_error){0};
	r = ofbc_cdi_new(s->ctx, &spec, 1, &cdi, &err);
	CHECK(s, s->ops->nodes || s->ops->hostdev || r == -ENOTSUP, "no nodes, and yet a container: %d", r);
	CHECK(s, r == 0 ? cdi->text && cdi->n_devices == 1 && cdi->devices[0].device[0] : err.hint[0],
	      "container: %d %s", r, err.message);
	ofbc_cdi_free(cdi);
	CHECK(s, ofbc_partition_destroy(s->ctx, NULL, 0, OFBC_DESTROY_ALL, NULL, &err) == 0, "destroy: %s",
	      err.message);
}

/* --- running them --- */

static const struct {
	const char *name;
	void (*run)(struct subject *s);
	bool makes; /* needs a technology that is there */
} tests[] = {
	{"probe", test_probe, false},
	{"types", test_types, true},
	{"life", test_life, true},
	{"unknown", test_unknown, true},
	{"doors fail", test_door_faults, true},
	{"NVML fails", test_nvml_faults, true},
	{"full", test_full, true},
	{"held", test_held, true},
	{"missing", test_missing, true},
};

/* Switches the technology on where that is an operation of its own. */
static int get_ready(struct subject *s)
{
	struct ofbc_technology t = {0};
	struct ofbc_error err = {0};
	int r = s->ops->probe(&s->host, s->gpu, &t, &err);

	if (r == 1 && t.state == OFBC_TECHNOLOGY_OFF && s->ops->set_mode) {
		r = s->ops->set_mode(&s->host, s->gpu, true, NULL, OFBC_MODE_RESET, &err);
		CHECK(s, r >= 0, "switching it on: %s", err.message);
		(void)look_again(s);
		CHECK(s, s->ops->probe(&s->host, s->gpu, &t, &err) == 1 && t.state == OFBC_TECHNOLOGY_READY,
		      "switched on, but %s", t.reason);
	}
	return t.state == OFBC_TECHNOLOGY_UNAVAILABLE ? -ENOTSUP : 0;
}

static void count(const struct subject *s, const char *name)
{
	if (!s->ok)
		printf("FAILED  %s: %s\n", s->label, name);
	n_passed += s->ok;
	n_failed += !s->ok;
}

/* Every test gets a machine of its own. */
static void run_tests(const char *host, const char *gpu, const struct backend_ops *ops)
{
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		struct subject s = {0};
		int r = subject_open(&s, host);

		s.ops = ops;
		snprintf(s.label, sizeof(s.label), "%s %s %s", host, gpu, ops->name);
		for (size_t k = 0; r == 0 && k < s.gpus.n; k++) {
			if (strcmp(s.gpus.v[k].id, gpu) == 0)
				s.gpu = &s.gpus.v[k];
		}
		CHECK(&s, r == 0 && s.gpu, "cannot open the machine: %d", r);
		if (s.ok && tests[i].makes && get_ready(&s) < 0) {
			subject_close(&s);
			return;
		}
		if (s.ok)
			tests[i].run(&s);
		count(&s, tests[i].name);
		subject_close(&s);
	}
}

static void run_host(const char *host, bool *seen, const char *only)
{
	struct subject s;
	int r = subject_open(&s, host);

	if (r < 0) {
		printf("FAILED  %s cannot be opened: %d\n", host, r);
		n_failed++;
	}
	for (size_t b = 0; r == 0 && b < backend_count(); b++) {
		const struct backend_ops *ops = backend_at(b);

		for (size_t g = 0; g < s.gpus.n; g++) {
			const struct ofbc_gpu *gpu = &s.gpus.v[g];

			for (size_t t = 0; t < gpu->n_technologies; t++) {
				if (strcmp(gpu->technologies[t].name, ops->name) != 0 ||
				    (only && strcmp(only, ops->name) != 0))
					continue;
				seen[b] |= gpu->technologies[t].state != OFBC_TECHNOLOGY_UNAVAILABLE;
				run_tests(host, gpu->id, ops);
			}
		}
	}
	subject_close(&s);
}

/* test_contract [BACKEND]: all, or one while it is being written. */
int main(int argc, char **argv)
{
	static const char *const hosts[] = {"mixed", "h200", "empty"};
	bool seen[64] = {false};
	const char *only = argc > 1 ? argv[1] : NULL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		run_host(hosts[i], seen, only);
	for (size_t b = 0; b < backend_count() && b < ARRAY_SIZE(seen); b++) {
		struct subject s = {.ops = backend_at(b), .ok = true};

		snprintf(s.label, sizeof(s.label), "%s", s.ops->name);
		test_metadata(&s);
		CHECK(&s, b == 0 || backend_at(b - 1)->rank <= s.ops->rank, "not in the order of ranks");
		count(&s, "metadata");
		if (!seen[b] && !only) {
			printf("skipped %s: no emulated host has it\n", s.ops->name);
			n_skipped++;
		}
	}
	printf("%u passed, %u failed, %u skipped\n", n_passed, n_failed, n_skipped);
	return n_failed > 0;
}
