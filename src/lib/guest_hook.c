/* SPDX-License-Identifier: MIT */
/*
 * What libvirt's hook does for a guest with claims: before the start its partitions are made, under the UUIDs
 * that its devices refer to; after the end they are freed. libvirt waits for us and answers nothing
 * meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "guest/domain.h"
#include "lib/layout.h"

static struct ofbc_partition *find(struct inventory *inv, const char *uuid)
{
	for (size_t i = 0; i < inv->partitions.n; i++) {
		if (strcmp(inv->partitions.v[i].uuid, uuid) == 0)
			return &inv->partitions.v[i];
	}
	return NULL;
}

static bool is_used(const struct ofbc_partition *p)
{
	return p->state == OFBC_PARTITION_IN_USE || p->holders.n;
}

/* The guest's devices name it; one that came up elsewhere would not be found. */
static int check_device(const struct domain *d, const struct ofbc_partition *p, struct ofbc_error *err)
{
	if (domain_find(d, p->handle))
		return 0;
	error_set(err, ENODEV, OFBC_REASON_FAILED, "partition %s came up as %s, which guest %s does not have",
	          p->uuid, p->handle, d->name);
	error_hint(err, "`openforbc partition detach %s %s`, then attach it again", p->uuid, d->name);
	return -ENODEV;
}

static int check_claim(const struct domain *d, const struct ofbc_claim *c, struct ofbc_error *err)
{
	if (c->uuid[0] && c->type[0])
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "guest %s: claim '%s' has no %s", d->name, c->name,
	          c->uuid[0] ? "type" : "uuid");
	error_hint(err, "`openforbc partition attach P %s --claim` writes claims", d->name);
	return -EINVAL;
}

static int make_claimed(struct change *ch, const struct ofbc_claim *c, struct ofbc_error *err)
{
	_cleanup_(partition_list_done) struct ofbc_partition_list made = {0};
	const struct ofbc_create_request rq = {.gpu = c->gpu[0] ? c->gpu : NULL,
	                                       .type = c->type,
	                                       .name = c->name[0] ? c->name : NULL,
	                                       .uuid = c->uuid,
	                                       .placement = c->placement,
	                                       .memory_bytes = c->memory_bytes};

	return create_requested(&ch->inv, ch->store, &rq, &made, err);
}

/* 1 made, 0 it stands already. */
static int provide(struct change *ch, const struct domain *d, const struct ofbc_claim *c,
                   struct ofbc_error *err)
{
	struct ofbc_partition *p = find(&ch->inv, c->uuid);
	int r = check_claim(d, c, err), made = !p;

	if (r < 0)
		return r;
	if (p && is_used(p))
		return holder_error(&p->holders, err, "partition %s", p->uuid);
	if (p && p->state == OFBC_PARTITION_LOST) {
		r = restore_partition(ch, c->uuid, err);
		made = 1;
	} else if (!p) {
		r = make_claimed(ch, c, err);
		if (r == 0)
			r = change_reload(ch, err);
	}
	if (r < 0)
		return r;
	p = find(&ch->inv, c->uuid);
	if (!p)
		return error_set(err, EIO, OFBC_REASON_FAILED, "partition %s was made and is gone", c->uuid);
	r = check_device(d, p, err);
	if (r < 0 && made)
		(void)destroy_chosen(&ch->inv, ch->store, p, NULL);
	return r < 0 ? r : made;
}

/* 1 freed, 0 it was gone, or somebody else has it by now, or it goes only together with others. */
static int release(struct change *ch, const struct ofbc_claim *c, struct ofbc_error *err)
{
	struct ofbc_partition *p = c->uuid[0] ? find(&ch->inv, c->uuid) : NULL;
	const struct view *v = p ? inventory_view(&ch->inv, p->gpu, p->technology) : NULL;
	int r;

	if (c->keep || !p || !v || !p->is_ours || is_used(p) || (v->ops->caps & BACKEND_UNIT))
		return 0;
	r = destroy_chosen(&ch->inv, ch->store, p, err);
	if (r == 0)
		r = change_reload(ch, err);
	return r < 0 ? r : 1;
}

static int provide_all(struct change *ch, const struct domain *d, unsigned *ret, struct ofbc_error *err)
{
	_cleanup_free_ bool *made = calloc(d->claims.n + 1, sizeof(*made));
	int r = made ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < d->claims.n; i++) {
		r = provide(ch, d, &d->claims.v[i], err);
		made[i] = r > 0;
		*ret += r > 0;
		r = r > 0 ? 0 : r;
	}
	for (size_t i = d->claims.n; r < 0 && made && i-- > 0;) {
		if (made[i])
			(void)release(ch, &d->claims.v[i], NULL);
	}
	return r < 0 ? error_wrap(err, "guest %s", d->name) : 0;
}

/* All that can be freed; the first failure is told. */
static int release_all(struct change *ch, const struct domain *d, unsigned *ret, struct ofbc_error *err)
{
	int first = 0;

	for (size_t i = 0; i < d->claims.n; i++) {
		int r = release(ch, &d->claims.v[i], first ? NULL : err);

		*ret += r > 0;
		first = first ? first : r < 0 ? r : 0;
	}
	return first;
}

int ofbc_guest_hook(struct ofbc_context *ctx, const char *operation, const char *xml, size_t len,
                    unsigned *ret, struct ofbc_error *err)
{
	_cleanup_change_ struct change ch = CHANGE_INIT;
	_cleanup_domain_ struct domain d = {0};
	bool begins = strcmp(operation, "prepare") == 0, ends = strcmp(operation, "release") == 0;
	unsigned n = 0;
	int r;

	*ret = 0;
	if (!begins && !ends)
		return 0;
	r = domain_parse(xml, len, &d, err);
	if (r < 0)
		error_hint(err, "libvirt gives it as input; to try by hand: `virsh dumpxml VM`");
	if (r < 0 || !d.claims.n)
		return r;
	ctx->without_guests = true;
	r = change_begin(ctx, APPLY_FLAGS, NULL, &ch, err);
	if (r == 0)
		r = begins ? provide_all(&ch, &d, &n, err) : release_all(&ch, &d, &n, err);
	if (r == 0)
		*ret = n;
	return r;
}
