/* SPDX-License-Identifier: MIT */
/* Inside the layout half: the file as structs, and the frame of a plan. */
#pragma once

#include "lib/inventory.h"
#include "openforbc/layout.h"

struct layout_part {
	char type[96];
	char name[64];
	char uuid[37]; /* "": any */
	unsigned count;
	int placement; /* -1: any */
	uint64_t memory_bytes;
	unsigned line, column;
};

struct layout_mode {
	char technology[16];
	char variant[24]; /* "on", "off", or a variant */
};

/* One element of `gpus:`. Criteria that are "" or -1 do not count; all others must hold. */
struct layout_entry {
	char model[96], pci[64], uuid[64], alias[64];
	char vendor[16], device[16]; /* "nvidia", "10de:20b0" */
	int index;
	bool all;
	bool is_shared; /* per: layout - the partitions are dealt out over the GPUs */
	struct layout_mode modes[OFBC_MAX_TECHNOLOGIES];
	size_t n_modes;
	struct {
		struct layout_part *v;
		size_t n, cap;
	} parts;
	unsigned line, column;
};

/* Commands of the operator around an apply; "": none. */
struct layout_hooks {
	char pre_apply[512], post_apply[512], drain[512], undrain[512];
	unsigned timeout_s;
};

#define LAYOUT_INSTANCES_MAX 16

struct ofbc_layout {
	char file[256];
	struct layout_hooks hooks;
	unsigned instances[LAYOUT_INSTANCES_MAX]; /* how many a sweep runs on it at once, one after the other
	                                           */
	size_t n_instances;
	struct {
		struct layout_entry *v;
		size_t n, cap;
	} entries;
};

/* Plans with an inventory that has types, partitions, holders and cordons. */
int layout_plan_with(struct inventory *inv, const struct ofbc_layout *layout, unsigned flags,
                     struct ofbc_plan *ret, struct ofbc_error *err);
/* Moves idle partitions of ours on their GPUs so that more room is left for the largest types. */
int layout_defragment_with(struct inventory *inv, const struct ofbc_gpu *only, struct ofbc_plan *ret,
                           struct ofbc_error *err);
void plan_done(struct ofbc_plan *plan);

/* layout_apply.c, for restore.c. Load the inventory again; make what a record says; give a record to a member
 * of a unit that stands and is not in `known` (1 done, 0 there is none). */
int change_reload(struct change *c, struct ofbc_error *err);
int make_recorded(struct change *c, const struct record *rec, bool again, struct ofbc_error *err);
int take_member(struct change *c, const struct record *rec, const struct record_list *known,
                struct ofbc_error *err);
/* restore.c: makes one lost partition again. */
int restore_partition(struct change *c, const char *uuid, struct ofbc_error *err);
#define APPLY_FLAGS (INVENTORY_TYPES | INVENTORY_HOLDERS)
/* These GPUs as they are, with modes, UUIDs, names and places, as a layout that brings this back; free() it.
 */
int layout_capture(struct inventory *inv, const struct strv *gpus, char **ret, struct ofbc_error *err);
