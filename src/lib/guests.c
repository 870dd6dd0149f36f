/* SPDX-License-Identifier: MIT */
/* Asking libvirt: who is defined, who runs, and with which devices of this host. */
#include "lib/guests.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"

#define DEFAULT_URI "qemu:///system"

/* --- connection --- */

static const struct {
	int code, error;
	enum ofbc_reason reason;
	const char *hint;
} libvirt_codes[] = {
	{VIR_ERR_NO_DOMAIN, ENOENT, OFBC_REASON_NOT_FOUND, "`virsh list --all` prints the guests"},
	{VIR_ERR_NO_CONNECT, ENOTCONN, OFBC_REASON_USAGE,
         "valid are for example qemu:///system and qemu+ssh://HOST/system"},
	{VIR_ERR_INVALID_ARG, EINVAL, OFBC_REASON_USAGE, NULL},
	{VIR_ERR_AUTH_FAILED, EPERM, OFBC_REASON_NOT_PERMITTED,
         "run as root, or as a member of the group libvirt"},
	{VIR_ERR_AUTH_CANCELLED, EPERM, OFBC_REASON_NOT_PERMITTED,
         "run as root, or as a member of the group libvirt"},
	{VIR_ERR_AUTH_UNAVAILABLE, EPERM, OFBC_REASON_NOT_PERMITTED,
         "run as root, or as a member of the group libvirt"},
	{VIR_ERR_ACCESS_DENIED, EPERM, OFBC_REASON_NOT_PERMITTED,
         "run as root, or as a member of the group libvirt"},
	{VIR_ERR_OPERATION_DENIED, EPERM, OFBC_REASON_NOT_PERMITTED,
         "run as root, or as a member of the group libvirt"},
	{VIR_ERR_CONFIG_UNSUPPORTED, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, NULL},
	{VIR_ERR_NO_SUPPORT, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, NULL},
	{VIR_ERR_OPERATION_UNSUPPORTED, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, NULL},
	{VIR_ERR_OPERATION_TIMEOUT, EBUSY, OFBC_REASON_IN_USE,
         "another job of this guest is under way: try again"},
};

int libvirt_error(const struct connection *c, struct ofbc_error *err, const char *what_fmt, ...)
{
	virErrorPtr e = c->api->GetLastError();
	const char *hint = NULL;
	enum ofbc_reason reason = OFBC_REASON_FAILED;
	int error = EIO;
	char what[200];
	va_list ap;

	va_start(ap, what_fmt);
	vsnprintf(what, sizeof(what), what_fmt, ap);
	va_end(ap);
	if (e && e->code == VIR_ERR_SYSTEM_ERROR && (e->int1 == ECONNREFUSED || e->int1 == ENOENT)) {
		error = ENOTCONN;
		hint = "start it: `systemctl start libvirtd`, or name another one with --connect";
	}
	for (size_t i = 0; e && i < ARRAY_SIZE(libvirt_codes); i++) {
		if (libvirt_codes[i].code != e->code)
			continue;
		error = libvirt_codes[i].error;
		reason = libvirt_codes[i].reason;
		hint = libvirt_codes[i].hint;
	}
	error_set(err, error, reason, "%s: %s", what,
	          e && e->message ? e->message : "libvirt gives no reason");
	error_hint(err, "%s", hint ? hint : "libvirt says more in `journalctl -u libvirtd -u virtqemud`");
	c->api->ResetLastError();
	return -error;
}

/* A device of this machine in a guest of another one is a mistake. An emulated host is no machine. */
static int check_machine(struct ofbc_context *ctx, const struct connection *c, struct ofbc_error *err)
{
	_cleanup_free_ char *name = ctx->platform->emulated || ctx->platform->real_root[0]
	                                    ? NULL
	                                    : c->api->ConnectGetHostname(c->conn);

	if (!name || is_this_machine(name))
		return 0;
	error_set(err, EXDEV, OFBC_REASON_USAGE, "'%s' is libvirt of host %s, the partitions are on this one",
	          ctx->libvirt_uri, name);
	error_hint(err, "run this program there, or use --connect qemu:///system");
	return -EXDEV;
}

int connection_open(struct ofbc_context *ctx, bool write, struct connection *ret, struct ofbc_error *err)
{
	const char *uri = ctx->libvirt_uri[0] ? ctx->libvirt_uri : DEFAULT_URI;
	_cleanup_connection_ struct connection c = {0};
	int r;

	if (!ctx->libvirt_uri[0] && (ctx->platform->emulated || ctx->platform->real_root[0])) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "this host has no guests of its own: it is %s",
		          ctx->platform->emulated ? "emulated" : "a tree of files");
		error_hint(err, "name a libvirt whose guests shall be changed with --connect URI");
		return -ENOTSUP;
	}
	r = ctx->platform->ops->libvirt(ctx->platform, &c.api, err);
	if (r < 0)
		return r;
	/* a user's own libvirt has no door for reading only */
	write |= strstr(uri, "/session") != NULL;
	c.conn = write ? c.api->ConnectOpenAuth(uri, NULL, 0) : c.api->ConnectOpenReadOnly(uri);
	if (!c.conn)
		return libvirt_error(&c, err, "cannot connect to libvirt '%s'", uri);
	r = check_machine(ctx, &c, err);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct connection){0};
	return 0;
}

void connection_close(struct connection *c)
{
	if (c->conn)
		c->api->ConnectClose(c->conn);
	*c = (struct connection){0};
}

/* --- snapshot --- */

int domain_read(const struct connection *c, virDomainPtr dom, bool later, struct domain *ret,
                struct ofbc_error *err)
{
	_cleanup_free_ char *xml = c->api->DomainGetXMLDesc(dom, later ? VIR_DOMAIN_XML_INACTIVE : 0);

	if (!xml)
		return libvirt_error(c, err, "guest %s", c->api->DomainGetName(dom));
	return domain_parse(xml, strlen(xml), ret, err);
}

static void guest_done(struct guest *g)
{
	domain_done(&g->now);
	domain_done(&g->later);
}

void guests_done(struct guests *g)
{
	for (size_t i = 0; i < g->n; i++)
		guest_done(&g->v[i]);
	free(g->v);
	*g = (struct guests){0};
}

void guests_free(struct guests *g)
{
	if (g)
		guests_done(g);
	free(g);
}

static int add_guest(const struct connection *c, virDomainPtr dom, bool is_persistent, struct guests *ret,
                     struct ofbc_error *err)
{
	struct guest g = {.is_running = c->api->DomainGetID(dom) != (unsigned)-1,
	                  .is_persistent = is_persistent},
		     *slot;
	int r = g.is_running ? domain_read(c, dom, false, &g.now, err) : 0;

	if (r == 0 && is_persistent)
		r = domain_read(c, dom, true, &g.later, err);
	text_copy(g.name, sizeof(g.name), c->api->DomainGetName(dom));
	/* it may be undefined, or stop, while we look: then nobody has its devices any more */
	slot = r == 0 ? list_add(ret) : NULL;
	if (!slot) {
		guest_done(&g);
		return r == 0 ? -ENOMEM : r == -ENOENT ? 0 : r;
	}
	*slot = g;
	return 0;
}

static int add_domains(const struct connection *c, bool persistent, struct guests *ret,
                       struct ofbc_error *err)
{
	virDomainPtr *all = NULL;
	int n = c->api->ConnectListAllDomains(c->conn, &all,
	                                      persistent ? VIR_CONNECT_LIST_DOMAINS_PERSISTENT
	                                                 : VIR_CONNECT_LIST_DOMAINS_TRANSIENT);
	int r = n < 0 ? libvirt_error(c, err, "cannot list the guests") : 0;

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add_guest(c, all[i], persistent, ret, err);
		c->api->DomainFree(all[i]);
	}
	free(all);
	return r;
}

int guests_load(struct ofbc_context *ctx, struct guests *ret, struct ofbc_error *err)
{
	_cleanup_connection_ struct connection c = {0};
	_cleanup_guests_ struct guests g = {0};
	int r = connection_open(ctx, false, &c, err);

	if (r == 0)
		r = add_domains(&c, true, &g, err);
	if (r == 0)
		r = add_domains(&c, false, &g, err);
	if (r < 0)
		return r;
	*ret = g;
	g = (struct guests){0};
	return 0;
}

/* Without a URI: where a daemon of the system listens. Nothing is loaded to find out. */
static bool are_looked_for(const struct ofbc_context *ctx)
{
	struct platform *p = ctx->platform;

	if (ctx->without_guests)
		return false;
	if (ctx->libvirt_uri[0])
		return true;
	return !p->emulated && !p->real_root[0] &&
	       (p->ops->exists(p, "run/libvirt/libvirt-sock") ||
	        p->ops->exists(p, "run/libvirt/virtqemud-sock"));
}

int guests_look(struct ofbc_context *ctx, struct guests **ret)
{
	struct ofbc_error e = {0};
	struct guests *g;
	int r;

	if (!are_looked_for(ctx))
		return 0;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	r = guests_load(ctx, g, &e);
	/* A socket that nobody listens on: what runs all the same is found by its open files. */
	g->is_unknown = r < 0 && !(r == -ENOTCONN && !ctx->libvirt_uri[0]);
	if (g->is_unknown)
		snprintf(g->why, sizeof(g->why), "%.255s", e.message);
	if (r < 0)
		platform_debug(ctx->platform, "%s", e.message);
	*ret = g;
	return r == -ENOMEM ? r : 0;
}

/* --- attribution --- */

bool device_is_partition(const struct domain_device *d, const struct ofbc_partition *p)
{
	size_t n = strlen(DEVICE_ALIAS);

	return (p->handle[0] && strcasecmp(d->address, p->handle) == 0) ||
	       (strncmp(d->alias, DEVICE_ALIAS, n) == 0 &&
	        strncmp(d->alias + n, p->uuid, strlen(p->uuid)) == 0);
}

/* A device of one guest, for the sorted list of all. */
struct use {
	const char *address;
	const struct guest *guest;
	bool is_live;
};

struct use_list {
	struct use *v;
	size_t n, cap;
};

static int by_address(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int r = strcasecmp(x->address, y->address);

	/* what runs comes first */
	return r ? r : (int)y->is_live - (int)x->is_live;
}

static int add_uses(const struct domain *d, const struct guest *g, bool is_live, struct use_list *ret)
{
	for (size_t i = 0; i < d->devices.n; i++) {
		struct use *u = list_add(ret);

		if (!u)
			return -ENOMEM;
		*u = (struct use){.address = d->devices.v[i].address, .guest = g, .is_live = is_live};
	}
	return 0;
}

static int all_uses(const struct guests *g, struct use_list *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n; i++) {
		r = add_uses(&g->v[i].now, &g->v[i], true, ret);
		if (r == 0)
			r = add_uses(&g->v[i].later, &g->v[i], false, ret);
	}
	if (r == 0 && ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_address);
	return r;
}

/* The guest is known already: by the process of its QEMU, or because it runs with the device. */
static struct ofbc_holder *known_guest(struct ofbc_holder_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].kind, "guest") == 0 && strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	}
	return NULL;
}

static int add_holder(struct ofbc_partition *p, const struct use *u)
{
	struct ofbc_holder *h = known_guest(&p->holders, u->guest->name);

	if (!h) {
		h = list_add(&p->holders);
		if (!h)
			return -ENOMEM;
		snprintf(h->kind, sizeof(h->kind), "guest");
		text_copy(h->name, sizeof(h->name), u->guest->name);
		h->is_idle = !u->is_live;
	}
	snprintf(h->release, sizeof(h->release), "openforbc partition detach %s %s", p->uuid, u->guest->name);
	if (!h->is_idle)
		p->state = OFBC_PARTITION_IN_USE;
	else if (p->state == OFBC_PARTITION_READY)
		p->state = OFBC_PARTITION_RESERVED;
	return 0;
}

static bool can_be_held(const struct ofbc_partition *p)
{
	const struct backend_ops *ops = p->technology ? backend_find(p->technology) : NULL;

	return ops && (ops->caps & BACKEND_GUEST) && p->handle[0] && p->state != OFBC_PARTITION_LOST;
}

static int attribute_one(struct ofbc_partition *p, const struct use_list *uses)
{
	size_t low = 0, high = uses->n;
	int r = 0;

	while (low < high) { /* the first one with this address */
		size_t middle = low + (high - low) / 2;

		if (strcasecmp(uses->v[middle].address, p->handle) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; r == 0 && low < uses->n && strcasecmp(uses->v[low].address, p->handle) == 0; low++)
		r = add_holder(p, &uses->v[low]);
	return r;
}

static int attribute_all(struct inventory *inv, const struct guests *g)
{
	_cleanup_free_ struct use *to_free = NULL;
	struct use_list uses = {0};
	int r = all_uses(g, &uses);

	to_free = uses.v;
	if (g->is_unknown)
		memcpy(inv->partitions.note, g->why, sizeof(inv->partitions.note));
	for (size_t i = 0; r == 0 && i < inv->partitions.n; i++) {
		struct ofbc_partition *p = &inv->partitions.v[i];

		if (!can_be_held(p))
			continue;
		r = attribute_one(p, &uses);
		if (g->is_unknown) {
			p->holders.incomplete = true;
			p->state = p->state == OFBC_PARTITION_READY ? OFBC_PARTITION_UNKNOWN : p->state;
		}
	}
	return r;
}

int guests_attribute(struct inventory *inv)
{
	struct guests *own = NULL;
	bool any = false;
	int r = 0;

	for (size_t i = 0; !any && i < inv->partitions.n; i++)
		any = can_be_held(&inv->partitions.v[i]);
	if (!any)
		return 0;
	if (!inv->ctx->guests)
		r = guests_look(inv->ctx, &own);
	if (r == 0 && (own || inv->ctx->guests))
		r = attribute_all(inv, own ? own : inv->ctx->guests);
	guests_free(own);
	return r;
}
