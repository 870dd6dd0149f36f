/* SPDX-License-Identifier: MIT */
/* What an adviser says of a candidate. */
#include <math.h>
#include <stdio.h>

#include "base/parse.h"
#include "model/field_macros.h"
#include "openforbc/advise.h"

GET_STRING(candidate_run, struct ofbc_candidate, run);
GET_STRING(candidate_layout, struct ofbc_candidate, layout);
GET_STRING(candidate_types, struct ofbc_candidate, types);
GET_STRING(candidate_unit, struct ofbc_candidate, unit);
GET_STRING(candidate_isolation_memory, struct ofbc_candidate, isolation_memory);
GET_STRING(candidate_isolation_compute, struct ofbc_candidate, isolation_compute);
GET_STRING(candidate_problem, struct ofbc_candidate, problem);
GET_U64(candidate_instances, struct ofbc_candidate, x->instances, true);
GET_U64(candidate_trials, struct ofbc_candidate, x->trials, x->trials > 0);
GET_U64(candidate_memory, struct ofbc_candidate, x->memory_bytes, x->memory_bytes > 0);
GET_NUMBER(candidate_value, struct ofbc_candidate, x->value);
GET_NUMBER(candidate_low, struct ofbc_candidate, x->low);
GET_NUMBER(candidate_high, struct ofbc_candidate, x->high);
GET_NUMBER(candidate_behind, struct ofbc_candidate, x->behind);
GET_NUMBER(candidate_sure, struct ofbc_candidate, x->sure);
GET_NUMBER(candidate_error, struct ofbc_candidate, x->error);

static void candidate_interval_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_candidate *c = item;

	if (!isnan(c->error))
		snprintf(buf, n, "interpolated, +-%.1f %%", 100 * c->error);
	else if (!isnan(c->low))
		snprintf(buf, n, "%.4g..%.4g", c->low, c->high);
	else
		buf[0] = '\0';
}

static void percent_text(double part, char *buf, size_t n)
{
	if (isnan(part))
		buf[0] = '\0';
	else
		snprintf(buf, n, "%.1f %%", 100 * part);
}

static void candidate_behind_text(const void *item, char *buf, size_t n)
{
	percent_text(((const struct ofbc_candidate *)item)->behind, buf, n);
}

static void candidate_sure_text(const void *item, char *buf, size_t n)
{
	percent_text(((const struct ofbc_candidate *)item)->sure, buf, n);
}

static void candidate_isolation_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_candidate *c = item;

	snprintf(buf, n, "%s%s%s", c->isolation_memory, c->isolation_memory[0] ? "/" : "",
	         c->isolation_compute);
}

const struct field candidate_fields[] = {
	{.key = "layout",
         .title = "LAYOUT",
         .kind = FIELD_STRING,
         .get = candidate_layout,
         .flags = FIELD_ID},
	{.key = "types", .title = "PARTITIONS", .kind = FIELD_STRING, .get = candidate_types},
	{.key = "instances", .title = "INST", .kind = FIELD_U64, .get = candidate_instances},
	{.key = "value", .title = "VALUE", .kind = FIELD_NUMBER, .get = candidate_value},
	{.key = "low",
         .title = "95 %",
         .kind = FIELD_NUMBER,
         .get = candidate_low,
         .text = candidate_interval_text},
	{.key = "high", .kind = FIELD_NUMBER, .get = candidate_high},
	{.key = "unit", .title = "UNIT", .kind = FIELD_STRING, .get = candidate_unit},
	{.key = "behind",
         .title = "BEHIND",
         .kind = FIELD_NUMBER,
         .get = candidate_behind,
         .text = candidate_behind_text},
	{.key = "sure",
         .title = "SURE",
         .kind = FIELD_NUMBER,
         .get = candidate_sure,
         .text = candidate_sure_text},
	{.key = "interpolation_error", .kind = FIELD_NUMBER, .get = candidate_error},
	{.key = "trials", .title = "TRIALS", .kind = FIELD_U64, .get = candidate_trials},
	{.key = "isolation_memory",
         .title = "ISOLATION",
         .kind = FIELD_STRING,
         .get = candidate_isolation_memory,
         .text = candidate_isolation_text},
	{.key = "isolation_compute", .kind = FIELD_STRING, .get = candidate_isolation_compute},
	{.key = "memory_bytes", .title = "MEMORY", .kind = FIELD_BYTES, .get = candidate_memory},
	{.key = "problem", .title = "NOT CHOSEN BECAUSE", .kind = FIELD_STRING, .get = candidate_problem},
	{.key = "run", .title = "RUN", .kind = FIELD_STRING, .get = candidate_run, .flags = FIELD_WIDE},
	TABLE_END,
};
