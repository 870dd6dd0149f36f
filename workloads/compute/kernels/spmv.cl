/* SPDX-License-Identifier: MIT */
/*
 * y = A * x, A sparse, row by row (CSR). LANES threads share a row and add up in local memory. Before it: ROWS, GROUP,
 * LANES (powers of two).
 */
KERNEL spmv(GLOBAL const uint *RESTRICT begins, GLOBAL const uint *RESTRICT columns, GLOBAL const real *RESTRICT values,
            GLOBAL const real *RESTRICT x, GLOBAL real *RESTRICT y)
{
	LOCAL real part[GROUP];
	const uint thread = LOCAL_X, lane = thread % LANES, row = GLOBAL_X / LANES;
	const uint end = row < ROWS ? begins[row + 1] : 0;
	real sum = 0;

	for (uint i = row < ROWS ? begins[row] + lane : 0; i < end; i += LANES)
		sum += values[i] * x[columns[i]];
	part[thread] = sum;
	BARRIER();
	for (uint n = LANES / 2; n > 0; n /= 2) {
		if (lane < n)
			part[thread] += part[thread + n];
		BARRIER();
	}
	if (lane == 0 && row < ROWS)
		y[row] = part[thread];
}
