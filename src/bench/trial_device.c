/* SPDX-License-Identifier: MIT */
/* Did an instance run on the partition that it was given? By what it says itself (DEVICE), or by where the
 * driver shows its processes. */
#include "bench/trial_parts.h"

#include <string.h>
#include <strings.h>

#include "platform/platform.h"

#define FIRST_LOOK_NS 100000000
#define NEXT_LOOK_NS  500000000

/* "MIG-1234" and "GPU-1234" are 1234: inside a process they are often told without. */
static const char *bare(const char *uuid)
{
	return strncmp(uuid, "MIG-", 4) == 0 || strncmp(uuid, "GPU-", 4) == 0 ? uuid + 4 : uuid;
}

void device_take(struct trial *t, unsigned i, const char *said)
{
	const struct bench_place *p = &t->rq->places[i];
	struct state *s = &t->v[i];
	bool is_there = strcasecmp(bare(said), bare(p->device)) == 0 || strcasecmp(said, p->uuid) == 0;

	if (!p->uuid[0])
		return; /* it was given nothing that it could miss */
	text_copy(s->device, sizeof(s->device), said);
	s->seen = is_there ? SEEN_THERE : SEEN_ELSEWHERE;
}

static bool is_wanted(const struct trial *t, unsigned i)
{
	const struct bench_definition *d = trial_program(t->rq, i)->definition;

	for (size_t k = 0; k < d->checks.n; k++) {
		if (d->checks.v[k].kind == CHECK_DEVICE)
			return t->rq->places[i].uuid[0] != '\0';
	}
	return false;
}

uint64_t device_look(struct trial *t)
{
	uint64_t now = t->p->ops->now_ns(t->p);
	bool is_open = false;

	for (unsigned i = 0; i < t->rq->instances; i++)
		is_open |= t->v[i].seen == SEEN_UNKNOWN && is_wanted(t, i);
	if (!is_open || !t->rq->where.look)
		return 0;
	if (!t->look_ns)
		t->look_ns = now + FIRST_LOOK_NS;
	if (now >= t->look_ns) {
		for (unsigned i = 0; i < t->rq->instances; i++) {
			if (t->v[i].seen == SEEN_UNKNOWN)
				t->v[i].seen =
					t->rq->where.look(t->rq->where.data, t->set, i, &t->rq->places[i]);
		}
		t->look_ns = t->p->ops->now_ns(t->p) + NEXT_LOOK_NS;
	}
	return t->look_ns;
}

void device_check(struct trial *t, unsigned i)
{
	const struct bench_place *p = &t->rq->places[i];
	const struct state *s = &t->v[i];

	if (s->seen == SEEN_ELSEWHERE)
		trial_judge(t, BENCH_INVALID, "instance %u ran on %s, not on '%s'", t->rq->first + i,
		            s->device[0] ? s->device : "another device", p->name);
	else if (s->seen == SEEN_UNKNOWN && is_wanted(t, i))
		trial_judge(t, BENCH_INVALID, "nothing shows that instance %u ran on '%s'", t->rq->first + i,
		            p->name);
}
