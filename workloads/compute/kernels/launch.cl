/* SPDX-License-Identifier: MIT */
/* As little as can be, and still something that shows how often it ran. */
KERNEL count_up(GLOBAL uint *counter)
{
	if (GLOBAL_X == 0)
		counter[0] += 1;
}
