/* SPDX-License-Identifier: MIT */
/*
 * C = A * B for sizes that are known when it is compiled, in tiles that go through local memory; every thread computes
 * PER_M x PER_N elements. A tile has a whole number of elements for every thread. Before it stand
 *
 *   NAME                  of the kernel
 *   SIZE_M, SIZE_N, SIZE_K
 *   TILE_M, TILE_N, TILE_K, PER_M, PER_N
 *   TRANSPOSED_A, TRANSPOSED_B   0 or 1: how the matrix lies in memory
 *   PARAMETERS            further ones of the kernel, with a comma before them, or nothing
 *   FIRST_A               element where A begins
 *   STORE(i, j, sum)      what becomes of an element
 *
 * All are undefined at its end, so that it can stand several times in one source.
 */
#define ROWS    (TILE_M / PER_M)
#define COLUMNS (TILE_N / PER_N)
#define THREADS (ROWS * COLUMNS)
#define LOADS_A (TILE_M * TILE_K / THREADS)
#define LOADS_B (TILE_N * TILE_K / THREADS)
#define PADDING (TILE_K > 8 ? 1 : 4) /* so that threads that write a column meet different banks */

KERNEL NAME(GLOBAL const real *RESTRICT a, GLOBAL const real *RESTRICT b PARAMETERS)
{
	LOCAL real tile_a[TILE_K][TILE_M + PADDING];
	LOCAL real tile_b[TILE_K][TILE_N + PADDING];
	const uint thread = LOCAL_X, row = thread / COLUMNS, column = thread % COLUMNS;
	const uint first_i = GROUP_Y * TILE_M, first_j = GROUP_X * TILE_N;
	real next_a[LOADS_A], next_b[LOADS_B], sum[PER_M][PER_N];

	for (uint i = 0; i < PER_M; i++) {
		for (uint j = 0; j < PER_N; j++)
			sum[i][j] = 0;
	}
	/* the next tiles are on their way from memory while the present ones are multiplied */
	for (uint first_k = 0; first_k < SIZE_K + TILE_K; first_k += TILE_K) {
		/* neighbours read neighbours in memory */
		for (uint l = 0; l < LOADS_A; l++) {
			const uint t = thread + l * THREADS;
			const uint i = first_i + (TRANSPOSED_A ? t % TILE_M : t / TILE_K);
			const uint k = first_k + (TRANSPOSED_A ? t / TILE_M : t % TILE_K);

			next_a[l] = i < SIZE_M && k < SIZE_K
			                    ? a[FIRST_A + (TRANSPOSED_A ? k * SIZE_M + i : i * SIZE_K + k)]
			                    : 0;
		}
		for (uint l = 0; l < LOADS_B; l++) {
			const uint t = thread + l * THREADS;
			const uint j = first_j + (TRANSPOSED_B ? t / TILE_K : t % TILE_N);
			const uint k = first_k + (TRANSPOSED_B ? t % TILE_K : t / TILE_N);

			next_b[l] = j < SIZE_N && k < SIZE_K ? b[TRANSPOSED_B ? j * SIZE_K + k : k * SIZE_N + j]
			                                     : 0;
		}
		for (uint k = 0; first_k > 0 && k < TILE_K; k++) {
			real from_a[PER_M];

			for (uint i = 0; i < PER_M; i++)
				from_a[i] = tile_a[k][row * PER_M + i];
			for (uint j = 0; j < PER_N; j++) {
				const real from_b = tile_b[k][column + j * COLUMNS];

				for (uint i = 0; i < PER_M; i++)
					sum[i][j] += from_a[i] * from_b;
			}
		}
		BARRIER();
		for (uint l = 0; l < LOADS_A; l++) {
			const uint t = thread + l * THREADS;

			tile_a[TRANSPOSED_A ? t / TILE_M : t % TILE_K][TRANSPOSED_A ? t % TILE_M : t / TILE_K] =
				next_a[l];
		}
		for (uint l = 0; l < LOADS_B; l++) {
			const uint t = thread + l * THREADS;

			tile_b[TRANSPOSED_B ? t % TILE_K : t / TILE_N][TRANSPOSED_B ? t / TILE_K : t % TILE_N] =
				next_b[l];
		}
		BARRIER();
	}
	for (uint i = 0; i < PER_M; i++) {
		for (uint j = 0; j < PER_N; j++) {
			const uint to_i = first_i + row * PER_M + i;
			const uint to_j = first_j + column + j * COLUMNS;

			if (to_i < SIZE_M && to_j < SIZE_N)
				STORE(to_i, to_j, sum[i][j]);
		}
	}
}

#undef ROWS
#undef COLUMNS
#undef THREADS
#undef LOADS_A
#undef LOADS_B
#undef PADDING
#undef NAME
#undef SIZE_M
#undef SIZE_N
#undef SIZE_K
#undef TILE_M
#undef TILE_N
#undef TILE_K
#undef PER_M
#undef PER_N
#undef TRANSPOSED_A
#undef TRANSPOSED_B
#undef PARAMETERS
#undef FIRST_A
#undef STORE
