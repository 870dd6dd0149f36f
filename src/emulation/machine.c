/* SPDX-License-Identifier: MIT */
/* Life of an emulated machine: its state file, transactions over it, reboot, pretended processes. */
#include "emulation/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"

static const char *const manifest = "host.manifest";

struct machine *machine_of(struct platform *p)
{
	return (struct machine *)p;
}

static void path_of(const struct machine *m, const char *file, char buf[512])
{
	(void)snprintf(buf, 512, "%s/%s", m->dir, file);
}

static uint64_t generation_of(const struct stat *st)
{
	uint64_t g = (uint64_t)st->st_ino * 0x9E3779B97F4A7C15u;

	g ^= (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec;
	return (g ^ ((uint64_t)st->st_size << 40)) | 1;
}

static int load(struct machine *m, bool force)
{
	_cleanup_free_ char *text = NULL;
	char path[512];
	struct stat st;
	struct tree fresh = {0};
	size_t len;
	int r;

	path_of(m, manifest, path);
	if (stat(path, &st) < 0)
		return -errno;
	if (!force && generation_of(&st) == m->generation)
		return 0;
	r = data_load(path, &text, &len);
	if (r == 0)
		r = tree_parse(&fresh, text, path, NULL);
	if (r < 0) {
		tree_done(&fresh);
		return r;
	}
	tree_done(&m->tree);
	m->tree = fresh;
	m->generation = generation_of(&st);
	return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

int machine_store(struct machine *m)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	char path[512], temporary[512];
	struct stat st;
	int r = tree_print(&m->tree, &text);

	if (r < 0)
		return r;
	path_of(m, manifest, path);
	path_of(m, "host.manifest.new", temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, strlen(text));
	if (r < 0)
		return r;
	if (rename(temporary, path) < 0 || fstat(fd, &st) < 0)
		return -errno;
	m->generation = generation_of(&st);
	m->tree.dirty = false;
	return 0;
}

static int lock_file(struct machine *m)
{
	char path[512];
	int fd, r;

	path_of(m, "host.lock", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	do
		r = flock(fd, LOCK_EX);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	m->lock_fd = fd;
	return 0;
}

static void unlock_file(struct machine *m)
{
	close(m->lock_fd);
	m->lock_fd = -1;
}

int machine_begin(struct machine *m)
{
	int r;

	if (m->lock_depth) {
		m->lock_depth++;
		return 0;
	}
	r = lock_file(m);
	if (r < 0)
		return r;
	r = load(m, false);
	if (r < 0) {
		unlock_file(m);
		return r;
	}
	m->lock_depth = 1;
	return 0;
}

/* A failed operation leaves nothing behind but the counters of the fault rules. */
static int discard(struct machine *m)
{
	_cleanup_strv_ struct strv ids = {0}, counts = {0};
	int r = 0;

	if (tree_list(&m->tree, ".emu/faulthits", &ids) == 0)
		for (size_t i = 0; i < ids.n && r == 0; i++)
			r = strv_add(&counts, tree_get(&m->tree, ".emu/faulthits/%s", ids.v[i]));
	if (r == 0)
		r = load(m, true);
	for (size_t i = 0; i < counts.n && r == 0; i++)
		r = tree_setf(&m->tree, NODE_FILE, counts.v[i], ".emu/faulthits/%s", ids.v[i]);
	return r;
}

int machine_end(struct machine *m, int r)
{
	int s = 0;

	if (m->lock_depth > 1) {
		m->lock_depth--;
		return r;
	}
	if (r < 0 && m->tree.dirty)
		s = discard(m);
	if (s == 0 && m->tree.dirty)
		s = machine_store(m);
	m->lock_depth = 0;
	unlock_file(m);
	return r < 0 || s == 0 ? r : s;
}

int machine_refresh(struct machine *m)
{
	return m->lock_depth ? 0 : load(m, false);
}

/* Pretended processes ("@name") live until they are let go; real ones until they end. */
bool hold_is_alive(const struct hold *h)
{
	return h->comm[0] == '@' || (h->pid > 0 && (kill(h->pid, 0) == 0 || errno == EPERM));
}

/* "/dev/vfio/1" is no prefix of "/dev/vfio/12", "/dev/nvidia" is one of "/dev/nvidia0". */
static bool node_matches(const char *node, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(node, prefix, len) != 0)
		return false;
	return !len || prefix[len - 1] < '0' || prefix[len - 1] > '9' || node[len] < '0' || node[len] > '9';
}

/* Entry i of the tree as a hold; false when it is none. */
bool hold_at(const struct machine *m, size_t i, struct hold *ret)
{
	static const char prefix[] = ".emu/hold/";
	const struct tree_node *n = &m->tree.v[i];

	if (strncmp(n->path, prefix, sizeof(prefix) - 1) != 0)
		return false;
	ret->pid = (int)strtol(n->path + sizeof(prefix) - 1, NULL, 10);
	return word_at(n->value, " ", 0, ret->comm, sizeof(ret->comm)) &&
	       word_at(n->value, " ", 1, ret->node, sizeof(ret->node));
}

bool machine_is_held(struct machine *m, const char *node_prefix)
{
	struct hold h;

	for (size_t i = 0; i < m->tree.n && strncmp(m->tree.v[i].path, ".emu/i", 6) < 0; i++)
		if (hold_at(m, i, &h) && node_matches(h.node, node_prefix) && hold_is_alive(&h))
			return true;
	return false;
}

int hold_add(struct machine *m, int pid, const char *comm, const char *node)
{
	char text[256];
	unsigned n = 0;

	(void)snprintf(text, sizeof(text), "%s %s", comm, node);
	while (tree_get(&m->tree, ".emu/hold/%d/%u", pid, n))
		n++;
	return tree_setf(&m->tree, NODE_FILE, text, ".emu/hold/%d/%u", pid, n);
}

static void let_go(struct machine *m, const char *comm, const char *node)
{
	struct hold h;

	for (size_t i = m->tree.n; i-- > 0;)
		if (hold_at(m, i, &h) && strcmp(h.comm + (h.comm[0] == '@'), comm) == 0 &&
		    (!node || !*node || node_matches(h.node, node)))
			tree_remove(&m->tree, "%s", m->tree.v[i].path);
}

int emulation_hold(struct platform *p, const char *node, const char *comm, int pid, struct ofbc_error *err)
{
	struct machine *m = machine_of(p);
	char name[34];
	int r;

	if (!*comm || strpbrk(comm, " \n") || strlen(comm) > 31)
		return error_set(err, EINVAL, OFBC_REASON_USAGE,
		                 "'%s' is no command name of 1 to 31 characters", comm);
	r = machine_begin(m);
	if (r < 0)
		return error_set_errno(err, -r, "emulated host %s", m->name);
	(void)snprintf(name, sizeof(name), "@%s", comm);
	if (pid > 0)
		r = hold_add(m, pid, name, node);
	else
		let_go(m, comm, node);
	r = machine_end(m, r);
	return r < 0 ? error_set_errno(err, -r, "emulated host %s", m->name) : 0;
}

/* Somebody who is alive holds something: the operator would pull the plug under him. */
static bool find_holder(struct machine *m, struct hold *ret)
{
	for (size_t i = 0; i < m->tree.n; i++)
		if (hold_at(m, i, ret) && hold_is_alive(ret))
			return true;
	return false;
}

/* What outlives a reboot: disks and the boards' own memory. */
static int keep_over_boot(struct machine *m, const struct tree *old)
{
	static const char *const kept[] = {"etc/gim_config", ".emu/fault/", ".emu/faulthits/",
	                                   ".emu/faultfile"};
	int r = 0;

	for (size_t i = 0; i < old->n && r == 0; i++) {
		const struct tree_node *n = &old->v[i];
		bool keep = strncmp(n->path, ".emu/gpu/", 9) == 0 && strstr(n->path, "/mig/");

		for (size_t k = 0; k < ARRAY_SIZE(kept) && !keep; k++)
			keep = strncmp(n->path, kept[k], strlen(kept[k])) == 0;
		if (keep)
			r = tree_set(&m->tree, n->kind, n->path, n->value);
	}
	return r;
}

static int boot_again(struct machine *m, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv gpus = {0};
	struct tree old = m->tree;
	unsigned long boots = tree_get_u(&old, 1, ".emu/boot");
	char host[512], number[24];
	int r;

	(void)snprintf(host, sizeof(host), "%s",
	               tree_get(&old, ".emu/host") ? tree_get(&old, ".emu/host") : m->name);
	m->tree = (struct tree){0};
	/* gim reads its configuration while it is loaded, so it must be there before the build. */
	if (tree_get(&old, "etc/gim_config"))
		(void)tree_set(&m->tree, NODE_FILE, "etc/gim_config", tree_get(&old, "etc/gim_config"));
	r = machine_build(m, host, err);
	if (r == 0)
		r = keep_over_boot(m, &old);
	tree_done(&old);
	if (r < 0)
		return r;
	if (tree_list(&m->tree, ".emu/gpu", &gpus) == 0)
		for (size_t i = 0; i < gpus.n; i++)
			if (strcmp(gpu_kind(m, gpus.v[i]), "nvidia") == 0)
				nvml_emulation_reboot(m, gpus.v[i]);
	(void)snprintf(number, sizeof(number), "%lu", boots + 1);
	return tree_set(&m->tree, NODE_FILE, ".emu/boot", number);
}

int emulation_reboot(struct platform *p, struct ofbc_error *err)
{
	struct machine *m = machine_of(p);
	struct hold h;
	int r = machine_begin(m);

	if (r < 0)
		return error_set_errno(err, -r, "emulated host %s", m->name);
	if (find_holder(m, &h)) {
		r = error_set(err, EBUSY, OFBC_REASON_IN_USE, "%s (pid %d) holds %s",
		              h.comm + (h.comm[0] == '@'), h.pid, h.node);
		error_hint(err, "end it or let it go before the reboot");
		return machine_end(m, r);
	}
	m->tree.dirty = true;
	return machine_end(m, boot_again(m, err));
}

int emulation_hosts(struct strv *ret)
{
	return data_list("hosts", ret);
}

/* Directory name of a host: its own name, or for a file its name and a mark of its whole path. */
static void state_name(const char *name, char *buf, size_t size)
{
	const char *base = strrchr(name, '/');
	uint32_t hash = 2166136261u;
	size_t len;

	if (!base) {
		(void)snprintf(buf, size, "%s", name);
		return;
	}
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	len = strlen(++base);
	if (len > 5 && strcmp(base + len - 5, ".json") == 0)
		len -= 5;
	(void)snprintf(buf, size, "%.*s-%08x", len > 80 ? 80 : (int)len, base, hash);
}

static int check_name(const char *name, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv hosts = {0};
	char list[256] = "";
	int r;

	if (strchr(name, '/'))
		return 0;
	r = emulation_hosts(&hosts);
	if (r < 0)
		return error_set_errno(err, -r, "list of emulated hosts");
	if (strv_contains(&hosts, name))
		return 0;
	for (size_t i = 0; i < hosts.n; i++)
		(void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
		               hosts.v[i]);
	r = error_set(err, EINVAL, OFBC_REASON_USAGE, "there is no emulated host '%s'", name);
	error_hint(err, "known are %s; a path with '/' names a host file of your own", list);
	return r;
}

/* First use builds the machine; two first users exclude each other by the lock. */
static int open_state(struct machine *m, const char *name, struct ofbc_error *err)
{
	int r = lock_file(m);

	if (r < 0)
		return error_set_errno(err, -r, "%s/host.lock", m->dir);
	m->lock_depth = 1;
	r = load(m, true);
	if (r == -ENOENT) {
		r = machine_build(m, name, err);
		if (r == 0)
			r = tree_set(&m->tree, NODE_FILE, ".emu/host", name);
		if (r == 0)
			r = machine_store(m);
	} else if (r < 0) {
		r = error_set_errno(err, -r, "%s/%s", m->dir, manifest);
		error_hint(err, "remove %s to begin with a fresh machine", m->dir);
	}
	m->lock_depth = 0;
	unlock_file(m);
	if (r < 0 && err && !err->code)
		error_set_errno(err, -r, "emulated host %s", name);
	return r;
}

int platform_emulated_new(const char *name, const char *state_dir, struct platform **ret,
                          struct ofbc_error *err)
{
	char absolute[4096];
	struct machine *m;
	int n, r = check_name(name, err);

	if (r < 0)
		return r;
	if (strchr(name, '/') && !realpath(name, absolute))
		return error_set_errno(err, errno, "%s", name);
	m = calloc(1, sizeof(*m));
	if (!m)
		return error_set_errno(err, ENOMEM, "emulated host");
	m->base = (struct platform){
		.ops = &emulated_ops, .emulated = true, .privileged = true, .run_dir = "run/openforbc"};
	m->lock_fd = -1;
	state_name(strchr(name, '/') ? absolute : name, m->name, sizeof(m->name));
	n = snprintf(m->dir, sizeof(m->dir), "%s/emulated/%s", state_dir, m->name);
	if (n < 0 || (size_t)n >= sizeof(m->dir))
		r = error_set(err, ENAMETOOLONG, OFBC_REASON_USAGE, "state directory '%s' is too long",
		              state_dir);
	if (r == 0)
		r = state_dir_make(m->dir, err);
	(void)snprintf(m->base.state_dir, sizeof(m->base.state_dir), "%s", m->dir);
	if (r == 0)
		r = open_state(m, strchr(name, '/') ? absolute : name, err);
	if (r < 0) {
		platform_free(&m->base);
		return r;
	}
	nvml_emulation_init(m);
	*ret = &m->base;
	return 0;
}
