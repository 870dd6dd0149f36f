/* SPDX-License-Identifier: MIT */
/*
 * One pass over memory, in pieces of 16 bytes. Before it: RESULT(e), an expression of first.e, second.e and factor; INPUTS (1
 * or 2); GROUP threads with PIECES each; IS_READ: nothing is written but one sum a thread, and
 * PIECES is even.
 */
#ifdef REAL_IS_DOUBLE
typedef double2 piece;
#else
typedef float4 piece;
#endif

FUNCTION piece combine(const piece first, const piece second, const real factor)
{
	piece result;

	result.x = RESULT(x);
	result.y = RESULT(y);
#ifndef REAL_IS_DOUBLE
	result.z = RESULT(z);
	result.w = RESULT(w);
#endif
	return result;
}

FUNCTION piece plus(const piece a, const piece b)
{
	piece result;

	result.x = a.x + b.x;
	result.y = a.y + b.y;
#ifndef REAL_IS_DOUBLE
	result.z = a.z + b.z;
	result.w = a.w + b.w;
#endif
	return result;
}

FUNCTION real total(const piece p)
{
#ifdef REAL_IS_DOUBLE
	return p.x + p.y;
#else
	return p.x + p.y + p.z + p.w;
#endif
}

/* A group has one stretch of memory, its threads take turns in it. */
KERNEL stream(GLOBAL const piece *RESTRICT first, GLOBAL const piece *RESTRICT second, GLOBAL piece *RESTRICT out,
              GLOBAL real *RESTRICT sums, const real factor)
{
	const uint begin = GROUP_X * GROUP * PIECES + LOCAL_X;
#if IS_READ
	/* Two pieces at a time, and no array: a processor keeps the sums of all threads in memory between the steps. */
	piece sum = plus(first[begin], first[begin + GROUP]);

	for (uint i = 2; i < PIECES; i += 2)
		sum = plus(sum, plus(first[begin + i * GROUP], first[begin + (i + 1) * GROUP]));
	sums[GLOBAL_X] = total(sum);
#else
	piece a[PIECES], b[PIECES];

	for (uint i = 0; i < PIECES; i++) {
		a[i] = first[begin + i * GROUP];
		b[i] = INPUTS > 1 ? second[begin + i * GROUP] : a[i];
	}
	for (uint i = 0; i < PIECES; i++)
		out[begin + i * GROUP] = combine(a[i], b[i], factor);
#endif
}
