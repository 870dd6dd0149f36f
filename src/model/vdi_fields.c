/* SPDX-License-Identifier: MIT */
/* What is said of numbers of desktop sessions. */
#include <math.h>
#include <stdio.h>

#include "model/field_macros.h"
#include "openforbc/bench_vdi.h"

GET_STRING(step_verdict, struct ofbc_vdi_step, verdict);
GET_STRING(step_reason, struct ofbc_vdi_step, reason);
GET_U64(step_sessions, struct ofbc_vdi_step, x->sessions, true);
GET_U64(step_trials, struct ofbc_vdi_step, x->trials, true);
GET_U64(step_fine, struct ofbc_vdi_step, x->fine, true);
GET_NUMBER(step_frames, struct ofbc_vdi_step, floor(x->frames));
GET_NUMBER(step_p95, struct ofbc_vdi_step, x->p95_s);
GET_NUMBER(step_p99, struct ofbc_vdi_step, x->p99_s);
GET_NUMBER(step_dropped, struct ofbc_vdi_step, x->dropped);
GET_NUMBER(step_score, struct ofbc_vdi_step, x->score);
GET_NUMBER(step_cpu, struct ofbc_vdi_step, x->cpu_busy);
GET_NUMBER(step_board, struct ofbc_vdi_step, x->board_busy);

static void number_text(double value, double scale, const char *unit, char *buf, size_t n)
{
	buf[0] = '\0';
	if (!isnan(value))
		snprintf(buf, n, "%.3g %s", value * scale, unit);
}

static void step_p95_text(const void *item, char *buf, size_t n)
{
	number_text(((const struct ofbc_vdi_step *)item)->p95_s, 1e3, "ms", buf, n);
}

static void step_p99_text(const void *item, char *buf, size_t n)
{
	number_text(((const struct ofbc_vdi_step *)item)->p99_s, 1e3, "ms", buf, n);
}

static void step_dropped_text(const void *item, char *buf, size_t n)
{
	number_text(((const struct ofbc_vdi_step *)item)->dropped, 100, "%", buf, n);
}

static void step_cpu_text(const void *item, char *buf, size_t n)
{
	number_text(((const struct ofbc_vdi_step *)item)->cpu_busy, 100, "%", buf, n);
}

static void step_board_text(const void *item, char *buf, size_t n)
{
	number_text(((const struct ofbc_vdi_step *)item)->board_busy, 100, "%", buf, n);
}

static void step_score_text(const void *item, char *buf, size_t n)
{
	double score = ((const struct ofbc_vdi_step *)item)->score;

	buf[0] = '\0';
	if (!isnan(score))
		snprintf(buf, n, "%.2f", score);
}

const struct field vdi_step_fields[] = {
	{.key = "sessions", .title = "SESSIONS", .kind = FIELD_U64, .get = step_sessions},
	{.key = "trials", .title = "TRIALS", .kind = FIELD_U64, .get = step_trials},
	{.key = "fine", .title = "FINE", .kind = FIELD_U64, .get = step_fine},
	{.key = "frames", .title = "FRAMES", .kind = FIELD_NUMBER, .get = step_frames, .flags = FIELD_WIDE},
	{.key = "p95_s", .title = "P95", .kind = FIELD_NUMBER, .get = step_p95, .text = step_p95_text},
	{.key = "p99_s", .title = "P99", .kind = FIELD_NUMBER, .get = step_p99, .text = step_p99_text},
	{.key = "dropped",
         .title = "DROPPED",
         .kind = FIELD_NUMBER,
         .get = step_dropped,
         .text = step_dropped_text},
	{.key = "score", .title = "SCORE", .kind = FIELD_NUMBER, .get = step_score, .text = step_score_text},
	{.key = "cpu_busy", .title = "CPU", .kind = FIELD_NUMBER, .get = step_cpu, .text = step_cpu_text},
	{.key = "board_busy",
         .title = "GPU",
         .kind = FIELD_NUMBER,
         .get = step_board,
         .text = step_board_text},
	{.key = "verdict", .title = "VERDICT", .kind = FIELD_STRING, .get = step_verdict},
	{.key = "reason", .title = "REASON", .kind = FIELD_STRING, .get = step_reason, .flags = FIELD_WIDE},
	TABLE_END,
};
