/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <errno.h>

#include "base/error.h"

void source_add_product(struct strbuf *to, const struct product_shape *s)
{
	strbuf_addf(to, "#define NAME %s\n#define SIZE_M %uu\n#define SIZE_N %uu\n#define SIZE_K %uu\n",
	            s->name, s->m, s->n, s->k);
	strbuf_addf(
		to,
		"#define TILE_M %uu\n#define TILE_N %uu\n#define TILE_K %uu\n#define PER_M %uu\n#define PER_N %uu\n",
		s->tile_m, s->tile_n, s->tile_k, s->per_m, s->per_n);
	strbuf_addf(to, "#define TRANSPOSED_A %d\n#define TRANSPOSED_B %d\n", s->transposed_a,
	            s->transposed_b);
	strbuf_addf(to, "#define PARAMETERS %s\n#define FIRST_A %s\n#define STORE(i, j, sum) %s\n",
	            s->parameters, s->first_a, s->store);
	strbuf_add(to, source_product);
}

/* Large tiles need less of the local memory's bandwidth for every product, small ones are more groups. A
 * processor has no registers for large ones. */
void product_choose_tiles(struct product_shape *s, enum precision p, const struct device_info *d)
{
	/* sums that the registers of present GPUs have room for, in each direction */
	unsigned per = !d->is_gpu ? 2 : p == PRECISION_FP64 ? 4 : 8;

	for (; per > 2; per /= 2) {
		unsigned tile = 16 * per;

		if ((s->m + tile - 1) / tile * ((s->n + tile - 1) / tile) >= d->units)
			break;
	}
	s->per_m = s->per_n = per;
	s->tile_m = s->tile_n = 16 * per;
	s->tile_k = 64 / per;
}

struct extent product_extent(const struct product_shape *s)
{
	return (struct extent){.groups_x = (s->n + s->tile_n - 1) / s->tile_n,
	                       .groups_y = (s->m + s->tile_m - 1) / s->tile_m,
	                       .group_x = s->tile_m / s->per_m * (s->tile_n / s->per_n),
	                       .group_y = 1};
}

int source_build(struct device *d, enum precision p, const struct strbuf *text, struct device_program **ret,
                 struct ofbc_error *err)
{
	const char *sources[] = {p == PRECISION_FP64 ? "#define REAL_IS_DOUBLE\n" : "\n", source_common,
	                         strbuf_str(text), NULL};

	if (text->err)
		return error_set_errno(err, -text->err, "a kernel's source");
	if (p == PRECISION_FP64 && !d->info.has_fp64) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "'%s' has no double precision",
		          d->info.name);
		error_hint(err, "take --precision fp32");
		return -ENOTSUP;
	}
	return d->ops->build(d, sources, ret, err);
}

int kernel_open(struct device *d, enum precision p, const struct strbuf *text, const char *name,
                struct extent extent, const struct argument *arguments, size_t n, struct kernel *ret,
                struct ofbc_error *err)
{
	int r = source_build(d, p, text, &ret->program, err);

	return r == 0 ? d->ops->bind(d, ret->program, name, extent, arguments, n, &ret->call, err) : r;
}

void kernel_close(struct device *d, struct kernel *k)
{
	d->ops->unbind(d, k->call);
	d->ops->unbuild(d, k->program);
	*k = (struct kernel){0};
}

int kernel_repeat(struct device *d, const struct kernel *k, unsigned n, struct ofbc_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++)
		r = d->ops->launch(d, k->call, err);
	return r == 0 ? d->ops->finish(d, err) : r;
}
