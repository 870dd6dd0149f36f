/* SPDX-License-Identifier: MIT */
/* Of a definition: what is said of its times. */
#include "bench/definition_data.h"

#include <math.h>

#define MAX_TIMEOUT_S 604800
#define STEADY_RUNS   30 /* at most, when nothing is said */

/* Runs or seconds that do not count: so many, or until what is measured is steady, but not more. */
static int read_warmup(const struct yaml_reader *r, const struct yaml *map, struct bench_definition *d)
{
	static const char *const known[] = {"runs", "seconds", "steady", NULL};
	int q = map ? yaml_check_keys(r, map, "warmup", known) : 0;

	if (!map || q < 0)
		return q;
	q = definition_get_bool(r, map, "steady", &d->warmup_steady);
	if (q >= 0 && d->warmup_steady && d->is_protocol)
		return yaml_complain(
			r, yaml_doc_get(map, "steady"),
			"'steady' is of programs without a protocol; those with one always warm up "
			"until they are steady, 'seconds' at most");
	d->warmup_runs = d->warmup_steady ? STEADY_RUNS : 0;
	if (q >= 0)
		q = yaml_get_number(r, map, "runs", 0, 1000, &d->warmup_runs);
	if (q >= 0)
		q = definition_get_double(r, map, "seconds", &d->warmup_s);
	if (q > 0 && (!d->is_protocol || !(d->warmup_s >= 0 && d->warmup_s <= MAX_TIMEOUT_S)))
		return yaml_complain(r, yaml_doc_get(map, "seconds"),
		                     "'seconds' is a number from 0, of programs that speak the protocol");
	return q < 0 ? q : 0;
}

int definition_read_times(const struct yaml_reader *r, const struct yaml *doc, struct bench_definition *d)
{
	static const char *const timeout_keys[] = {"setup", "run", "cleanup", NULL};
	static const char *const work_keys[] = {"per-iteration", "unit", NULL};
	const struct yaml *timeout = yaml_doc_get(doc, "timeout"), *work = yaml_doc_get(doc, "work");
	int q = read_warmup(r, yaml_doc_get(doc, "warmup"), d);

	if (q >= 0 && timeout)
		q = yaml_check_keys(r, timeout, "timeout", timeout_keys);
	if (q >= 0)
		q = yaml_get_number(r, timeout, "setup", 1, MAX_TIMEOUT_S, &d->timeout_setup_s);
	if (q >= 0)
		q = yaml_get_number(r, timeout, "run", 1, MAX_TIMEOUT_S, &d->timeout_run_s);
	if (q >= 0)
		q = yaml_get_number(r, timeout, "cleanup", 1, MAX_TIMEOUT_S, &d->timeout_cleanup_s);
	if (q >= 0 && work)
		q = yaml_check_keys(r, work, "work", work_keys);
	if (q >= 0)
		q = definition_get_double(r, work, "per-iteration", &d->work);
	if (q >= 0)
		q = yaml_get_text(r, work, "unit", d->work_unit, sizeof(d->work_unit));
	return q < 0 ? q : 0;
}
