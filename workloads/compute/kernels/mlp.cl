/* SPDX-License-Identifier: MIT */
/*
 * What the network needs beside products. Before it: ROWS, WIDTH, GROUP (a power of two).
 */

/*
 * Half of the squared distance of every row from its target, and its derivative by the row's elements divided by
 * the number of rows. A group a row.
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

/* Between layers, where a library has made the product: cuts off what is below zero. */
KERNEL cut_off(GLOBAL real *RESTRICT output)
{
	if (GLOBAL_X < ROWS * WIDTH && output[GLOBAL_X] < 0)
		output[GLOBAL_X] = 0;
}

/* Nothing comes back through what was cut off. */
KERNEL cut_gradient(GLOBAL real *RESTRICT gradient, GLOBAL const real *RESTRICT output)
{
	if (GLOBAL_X < ROWS * WIDTH && !(output[GLOBAL_X] > 0))
		gradient[GLOBAL_X] = 0;
}
