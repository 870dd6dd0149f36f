/* SPDX-License-Identifier: MIT */
/*
 * Multiplications and additions in registers, and nothing else: as many as the device can do. Before it: LANES, what a
 * thread computes with at once, a number or a vector of them; ROUNDS of 16 steps. Eight chains hide how long a step takes
 * from the next one of its chain.
 */
#define STEP(x)     x = x * factor + term
#define STEPS       STEP(a); STEP(b); STEP(c); STEP(d); STEP(e); STEP(f); STEP(g); STEP(h)
#define FOUR_STEPS  STEPS; STEPS; STEPS; STEPS

KERNEL peak(GLOBAL LANES *RESTRICT out, const real factor, const real term)
{
	const LANES start = (LANES)((real)(GLOBAL_X % 64u));
	LANES a = start, b = start + 1, c = start + 2, d = start + 3;
	LANES e = start + 4, f = start + 5, g = start + 6, h = start + 7;

	for (uint i = 0; i < ROUNDS; i++) {
		FOUR_STEPS;
		FOUR_STEPS;
		FOUR_STEPS;
		FOUR_STEPS;
	}
	out[GLOBAL_X] = ((a + b) + (c + d)) + ((e + f) + (g + h));
}
