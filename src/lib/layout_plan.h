/* SPDX-License-Identifier: MIT */
/* What the two halves of planning share: a layout spread over the GPUs, and the plan that grows. */
#pragma once

#include "lib/layout.h"

/* One partition that shall stand on one GPU. */
struct wish {
	struct view *view;
	const struct ofbc_type *type;
	unsigned param;
	const struct layout_part *part;
	char name[64];
};

struct wish_list {
	struct wish *v;
	size_t n, cap;
};

struct job {
	struct ofbc_gpu *gpu;
	const struct layout_entry *entry; /* NULL: the layout says nothing of it */
	struct wish_list wishes;
};

struct planning {
	struct inventory *inv;
	const struct ofbc_layout *layout;
	struct job *jobs; /* one a GPU */
	unsigned flags;
	struct ofbc_plan *plan;
	struct strv kept, notes;
	struct ofbc_error *err;
};

/* layout_match.c */
int plan_complain(const struct planning *p, unsigned line, unsigned column, int code, enum ofbc_reason reason,
                  const char *what);
int find_entries(struct planning *p); /* which element speaks of which GPU */
/* One more partition for a GPU; number: from 0, of several of one element. */
int add_wish(struct planning *p, struct job *job, const struct layout_part *part, unsigned number);
int add_wishes(struct planning *p, struct job *job); /* all of the job's element */
