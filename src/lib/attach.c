/* SPDX-License-Identifier: MIT */
/*
 * Giving a partition to a libvirt guest and taking it back. The configuration is changed first, so that the
 * running guest gets the PCI address that it will have after a restart, and changed back when the guest
 * refuses. The lock here is not that of the host: a start of the guest may be waiting for that one in its
 * hook.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "lib/guests.h"
#include "lib/handover.h"

#define POLL_MS          100
#define DETACH_TIMEOUT_S 30
#define LOCK_TIMEOUT_MS  30000
#define EVERYWHERE       (OFBC_ATTACH_LIVE | OFBC_ATTACH_CONFIG)

struct session {
	struct ofbc_context *ctx;
	int lock;
	struct connection c;
	virDomainPtr dom;
	const char *name;
	bool is_running, is_persistent;
	struct domain now, later;
};

static void session_done(struct session *s)
{
	domain_done(&s->now);
	domain_done(&s->later);
	if (s->dom)
		s->c.api->DomainFree(s->dom);
	connection_close(&s->c);
	if (s->lock >= 0)
		close(s->lock);
}

#define _cleanup_session_ __attribute__((cleanup(session_done)))

static int read_descriptions(struct session *s, struct ofbc_error *err)
{
	int r = 0;

	domain_done(&s->now);
	domain_done(&s->later);
	if (s->is_running)
		r = domain_read(&s->c, s->dom, false, &s->now, err);
	if (r == 0 && s->is_persistent)
		r = domain_read(&s->c, s->dom, true, &s->later, err);
	return r;
}

static int unknown_guest(struct session *s, const char *guest, struct ofbc_error *err)
{
	_cleanup_guests_ struct guests all = {0};
	int r = libvirt_error(&s->c, err, "no guest '%s'", guest);

	if (r != -ENOENT)
		return r;
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "no guest '%s'", guest);
	error_hint(err, "`virsh list --all` prints the guests");
	if (guests_load(s->ctx, &all, NULL) < 0)
		return r;
	for (size_t i = 0; i < all.n; i++) {
		if (edit_distance(all.v[i].name, guest) <= 2)
			error_hint(err, "did you mean '%s'?", all.v[i].name);
	}
	return r;
}

static int session_lock(struct ofbc_context *ctx, struct session *s, struct ofbc_error *err)
{
	char path[600];
	int r = state_dir_make(ctx->db_dir, err);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/guests.lock", ctx->db_dir);
	return lock_take(path, LOCK_TIMEOUT_MS, &s->lock, err);
}

static int session_open(struct session *s, const char *guest, struct ofbc_error *err)
{
	const struct libvirt_api *api;
	char uuid[UUID_STR_MAX];
	int r = connection_open(s->ctx, true, &s->c, err);

	if (r < 0)
		return r;
	api = s->c.api;
	s->dom = api->DomainLookupByName(s->c.conn, guest);
	if (!s->dom && parse_uuid(guest, uuid) == 0)
		s->dom = api->DomainLookupByUUIDString(s->c.conn, uuid);
	if (!s->dom)
		return unknown_guest(s, guest, err);
	s->name = api->DomainGetName(s->dom);
	s->is_running = api->DomainIsActive(s->dom) == 1;
	s->is_persistent = api->DomainIsPersistent(s->dom) == 1;
	return read_descriptions(s, err);
}

/* What is meant, and can be done with this guest. */
static int choose_scope(const struct session *s, unsigned *flags, struct ofbc_error *err)
{
	if (!(*flags & EVERYWHERE))
		*flags |= (s->is_running ? OFBC_ATTACH_LIVE : 0u) |
		          (s->is_persistent ? OFBC_ATTACH_CONFIG : 0u);
	if ((*flags & OFBC_ATTACH_LIVE) && !s->is_running) {
		error_set(err, EINVAL, OFBC_REASON_FAILED, "guest %s does not run", s->name);
		error_hint(err, "use --config: it has the device from its next start on");
		return -EINVAL;
	}
	if ((*flags & OFBC_ATTACH_CONFIG) && !s->is_persistent) {
		error_set(err, EINVAL, OFBC_REASON_FAILED,
		          "guest %s is transient: it has no configuration to change", s->name);
		error_hint(err, "use --live");
		return -EINVAL;
	}
	return 0;
}

/* --- changes of one description --- */

static unsigned libvirt_scope(unsigned scope)
{
	return scope == OFBC_ATTACH_LIVE ? VIR_DOMAIN_AFFECT_LIVE : VIR_DOMAIN_AFFECT_CONFIG;
}

static const struct domain *description(const struct session *s, unsigned scope)
{
	return scope == OFBC_ATTACH_LIVE ? &s->now : &s->later;
}

static int attach_xml(struct session *s, struct strbuf *xml, unsigned scope, struct ofbc_error *err)
{
	if (xml->err)
		return error_set_errno(err, -xml->err, "device element");
	if (s->c.api->DomainAttachDeviceFlags(s->dom, strbuf_str(xml), libvirt_scope(scope)) == 0)
		return 0;
	return libvirt_error(&s->c, err, "guest %s", s->name);
}

/* libvirt would add ports without a name, which then stayed behind. */
static int add_ports(struct session *s, const struct handover *h, struct ofbc_error *err)
{
	unsigned have = domain_free_ports(&s->later), index = s->later.top_index;
	int r = 0;

	for (unsigned i = have; r == 0 && s->later.is_pcie && i < h->dev.n; i++) {
		_cleanup_strbuf_ struct strbuf xml = STRBUF_INIT(4096);

		if (++index > 255) {
			error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY,
			          "guest %s has no room for another PCI bus", s->name);
			error_hint(err, "detach something else first");
			return -ENOSPC;
		}
		root_port_xml(h->p->uuid, i, index, &xml);
		r = attach_xml(s, &xml, OFBC_ATTACH_CONFIG, err);
	}
	return r;
}

static bool is_bus_taken(const struct domain *d, const char *address)
{
	struct pci_address a;

	return parse_pci(address, &a) < 0 || (d->is_taken[a.bus / 8] >> a.bus % 8 & 1);
}

/* All functions that are not there yet. Live: at the address of the configuration, if it is free. */
static int attach_functions(struct session *s, const struct handover *h, const struct hostdev_wish *wish,
                            unsigned scope, struct ofbc_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < h->dev.n; i++) {
		_cleanup_strbuf_ struct strbuf xml = STRBUF_INIT(4096);
		const struct domain_device *planned = domain_find(&s->later, h->dev.address[i]);
		struct hostdev_wish w = *wish;

		if (domain_find(description(s, scope), h->dev.address[i]))
			continue;
		if (scope == OFBC_ATTACH_LIVE && planned && planned->guest_address[0] && s->now.is_pcie &&
		    !is_bus_taken(&s->now, planned->guest_address))
			w.guest_address = planned->guest_address;
		hostdev_xml(&h->dev, i, &w, &xml);
		r = attach_xml(s, &xml, scope, err);
	}
	return r;
}

static int request_detach(struct session *s, const struct domain_device *d, unsigned scope,
                          struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf xml = STRBUF_INIT(4096);
	struct hostdev dev = {.kind = d->kind, .n = 1};
	const struct hostdev_wish plain = {0};

	memcpy(dev.address[0], d->address, sizeof(dev.address[0]));
	hostdev_xml(&dev, 0, &plain, &xml);
	if (s->c.api->DomainDetachDeviceFlags(s->dom, strbuf_str(&xml), libvirt_scope(scope)) == 0)
		return 0;
	return libvirt_error(&s->c, err, "guest %s", s->name);
}

/* The highest of the guest's PCI buses, if it is a port that attach added and that nobody uses; NULL: it is
 * not. libvirt fills holes between the buses, so that only the last one can go. */
static const struct domain_port *last_port(const struct domain *d)
{
	for (size_t i = 0; i < d->ports.n; i++) {
		unsigned index = d->ports.v[i].index;

		if (index == d->top_index && !(d->is_taken[index / 8] >> index % 8 & 1))
			return &d->ports.v[i];
	}
	return NULL;
}

/* Left behind they would do no harm, so that a failure is none. */
static void remove_ports(struct session *s)
{
	const struct domain_port *port;

	while ((port = last_port(&s->later))) {
		unsigned index = port->index;

		if (s->c.api->DomainDetachDeviceAlias(s->dom, port->alias, VIR_DOMAIN_AFFECT_CONFIG) < 0)
			s->c.api->ResetLastError();
		if (read_descriptions(s, NULL) < 0 || s->later.top_index >= index)
			return;
	}
}

/* --- claims --- */

static struct ofbc_claim *find_claim(struct domain *d, const char *spec)
{
	for (size_t i = 0; i < d->claims.n; i++) {
		if (strcmp(d->claims.v[i].name, spec) == 0 || strcasecmp(d->claims.v[i].uuid, spec) == 0)
			return &d->claims.v[i];
	}
	return NULL;
}

/* libvirt leaves an empty <metadata/> behind what it took out; a guest that had none shall look as before. */
static int drop_empty_metadata(struct session *s, struct ofbc_error *err)
{
	static const char empty[] = "  <metadata/>\n";
	const unsigned flags = VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE;
	_cleanup_free_ char *xml = s->c.api->DomainGetXMLDesc(s->dom, flags);
	char *at = xml ? strstr(xml, empty) : NULL;
	virDomainPtr same;

	if (!at)
		return 0;
	memmove(at, at + sizeof(empty) - 1, strlen(at + sizeof(empty) - 1) + 1);
	same = s->c.api->DomainDefineXML(s->c.conn, xml);
	if (!same)
		return libvirt_error(&s->c, err, "guest %s", s->name);
	s->c.api->DomainFree(same);
	return 0;
}

/* In the running guest, too: what the hook gets at its end is the description of that one. */
static int write_claims(struct session *s, struct ofbc_error *err)
{
	const unsigned scope = VIR_DOMAIN_AFFECT_CONFIG | (s->is_running ? VIR_DOMAIN_AFFECT_LIVE : 0);
	_cleanup_strbuf_ struct strbuf xml = STRBUF_INIT(1u << 16);
	bool any = s->later.claims.n > 0;

	claims_xml(&s->later.claims, &xml);
	if (xml.err)
		return error_set_errno(err, -xml.err, "claims of guest %s", s->name);
	if (s->c.api->DomainSetMetadata(s->dom, VIR_DOMAIN_METADATA_ELEMENT, any ? strbuf_str(&xml) : NULL,
	                                any ? CLAIM_PREFIX : NULL, CLAIM_NAMESPACE, scope) < 0)
		return libvirt_error(&s->c, err, "guest %s", s->name);
	return any ? 0 : drop_empty_metadata(s, err);
}

static int add_claim(struct session *s, const struct ofbc_partition *p, bool keep, struct ofbc_error *err)
{
	struct ofbc_claim *c = find_claim(&s->later, p->uuid);

	if (c && c->keep == keep)
		return 1;
	if (!c)
		c = list_add(&s->later.claims);
	if (!c)
		return -ENOMEM;
	text_copy(c->name, sizeof(c->name), p->name);
	text_copy(c->type, sizeof(c->type), p->type);
	text_copy(c->gpu, sizeof(c->gpu), p->gpu);
	text_copy(c->uuid, sizeof(c->uuid), p->uuid);
	c->placement = p->placement.size ? (int)p->placement.start : -1;
	c->memory_bytes = strchr(p->type, '%') ? p->memory_bytes : 0;
	c->keep = keep;
	return write_claims(s, err);
}

/* --- attach --- */

/* Of the same technology, in this guest. */
static unsigned count_siblings(const struct handover *h, const struct domain *d)
{
	unsigned n = 0;

	for (size_t i = 0; i < h->inv.partitions.n; i++) {
		const struct ofbc_partition *q = &h->inv.partitions.v[i];

		n += q != h->p && q->technology == h->p->technology && q->handle[0] &&
		     domain_find(d, q->handle);
	}
	return n;
}

static int check_rules(const struct session *s, const struct handover *h, const struct hostdev_wish *wish,
                       unsigned scope, struct ofbc_error *err)
{
	const struct domain *d = description(s, scope);

	if (domain_find(d, h->dev.address[0]))
		return 0;
	if (h->dev.max_per_guest && count_siblings(h, d) >= h->dev.max_per_guest) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "the driver allows %u %s of this type in one guest, %s has %u",
		          h->dev.max_per_guest, h->p->technology, s->name, count_siblings(h, d));
		error_hint(
			err,
			"only types that take a whole board can be several in a guest; detach the other one");
		return -ENOTSUP;
	}
	return hostdev_check(&h->dev, wish, d, scope == OFBC_ATTACH_LIVE, err);
}

/* Somebody else has it. The guest itself may: in its configuration, or now. */
static int check_holders(const struct session *s, const struct handover *h, struct ofbc_error *err)
{
	for (size_t i = 0; i < h->p->holders.n; i++) {
		const struct ofbc_holder *holder = &h->p->holders.v[i];

		if (strcmp(holder->kind, "guest") != 0 || strcmp(holder->name, s->name) != 0)
			return holder_error(&h->p->holders, err, "partition %s", h->p->uuid);
	}
	if (h->p->state == OFBC_PARTITION_UNKNOWN) {
		error_set(err, EBUSY, OFBC_REASON_IN_USE,
		          "partition %s: whether it is in use could not be read", h->p->uuid);
		error_hint(err, "run as root, so that the processes of all users can be seen");
		return -EBUSY;
	}
	return 0;
}

static int undo_config(struct session *s, const struct handover *h, int r, struct ofbc_error *err)
{
	struct ofbc_error e = {0};

	if (read_descriptions(s, &e) < 0)
		return error_wrap(err, "the configuration of %s stays changed (%s)", s->name, e.message);
	for (unsigned i = 0; i < h->dev.n; i++) {
		const struct domain_device *d = domain_find(&s->later, h->dev.address[i]);

		if (d && request_detach(s, d, OFBC_ATTACH_CONFIG, &e) < 0)
			return error_wrap(err, "the configuration of %s stays changed (%s)", s->name,
			                  e.message);
	}
	if (read_descriptions(s, &e) == 0)
		remove_ports(s);
	return r;
}

/* libvirt leaves out what it does not know: before 10 the display of a PCI device. */
static int check_wish(const struct session *s, const struct handover *h, const struct hostdev_wish *wish,
                      struct ofbc_error *err)
{
	const struct domain_device *d = domain_find(&s->later, h->dev.address[0]);

	if (d && d->has_display >= wish->display && d->has_ramfb >= wish->ramfb)
		return 0;
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "this libvirt knows no display of a %s device",
	          h->dev.kind == HOSTDEV_PCI ? "PCI" : "mediated");
	error_hint(err, "leave out --display, or start QEMU by hand: `openforbc partition qemu %s --display`",
	           h->p->uuid);
	return -ENOTSUP;
}

static int attach_config(struct session *s, const struct handover *h, const struct hostdev_wish *wish,
                         struct ofbc_error *err)
{
	int r = add_ports(s, h, err);

	if (r == 0)
		r = attach_functions(s, h, wish, OFBC_ATTACH_CONFIG, err);
	if (r == 0)
		r = read_descriptions(s, err);
	if (r == 0)
		r = check_wish(s, h, wish, err);
	return r < 0 ? undo_config(s, h, r, err) : 0;
}

/* Functions of a failed live attach that the guest got before the one that it did not get. */
static int attach_live(struct session *s, const struct handover *h, const struct hostdev_wish *wish,
                       struct ofbc_error *err)
{
	int r = attach_functions(s, h, wish, OFBC_ATTACH_LIVE, err);

	if (r == 0 || read_descriptions(s, NULL) < 0)
		return r;
	for (unsigned i = 0; i < h->dev.n; i++) {
		const struct domain_device *d = domain_find(&s->now, h->dev.address[i]);

		if (d)
			(void)request_detach(s, d, OFBC_ATTACH_LIVE, NULL);
	}
	return r;
}

static bool has_all(const struct session *s, const struct handover *h, unsigned scope)
{
	for (unsigned i = 0; i < h->dev.n; i++) {
		if (!domain_find(description(s, scope), h->dev.address[i]))
			return false;
	}
	return true;
}

static int attach_where_missing(struct session *s, const struct handover *h, unsigned flags,
                                struct ofbc_error *err)
{
	const struct hostdev_wish wish = {.display = flags & OFBC_ATTACH_DISPLAY,
	                                  .ramfb = flags & OFBC_ATTACH_RAMFB,
	                                  .partition = h->p->uuid};
	bool config = (flags & OFBC_ATTACH_CONFIG) && !has_all(s, h, OFBC_ATTACH_CONFIG),
	     live = (flags & OFBC_ATTACH_LIVE) && !has_all(s, h, OFBC_ATTACH_LIVE);
	int r = config ? check_rules(s, h, &wish, OFBC_ATTACH_CONFIG, err) : 0;

	if (r == 0 && live)
		r = check_rules(s, h, &wish, OFBC_ATTACH_LIVE, err);
	if (r < 0 || (!config && !live))
		return r < 0 ? r : 1;
	if (config)
		r = attach_config(s, h, &wish, err);
	if (r == 0 && live) {
		r = attach_live(s, h, &wish, err);
		if (r < 0 && config)
			r = undo_config(s, h, r, err);
	}
	return r;
}

static int check_live_possible(const struct ofbc_context *ctx, unsigned flags, struct ofbc_error *err)
{
	if (!(flags & OFBC_ATTACH_LIVE) || !(ctx->platform->emulated || ctx->platform->real_root[0]))
		return 0;
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
	          "a running guest cannot get a device that is not real");
	error_hint(err, "use --config");
	return -ENOTSUP;
}

int ofbc_partition_attach(struct ofbc_context *ctx, const char *spec, const char *guest, unsigned flags,
                          struct ofbc_error *err)
{
	_cleanup_session_ struct session s = {.ctx = ctx, .lock = -1};
	_cleanup_handover_ struct handover h = {0};
	int r = session_lock(ctx, &s, err), claimed = 1;

	if (r == 0)
		r = handover_load(ctx, spec, INVENTORY_HOLDERS, &h, err);
	if (r == 0)
		r = session_open(&s, guest, err);
	if (flags & OFBC_ATTACH_CLAIM)
		flags |= OFBC_ATTACH_CONFIG;
	if (r == 0)
		r = choose_scope(&s, &flags, err);
	if (r == 0)
		r = check_live_possible(ctx, flags, err);
	if (r == 0)
		r = check_holders(&s, &h, err);
	if (r == 0)
		r = attach_where_missing(&s, &h, flags, err);
	if (r >= 0 && (flags & OFBC_ATTACH_CLAIM))
		claimed = add_claim(&s, h.p, flags & OFBC_ATTACH_KEEP, err);
	return claimed < 0 ? claimed : r < 0 ? r : r && claimed;
}

/* --- detach --- */

static int wait_until_gone(struct session *s, const struct ofbc_partition *p, unsigned timeout_s,
                           struct ofbc_error *err)
{
	struct platform *platform = s->ctx->platform;
	uint64_t end = platform->ops->now_ns(platform) + (uint64_t)timeout_s * 1000000000u;

	for (;;) {
		bool there = false;
		int r = read_descriptions(s, err);

		if (r < 0)
			return r;
		for (size_t i = 0; i < s->now.devices.n; i++)
			there |= device_is_partition(&s->now.devices.v[i], p);
		if (!there)
			return 0;
		if (platform->ops->now_ns(platform) >= end)
			break;
		platform->ops->sleep_ms(platform, POLL_MS);
	}
	error_set(err, ETIMEDOUT, OFBC_REASON_IN_USE, "guest %s did not let go of partition %s within %u s",
	          s->name, p->uuid, timeout_s);
	error_hint(err,
	           "it may still do so; a guest that cannot unplug must be shut down: `virsh shutdown %s`",
	           s->name);
	return -ETIMEDOUT;
}

/* 0 something was taken out, 1 there was nothing. */
static int detach_from(struct session *s, const struct ofbc_partition *p, unsigned scope,
                       struct ofbc_error *err)
{
	const struct domain *d = description(s, scope);
	int r = 0, any = 1;

	for (size_t i = 0; r == 0 && i < d->devices.n; i++) {
		if (!device_is_partition(&d->devices.v[i], p))
			continue;
		any = 0;
		r = request_detach(s, &d->devices.v[i], scope, err);
	}
	return r < 0 ? r : any;
}

static int drop_claim(struct session *s, const struct ofbc_partition *p, struct ofbc_error *err)
{
	struct ofbc_claim *c = find_claim(&s->later, p->uuid);

	if (!c)
		return 1;
	*c = s->later.claims.v[--s->later.claims.n];
	return write_claims(s, err);
}

static int detach_config(struct session *s, const struct ofbc_partition *p, struct ofbc_error *err)
{
	int r = detach_from(s, p, OFBC_ATTACH_CONFIG, err), claim;

	if (r == 0)
		r = read_descriptions(s, err);
	if (r < 0)
		return r;
	remove_ports(s);
	claim = drop_claim(s, p, err);
	return claim < 0 ? claim : r && claim;
}

/* The guest that has it, when none was named. NULL: nobody. */
static int find_user(struct ofbc_context *ctx, const struct ofbc_partition *p, char ret[96],
                     struct ofbc_error *err)
{
	_cleanup_guests_ struct guests all = {0};
	int r = guests_load(ctx, &all, err);

	ret[0] = '\0';
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		const struct guest *g = &all.v[i];
		bool has = false;

		for (size_t k = 0; k < g->now.devices.n; k++)
			has |= device_is_partition(&g->now.devices.v[k], p);
		for (size_t k = 0; k < g->later.devices.n; k++)
			has |= device_is_partition(&g->later.devices.v[k], p);
		if (!has)
			continue;
		if (ret[0]) {
			error_set(err, EEXIST, OFBC_REASON_USAGE, "guests %s and %s have partition %s", ret,
			          g->name, p->uuid);
			error_hint(err, "name one: openforbc partition detach %s %s", p->uuid, g->name);
			return -EEXIST;
		}
		text_copy(ret, 96, g->name);
	}
	return r;
}

/* A partition that does not exist while its guest is off is known by the guest's claim. */
static int find_claimed(struct session *s, const char *spec, struct ofbc_partition *ret)
{
	const struct ofbc_claim *c = find_claim(&s->later, spec);

	if (!c || !c->uuid[0])
		return -ENOENT;
	*ret = (struct ofbc_partition){0};
	memcpy(ret->uuid, c->uuid, sizeof(ret->uuid));
	memcpy(ret->handle, c->uuid, sizeof(ret->uuid));
	return 0;
}

static int detach(struct session *s, const struct ofbc_partition *p, unsigned flags, unsigned timeout_s,
                  struct ofbc_error *err)
{
	int live = 1, config = 1, r = choose_scope(s, &flags, err);

	if (r == 0 && (flags & OFBC_ATTACH_LIVE))
		live = detach_from(s, p, OFBC_ATTACH_LIVE, err);
	if (r == 0 && live == 0)
		live = wait_until_gone(s, p, timeout_s ? timeout_s : DETACH_TIMEOUT_S, err);
	if (r == 0 && live >= 0 && (flags & OFBC_ATTACH_CONFIG))
		config = detach_config(s, p, err);
	return r < 0 ? r : live < 0 ? live : config < 0 ? config : live && config;
}

int ofbc_partition_detach(struct ofbc_context *ctx, const char *spec, const char *guest, unsigned flags,
                          unsigned timeout_s, struct ofbc_error *err)
{
	_cleanup_session_ struct session s = {.ctx = ctx, .lock = -1};
	_cleanup_inventory_ struct inventory inv = {0};
	const struct ofbc_partition *p = NULL;
	struct ofbc_partition claimed;
	struct ofbc_error unknown = {0};
	char user[96];
	int r = session_lock(ctx, &s, err), known;

	if (r == 0)
		r = inventory_load(ctx, INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL, &inv, err);
	known = r == 0 ? ofbc_partition_find(&inv.partitions, spec, &p, &unknown) : r;
	if (r == 0 && known == 0 && !guest) {
		r = find_user(ctx, p, user, err);
		guest = user;
		if (r == 0 && !user[0])
			return 1;
	}
	if (r == 0 && guest)
		r = session_open(&s, guest, err);
	if (r == 0 && known < 0 && s.dom && find_claimed(&s, spec, &claimed) == 0) {
		p = &claimed;
		known = 0;
	}
	if (r == 0 && known < 0) {
		if (err)
			*err = unknown;
		return known;
	}
	return r < 0 ? r : detach(&s, p, flags, timeout_s, err);
}
