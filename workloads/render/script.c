/* SPDX-License-Identifier: MIT */
#include "script.h"

/*
 * What a person at a desktop does. Times are means of exponential distributions. They are our choice, of the
 * order that sizing guides call a knowledge worker: about half of the time something moves.
 */
static const struct activity {
	const char *name;
	double weight;  /* how often it comes */
	double seconds; /* how long it takes */
	double rate;    /* frames a second at most; 0: every slot */
	double share;   /* of the objects */
} activities[] = {
	{.name = "read", .weight = 0.4, .seconds = 2.0, .rate = 2, .share = 0.02}, /* the cursor blinks */
	{.name = "type", .weight = 0.3, .seconds = 1.5, .rate = 6, .share = 0.1},
	{.name = "scroll", .weight = 0.2, .seconds = 1.0, .rate = 0, .share = 1.0},
	{.name = "watch", .weight = 0.1, .seconds = 3.0, .rate = 0, .share = 0.5},
};

#define N_ACTIVITIES (sizeof(activities) / sizeof(activities[0]))

/* Another activity begins in the present slot. */
static void change_activity(struct script *s)
{
	double x = random_unit(&s->random), slots;
	unsigned i = 0;

	while (i + 1 < N_ACTIVITIES && x >= activities[i].weight)
		x -= activities[i++].weight;
	slots = random_gap(&s->random, 1 / activities[i].seconds) * s->fps;
	s->activity = i;
	s->until_slot = s->slot + 1 + (uint64_t)slots;
}

void script_init(struct script *s, enum script_kind kind, double fps, uint64_t seed)
{
	*s = (struct script){.kind = kind, .fps = fps, .random = random_seeded(seed)};
}

/* Slots from one frame of the activity to the next. */
static uint64_t stride(const struct script *s)
{
	double rate = activities[s->activity].rate;

	return rate > 0 && s->fps > rate ? (uint64_t)(s->fps / rate + 0.5) : 1;
}

uint64_t script_next(struct script *s, double *ret_share)
{
	uint64_t slot;

	*ret_share = 1;
	if (s->kind == SCRIPT_CONSTANT || s->fps <= 0)
		return s->slot++;
	/* what is left of an activity may be shorter than its stride */
	while (s->slot >= s->until_slot) {
		s->slot = s->until_slot;
		change_activity(s);
	}
	slot = s->slot;
	*ret_share = activities[s->activity].share;
	s->slot += stride(s);
	return slot;
}
