/* SPDX-License-Identifier: MIT */
/*
 * Half of the squared distance of every row from its target, and its derivative by the row's elements divided by
 * the number of rows. A group a row. Before it: ROWS, WIDTH, GROUP (a power of two).
 */
KERNEL loss(GLOBAL const real *RESTRICT output, GLOBAL const real *RESTRICT target, GLOBAL real *RESTRICT gradient,
            GLOBAL real *RESTRICT of_row, const uint first_target)
{
	LOCAL real part[GROUP];
	const uint row = GROUP_X, thread = LOCAL_X;
	real sum = 0;

	for (uint j = thread; j < WIDTH; j += GROUP) {
		const real difference = output[row * WIDTH + j] - target[first_target + row * WIDTH + j];

		gradient[row * WIDTH + j] = difference / ROWS;
		sum += difference * difference;
	}
	part[thread] = sum;
	BARRIER();
	for (uint n = GROUP / 2; n > 0; n /= 2) {
		if (thread < n)
			part[thread] += part[thread + n];
		BARRIER();
	}
	if (thread == 0)
		of_row[row] = part[0] / 2;
}
