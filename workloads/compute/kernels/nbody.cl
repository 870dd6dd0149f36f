/* SPDX-License-Identifier: MIT */
/*
 * A step of bodies that attract each other: all pairs, softened, then velocities and places. Before it: BODIES (a
 * multiple of GROUP), GROUP. x, y, z are the place, w the mass.
 */
KERNEL nbody(GLOBAL const float4 *RESTRICT from, GLOBAL float4 *RESTRICT to, GLOBAL float4 *RESTRICT velocities,
             const float softening, const float seconds)
{
	LOCAL float4 tile[GROUP];
	const uint body = GLOBAL_X, thread = LOCAL_X;
	const float4 own = from[body];
	float4 velocity = velocities[body], place = own;
	float ax = 0, ay = 0, az = 0;

	for (uint first = 0; first < BODIES; first += GROUP) {
		tile[thread] = from[first + thread];
		BARRIER();
		for (uint i = 0; i < GROUP; i++) {
			const float4 other = tile[i];
			const float dx = other.x - own.x, dy = other.y - own.y, dz = other.z - own.z;
			const float inverse = rsqrt(dx * dx + dy * dy + dz * dz + softening);
			const float pull = other.w * inverse * inverse * inverse;

			ax += dx * pull;
			ay += dy * pull;
			az += dz * pull;
		}
		BARRIER();
	}
	velocity.x += ax * seconds;
	velocity.y += ay * seconds;
	velocity.z += az * seconds;
	place.x += velocity.x * seconds;
	place.y += velocity.y * seconds;
	place.z += velocity.z * seconds;
	velocities[body] = velocity;
	to[body] = place;
}
