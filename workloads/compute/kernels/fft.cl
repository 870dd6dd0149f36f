/* SPDX-License-Identifier: MIT */
/*
 * Fourier transforms of rows of SIZE complex numbers, a group a row, all passes in local memory (Stockham's order, which
 * needs no reversal of bits). Before it: SIZE (a power of two), GROUP. The table has the roots of unity.
 */
typedef struct {
	real re, im;
} complex_number;

KERNEL fft(GLOBAL const complex_number *RESTRICT in, GLOBAL complex_number *RESTRICT out,
           GLOBAL const complex_number *RESTRICT roots)
{
	LOCAL complex_number data[2][SIZE];
	const uint thread = LOCAL_X, first = GROUP_X * SIZE;
	uint from = 0;

	for (uint i = thread; i < SIZE; i += GROUP)
		data[0][i] = in[first + i];
	BARRIER();
	for (uint apart = 1; apart < SIZE; apart *= 2) {
		for (uint i = thread; i < SIZE / 2; i += GROUP) {
			const uint k = i % apart, to = 2 * (i - k) + k;
			const complex_number root = roots[k * (SIZE / 2 / apart)];
			const complex_number a = data[from][i], b = data[from][i + SIZE / 2];
			complex_number turned, sum, difference;

			turned.re = b.re * root.re - b.im * root.im;
			turned.im = b.re * root.im + b.im * root.re;
			sum.re = a.re + turned.re;
			sum.im = a.im + turned.im;
			difference.re = a.re - turned.re;
			difference.im = a.im - turned.im;
			data[1 - from][to] = sum;
			data[1 - from][to + apart] = difference;
		}
		from = 1 - from;
		BARRIER();
	}
	for (uint i = thread; i < SIZE; i += GROUP)
		out[first + i] = data[from][i];
}
