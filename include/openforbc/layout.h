/* SPDX-License-Identifier: MIT */
/* Declared state: a layout says which partitions shall stand on which GPUs; a plan is the way there. */
#pragma once

#include "openforbc/partition.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct ofbc_layout;

enum ofbc_action {
	OFBC_ACTION_DESTROY,
	OFBC_ACTION_MODE_OFF,
	OFBC_ACTION_MODE_ON, /* variant: "", or what stands behind '=' in `gpu enable` */
	OFBC_ACTION_RENAME,
	OFBC_ACTION_CREATE,
};

/**
 * struct ofbc_step - one change of a plan
 *
 * Since: 0.1
 */
struct ofbc_step {
	enum ofbc_action action;
	char gpu[32];
	char technology[16];
	char type[64];      /* with the value of a parametric type; "" for modes */
	char partition[37]; /* destroy, rename: its UUID; create: "" until it is made */
	char name[64];      /* create, rename: the name it shall have; destroy: the one it has */
	char variant[24];   /* mode-on; rename: the name before */
	struct ofbc_placement placement;
	uint64_t memory_bytes; /* limit of a parametric type */
	char reason[160];
};

struct ofbc_step_list {
	struct ofbc_step *v;
	size_t n, cap;
};

/**
 * struct ofbc_plan - steps in their order, and what stays
 *
 * Since: 0.1
 */
struct ofbc_plan {
	struct ofbc_step_list steps;
	char **kept;  /* UUIDs, NULL-terminated */
	char **notes; /* what the layout leaves out, for people; NULL-terminated */
};

/**
 * ofbc_layout_read() - a layout from its text
 * @text:  YAML or JSON
 * @len:   bytes
 * @name:  of the file, for messages
 * @which: name of one of several layouts in the file, or NULL
 * @ret:   set on success; free with ofbc_layout_free()
 * @err:   optional details on failure: "name:line:column: what was found", and what is valid
 *
 * Return: 0; -EINVAL; -ENOENT no layout @which; -ENOTSUP a build without the YAML library.
 * Since: 0.1
 */
int ofbc_layout_read(const char *text, size_t len, const char *name, const char *which,
                     struct ofbc_layout **ret, struct ofbc_error *err);

/**
 * ofbc_layout_free() - release a layout
 * @layout: may be NULL
 *
 * Since: 0.1
 */
void ofbc_layout_free(struct ofbc_layout *layout);

enum ofbc_layout_flags {
	OFBC_LAYOUT_SPREAD = 1 << 0, /* requests for several GPUs: the emptiest first, not the fullest */
	OFBC_LAYOUT_RESET = 1 << 1,  /* apply: a mode may be changed by a reset */
};

/**
 * ofbc_layout_plan() - the fewest changes that lead to a layout
 * @ctx:    library context
 * @layout: from ofbc_layout_read()
 * @flags:  enum ofbc_layout_flags
 * @ret:    set on success; free with ofbc_plan_free(). No steps: the host conforms
 * @err:    optional details on failure
 *
 * Reads only. Partitions that others made stay and serve no wish; GPUs that the layout does not match, and
 * cordoned ones, are left alone.
 *
 * Return: 0; -EBUSY a partition in use would have to go (named, with its holders); -ENOSPC it does not fit
 * (what does not, or what is in the way); -ENOENT an unknown GPU or type; -EINVAL. Since: 0.1
 */
int ofbc_layout_plan(struct ofbc_context *ctx, const struct ofbc_layout *layout, unsigned flags,
                     struct ofbc_plan **ret, struct ofbc_error *err);

/**
 * ofbc_plan_free() - release a plan
 * @plan: may be NULL
 *
 * Since: 0.1
 */
void ofbc_plan_free(struct ofbc_plan *plan);

/* Called before each step and, with done, after it. */
typedef void (*ofbc_progress)(void *data, const struct ofbc_step *step, bool done);

/**
 * ofbc_layout_apply() - plan, and carry the plan out
 * @ctx:      library context
 * @layout:   from ofbc_layout_read()
 * @flags:    enum ofbc_layout_flags
 * @progress: optional
 * @data:     for @progress
 * @ret:      set on success to the plan that was carried out; free with ofbc_plan_free()
 * @err:      optional details on failure
 *
 * Every step is written to a journal before it is done. A failure takes back, in reverse order, what was
 * done; so does the next change when this one was killed. One apply at a time: others wait up to 30 s for the
 * lock.
 *
 * Return: 0; errors of ofbc_layout_plan() with nothing done; any other -errno with the former state back
 * (reason rolled-back), or, when the message says so, not wholly. Since: 0.1
 */
int ofbc_layout_apply(struct ofbc_context *ctx, const struct ofbc_layout *layout, unsigned flags,
                      ofbc_progress progress, void *data, struct ofbc_plan **ret, struct ofbc_error *err);

/**
 * ofbc_layout_defragment() - move idle partitions so that more room is left for large ones
 * @ctx:      library context
 * @gpu:      any spelling, or NULL for all
 * @apply:    do it; otherwise only plan
 * @progress: optional
 * @data:     for @progress
 * @ret:      set on success; free with ofbc_plan_free(). No steps: it is as good as can be found
 * @err:      optional details on failure
 *
 * A partition that moves keeps its UUID and name, and gets another handle. What is in use stays. Carried out,
 * and taken back, like ofbc_layout_apply(). Return: 0 or -errno. Since: 0.1
 */
int ofbc_layout_defragment(struct ofbc_context *ctx, const char *gpu, bool apply, ofbc_progress progress,
                           void *data, struct ofbc_plan **ret, struct ofbc_error *err);

/**
 * ofbc_layout_rollback() - back to the state before the last apply
 * @ctx: library context
 * @ret: set on success to the number of steps that were taken back
 * @err: optional details on failure
 *
 * Return: 0; -ENOENT there is no apply to take back; -EBUSY a partition of it is in use.
 * Since: 0.1
 */
int ofbc_layout_rollback(struct ofbc_context *ctx, unsigned *ret, struct ofbc_error *err);

/**
 * ofbc_layout_export() - our partitions as a layout
 * @ctx:     library context
 * @as_json: JSON instead of YAML; ofbc_layout_read() takes both
 * @ret:     set on success to the text; free() it
 * @err:     optional details on failure
 *
 * Applying it changes nothing. Return: 0 or -errno. Reads only.
 * Since: 0.1
 */
int ofbc_layout_export(struct ofbc_context *ctx, bool as_json, char **ret, struct ofbc_error *err);

/**
 * ofbc_layout_import() - another tool's file as a layout
 * @from:  "mig-parted", "vgpu-device-manager" or "mdevctl"
 * @text:  its content
 * @len:   bytes
 * @name:  of the file, for messages
 * @ret:   set on success to YAML text; free() it
 * @err:   optional details on failure
 *
 * Return: 0; -EINVAL.
 * Since: 0.1
 */
int ofbc_layout_import(const char *from, const char *text, size_t len, const char *name, char **ret,
                       struct ofbc_error *err);

/**
 * ofbc_host_restore() - make again what was ours and is lost, for example after a boot
 * @ctx:    library context
 * @wait_s: how long to wait for drivers that come late, at most
 * @flags:  OFBC_LAYOUT_RESET
 * @ret:    set on success, and when some could not be made, to one step for each lost partition; the reason
 * says "restored" or what went wrong. Free with ofbc_plan_free()
 * @err:    filled when some could not be made: the first failure
 *
 * Same UUID, name and place. Nothing lost: no steps. Return: 0; 1 some could not be made; -errno nothing was
 * tried. Since: 0.1
 */
int ofbc_host_restore(struct ofbc_context *ctx, unsigned wait_s, unsigned flags, struct ofbc_plan **ret,
                      struct ofbc_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
