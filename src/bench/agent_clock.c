/* SPDX-License-Identifier: MIT */
#include "bench/agent_clock.h"

void clock_exchange(struct clock_reading *c, uint64_t sent, uint64_t their_received, uint64_t their_sent,
                    uint64_t received)
{
	uint64_t transit, bound;

	if (received < sent || their_sent < their_received || their_sent - their_received > received - sent)
		return;
	transit = received - sent - (their_sent - their_received);
	bound = (transit + 1) / 2;
	if (c->n++ && bound >= c->bound_ns)
		return;
	c->bound_ns = bound;
	c->at_ns = sent + (received - sent) / 2;
	/* sent + offset <= their_received and their_sent <= received + offset: the middle of both bounds */
	c->offset_ns = (int64_t)(their_received - sent) / 2 + (int64_t)(their_sent - received) / 2;
}

static int64_t offset_at(const struct clock_pair *c, uint64_t ours)
{
	const struct clock_reading *a = &c->before, *b = &c->after;
	double part;

	if (!b->n || b->at_ns <= a->at_ns || ours <= a->at_ns)
		return a->offset_ns;
	if (ours >= b->at_ns)
		return b->offset_ns;
	part = (double)(ours - a->at_ns) / (double)(b->at_ns - a->at_ns);
	return a->offset_ns + (int64_t)(part * (double)(b->offset_ns - a->offset_ns));
}

uint64_t clock_to_ours(const struct clock_pair *c, uint64_t theirs)
{
	/* the offset moves by millionths of the time that passes: nearly the moment is good enough to look it
	 * up */
	uint64_t nearly = theirs - (uint64_t)c->before.offset_ns;

	return theirs - (uint64_t)offset_at(c, nearly);
}

uint64_t clock_to_theirs(const struct clock_pair *c, uint64_t ours)
{
	return ours + (uint64_t)offset_at(c, ours);
}

uint64_t clock_bound_ns(const struct clock_pair *c)
{
	uint64_t widest = c->before.bound_ns;
	int64_t moved = c->after.offset_ns - c->before.offset_ns;

	if (!c->after.n)
		return widest;
	if (c->after.bound_ns > widest)
		widest = c->after.bound_ns;
	return widest + (uint64_t)(moved < 0 ? -moved : moved);
}
