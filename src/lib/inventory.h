/* SPDX-License-Identifier: MIT */
/*
 * What a command knows of the host: GPUs, types with computed free counts, partitions matched with our
 * records. Loaded once per command, only as far as the command asks.
 */
#pragma once

#include "backends/backend.h"
#include "model/capacity.h"
#include "store/store.h"

struct guests;

struct ofbc_context {
	struct platform *platform;
	char state_dir[400];   /* of all hosts: results of measurements */
	char db_dir[512];      /* database and lock of this host */
	char libvirt_uri[256]; /* "": the system's own, where it is there */
	const struct guests
		*guests;     /* seen before the lock was taken; NULL: look when holders are asked for */
	bool without_guests; /* never ask libvirt, which waits for us */
	struct strv devices; /* addresses of other PCI devices that count as GPUs */
	void (*log)(void *data, const char *message);
	void *log_data;
};

enum inventory_flags {
	INVENTORY_TYPES = 1 << 0,
	INVENTORY_PARTITIONS = 1 << 1, /* implies the records */
	INVENTORY_HOLDERS = 1 << 2,
	INVENTORY_CPU = 1 << 3, /* the processor too */
	INVENTORY_CORDONS = 1 << 4,
};

/* One technology on one GPU. */
struct view {
	const struct backend_ops *ops;
	struct ofbc_gpu *gpu;
	struct ofbc_technology *technology;
	struct capacity capacity;
	struct ofbc_type_list types;
	struct usage usage;    /* points into types */
	char types_error[256]; /* types could not be read */
};

struct view_list {
	struct view *v;
	size_t n, cap;
};

struct inventory {
	struct ofbc_context *ctx;
	struct host host;
	struct ofbc_gpu_list gpus;
	struct view_list views;
	struct ofbc_partition_list partitions; /* its note: why guests are unknown */
	struct record_list records;
};

/* gpu: any spelling or NULL; technology: name or NULL. The inventory keeps all GPUs in .gpus, views and
 * partitions only of the chosen ones. */
int inventory_load(struct ofbc_context *ctx, unsigned flags, const char *gpu, const char *technology,
                   struct inventory *ret, struct ofbc_error *err);
void inventory_done(struct inventory *inv);
#define _cleanup_inventory_ __attribute__((cleanup(inventory_done)))

/* Rebuild usage and free counts of one GPU's views after a partition was added to .partitions. */
int inventory_recount(struct inventory *inv, const struct ofbc_gpu *gpu);
/* View of a partition's technology on its GPU; NULL when unknown. */
struct view *inventory_view(struct inventory *inv, const char *gpu_id, const char *technology);
/* Type of a view by exact key, parametric patterns included (value in *ret_param). NULL unknown. */
const struct ofbc_type *view_type(const struct view *v, const char *key, unsigned *ret_param);
/* Value of a parametric key: matches "mps:25%" with the pattern "mps:NN%". */
bool type_param(const struct ofbc_type *t, const char *key, unsigned *ret);

/* Lock of this host for one change; released by closing the descriptor. */
int context_lock(struct ofbc_context *ctx, int *ret_fd, struct ofbc_error *err);
/* Root (or emulated), else a clear error. */
int context_need_privilege(struct ofbc_context *ctx, const char *what, struct ofbc_error *err);

/* change.c: what every changing command holds. Begin takes the lock, opens the store, settles what a killed
 * command left and loads the inventory with partitions and processor. Initialise with CHANGE_INIT. */
struct change {
	int lock;
	struct ofbc_context *ctx;
	struct guests *guests;
	struct store *store;
	struct inventory inv;
};
#define CHANGE_INIT                                                                                          \
	{                                                                                                    \
		.lock = -1                                                                                   \
	}
int change_begin(struct ofbc_context *ctx, unsigned flags, const char *gpu, struct change *ret,
                 struct ofbc_error *err);
void change_end(struct change *c);
/* Under the lock: half-made partitions are taken down, complete ones are ours again. */
int change_settle(struct ofbc_context *ctx, struct store *s, struct ofbc_error *err);
/* layout_apply.c: takes back an apply that was begun and did not end. */
int layout_recover(struct change *c, struct ofbc_error *err);
#define _cleanup_change_ __attribute__((cleanup(change_end)))

/* guests.c: libvirt's guests among the holders of the partitions. Nothing is asked where none could have one.
 */
int guests_attribute(struct inventory *inv);
/* What libvirt says now; never under the lock of the host, for which a hook of libvirt may wait. *ret stays
 * NULL where no guests are looked for. */
int guests_look(struct ofbc_context *ctx, struct guests **ret);
void guests_free(struct guests *g); /* accepts NULL */

int partition_list_copy(const struct ofbc_partition *p, struct ofbc_partition_list *ret);
void partition_list_done(struct ofbc_partition_list *l);

/* resolve.c: what the user typed -> a type of a view. */
struct choice {
	struct view *view;
	const struct ofbc_type *type;
	unsigned param;
	struct ofbc_placement placement; /* size 0: none */
	uint64_t memory_bytes;
};
/* All views whose GPU matches request->gpu and that know request->type, or fit the need; best first. */
struct choice_list {
	struct choice *v;
	size_t n, cap;
};
/* create.c: what ofbc_partition_create() does, within a change. */
int create_requested(struct inventory *inv, struct store *s, const struct ofbc_create_request *rq,
                     struct ofbc_partition_list *made, struct ofbc_error *err);
/* Makes exactly this, recorded before and after. uuid: NULL for a new one. again: it was there
 * before, so that devices that come back keep the records they had. */
int create_chosen(struct inventory *inv, struct store *s, const struct choice *c, const char *name,
                  const char *uuid, bool again, struct ofbc_partition_list *made, struct ofbc_error *err);
/* api_gpu.c: `gpu enable` and `gpu disable` under a lock that the caller holds. 0 done, 1 was so. */
int mode_change(struct inventory *inv, const char *gpu, const char *technology, bool on, unsigned flags,
                struct ofbc_error *err);
/* destroy.c: destroys and forgets one of our partitions that nobody holds; of a unit the first takes all. */
int destroy_chosen(struct inventory *inv, struct store *s, struct ofbc_partition *p, struct ofbc_error *err);
/* Can partitions of these groups stand on one GPU? "mig" and "mig/vgpu" can. */
bool groups_live_together(const char *a, const char *b);
/* One type of one GPU by any spelling; *ret_param of a parametric one. -ENOENT, -EEXIST ambiguous, -ENOTSUP
 * its technology is not available. */
int resolve_on_gpu(struct inventory *inv, const struct ofbc_gpu *gpu, const char *spec,
                   struct view **ret_view, const struct ofbc_type **ret, unsigned *ret_param,
                   struct ofbc_error *err);
int resolve_request(struct inventory *inv, const struct ofbc_create_request *rq, struct choice_list *ret,
                    struct ofbc_error *err);
