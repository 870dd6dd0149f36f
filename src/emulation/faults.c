/* SPDX-License-Identifier: MIT */
/*
 * Failures on demand: the N-th call of a door fails, is slow, or kills the caller. Rules come from the
 * host file or from faults.json beside the state; their counters are part of the state, so that they
 * count over several processes. One rule is kept as "door|call|times|action|error|ms".
 */
#include "emulation/parts.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"

struct rule {
	char door[160];
	unsigned long call, times, ms;
	char action[16], error[48];
};

static const struct {
	const char *name;
	int code;
	unsigned nvml;
} errors[] = {
	{"IN_USE", EBUSY, NVML_IN_USE},
	{"NO_PERMISSION", EPERM, NVML_NO_PERMISSION},
	{"NOT_SUPPORTED", ENOTSUP, NVML_NOT_SUPPORTED},
	{"INSUFFICIENT_RESOURCES", ENOSPC, NVML_INSUFFICIENT_RESOURCES},
	{"NOT_FOUND", ENOENT, NVML_NOT_FOUND},
	{"INVALID_ARGUMENT", EINVAL, NVML_INVALID_ARGUMENT},
	{"INVALID_STATE", EINVAL, NVML_INVALID_STATE},
	{"TIMEOUT", ETIMEDOUT, NVML_TIMEOUT},
	{"GPU_IS_LOST", ENODEV, NVML_GPU_IS_LOST},
	{"RESET_REQUIRED", EAGAIN, NVML_RESET_REQUIRED},
	{"MEMORY", ENOMEM, NVML_MEMORY},
	{"UNKNOWN", EIO, NVML_UNKNOWN},
	{"EBUSY", EBUSY, NVML_IN_USE},
	{"EPERM", EPERM, NVML_NO_PERMISSION},
	{"EACCES", EACCES, NVML_NO_PERMISSION},
	{"ENOSPC", ENOSPC, NVML_INSUFFICIENT_RESOURCES},
	{"EIO", EIO, NVML_UNKNOWN},
	{"EINVAL", EINVAL, NVML_INVALID_ARGUMENT},
	{"ENODEV", ENODEV, NVML_GPU_IS_LOST},
	{"ENOENT", ENOENT, NVML_NOT_FOUND},
	{"EEXIST", EEXIST, NVML_INVALID_ARGUMENT},
	{"EAGAIN", EAGAIN, NVML_TIMEOUT},
	{"ETIMEDOUT", ETIMEDOUT, NVML_TIMEOUT},
	{"ENOMEM", ENOMEM, NVML_MEMORY},
	{"EUSERS", EUSERS, NVML_INSUFFICIENT_RESOURCES},
};

bool word_at(const char *text, const char *seps, unsigned n, char *buf, size_t size)
{
	size_t len;

	for (; n; n--) {
		text += strcspn(text, seps);
		if (!*text)
			return false;
		text++;
	}
	len = strcspn(text, seps);
	if (len >= size)
		len = size - 1;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return true;
}

static void sleep_real(unsigned long ms)
{
	struct timespec ts = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	while (ms && nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

static void parse_rule(const char *text, struct rule *r)
{
	char number[24];

	*r = (struct rule){.call = 1, .times = 1};
	(void)word_at(text, "|", 0, r->door, sizeof(r->door));
	if (word_at(text, "|", 1, number, sizeof(number)))
		r->call = strtoul(number, NULL, 10);
	if (word_at(text, "|", 2, number, sizeof(number)))
		r->times = strtoul(number, NULL, 10);
	(void)word_at(text, "|", 3, r->action, sizeof(r->action));
	(void)word_at(text, "|", 4, r->error, sizeof(r->error));
	if (word_at(text, "|", 5, number, sizeof(number)))
		r->ms = strtoul(number, NULL, 10);
}

static bool action_known(const char *action)
{
	static const char *const known[] = {"fail", "die-before", "die-after", "latency"};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i], action) == 0)
			return true;
	return false;
}

static int add_rule(struct machine *m, const char *group, size_t i, const struct json *rule,
                    struct ofbc_error *err)
{
	const char *door = json_str(json_get(rule, "door"), NULL);
	const char *action = json_str(json_get(rule, "action"), "fail");
	const struct json *error = json_get(rule, "error");
	char text[320], number[24];

	if (!door || strchr(door, '|'))
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "fault %zu: \"door\" is missing", i);
	if (!action_known(action))
		return error_set(err, EINVAL, OFBC_REASON_USAGE,
		                 "fault %zu: action '%s' is none of fail, die-before, die-after, latency", i,
		                 action);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)json_u64(error, EIO));
	(void)snprintf(text, sizeof(text), "%s|%llu|%llu|%s|%s|%llu", door,
	               (unsigned long long)json_u64(json_get(rule, "call"), 1),
	               (unsigned long long)json_u64(json_get(rule, "times"), 1), action,
	               json_str(error, number), (unsigned long long)json_u64(json_get(rule, "ms"), 0));
	return tree_setf(&m->tree, NODE_FILE, text, ".emu/fault/%s%zu", group, i);
}

int faults_add(struct machine *m, const char *group, const struct json *rules, struct ofbc_error *err)
{
	for (size_t i = 0; i < json_len(rules); i++) {
		int r = add_rule(m, group, i, json_at(rules, i), err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes the rules of faults.json again when that file is new, changed or gone. */
static int reload(struct machine *m)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json *doc = NULL;
	char path[512], stamp[64] = "";
	struct stat st;
	size_t len = 0;
	int r;

	(void)snprintf(path, sizeof(path), "%s/faults.json", m->dir);
	if (stat(path, &st) == 0)
		(void)snprintf(stamp, sizeof(stamp), "%llu %lld.%09ld %lld", (unsigned long long)st.st_ino,
		               (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_size);
	if (strcmp(stamp, tree_get(&m->tree, ".emu/faultfile") ? tree_get(&m->tree, ".emu/faultfile") : "") ==
	    0)
		return 0;
	r = machine_begin(m);
	if (r < 0)
		return r;
	for (unsigned i = 0; tree_get(&m->tree, ".emu/fault/f%u", i); i++) {
		tree_remove(&m->tree, ".emu/fault/f%u", i);
		tree_remove(&m->tree, ".emu/faulthits/f%u", i);
	}
	if (*stamp)
		r = data_load(path, &text, &len);
	if (r == 0 && *stamp)
		r = json_parse(text, len, path, &doc, NULL);
	if (r == 0 && doc)
		r = faults_add(m, "f", json_is_array(doc) ? doc : json_get(doc, "faults"), NULL);
	if (r == 0)
		r = tree_set(&m->tree, NODE_FILE, ".emu/faultfile", stamp);
	return machine_end(m, r);
}

static int error_of(const struct rule *r, unsigned *ret_nvml)
{
	char *end;
	long number = strtol(r->error, &end, 10);
	const char *name = strncmp(r->error, "NVML_ERROR_", 11) == 0 ? r->error + 11 : r->error;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (strcmp(errors[i].name, name) != 0)
			continue;
		if (ret_nvml)
			*ret_nvml = errors[i].nvml;
		return -errors[i].code;
	}
	if (ret_nvml)
		*ret_nvml = end != r->error && number > 0 ? (unsigned)number : NVML_UNKNOWN;
	return end != r->error && number > 0 && number < 4096 ? -(int)number : -EIO;
}

/* Counts one call, when it begins; says whether the rule strikes now. The counter is on disk before it does.
 */
static bool strikes(struct machine *m, const char *id, const struct rule *r, bool after)
{
	unsigned long hits;
	char text[24];

	if (machine_begin(m) < 0)
		return false;
	hits = tree_get_u(&m->tree, 0, ".emu/faulthits/%s", id) + !after;
	(void)snprintf(text, sizeof(text), "%lu", hits);
	(void)tree_setf(&m->tree, NODE_FILE, text, ".emu/faulthits/%s", id);
	if (machine_end(m, 0) < 0)
		return false;
	return hits >= r->call && (r->times == 0 || hits < r->call + r->times);
}

static int act(struct machine *m, const struct rule *r, unsigned *ret_code)
{
	if (strcmp(r->action, "latency") == 0) {
		sleep_real(r->ms);
		return 0;
	}
	if (strcmp(r->action, "fail") == 0)
		return error_of(r, ret_code);
	/* Inside a transaction the state of this instant must be what the next process finds. */
	if (m->lock_depth)
		(void)machine_store(m);
	(void)raise(SIGKILL);
	return 0;
}

static void latency(struct machine *m, const char *kind)
{
	size_t len = strcspn(kind, ":");

	sleep_real(tree_get_u(&m->tree, 0, ".emu/latency/%.*s", (int)len, kind));
}

int fault_hit(struct machine *m, const char *kind, bool after, unsigned *ret_code)
{
	_cleanup_strv_ struct strv ids = {0};
	int r = reload(m);

	if (r < 0)
		return r;
	if (!after)
		latency(m, kind);
	if (tree_list(&m->tree, ".emu/fault", &ids) < 0)
		return 0;
	for (size_t i = 0; i < ids.n; i++) {
		const char *text = tree_get(&m->tree, ".emu/fault/%s", ids.v[i]);
		struct rule rule;
		bool is_after;

		if (!text)
			continue;
		parse_rule(text, &rule);
		is_after = strcmp(rule.action, "die-after") == 0;
		if (fnmatch(rule.door, kind, 0) != 0 || (after && !is_after))
			continue;
		if (!strikes(m, ids.v[i], &rule, after) || after != is_after)
			continue;
		r = act(m, &rule, ret_code);
		if (r < 0)
			return r;
	}
	return 0;
}
