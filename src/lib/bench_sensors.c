/* SPDX-License-Identifier: MIT */
/*
 * What is read beside the trials of a run: energy between edges of the counters, power, temperature and what
 * limited the clocks. Of whole boards and packages; nothing measures them for a partition.
 */
#include "bench/sensor.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "bench/energy.h"
#include "bench/sampler.h"
#include "lib/bench_job.h"
#include "platform/files.h"

#define IDLE_MIN_S  1.0
#define LOAD_MIN_NS 200000000 /* 20 ticks of the kernel's account of its processors */

/* What the processors had done by then; 0: it is not known. */
struct cpu_edge {
	int64_t busy_us;
	uint64_t at_ns;
};

struct job_sensors {
	struct sensor_set *set;
	struct sampler *sampler;
	struct energy_counter before[ENERGY_COUNTERS_MAX], after[ENERGY_COUNTERS_MAX];
	struct energy_traits traits[ENERGY_COUNTERS_MAX];
	size_t n_counters, n_boards;
	double idle_w;           /* by the counters before the first trial; NAN: not known */
	char note[192];          /* why there is no energy */
	struct energy_wait wait; /* for the edges after the load, while it goes on */
	uint64_t edge_due_ns;
	bool is_ending, is_over;
	bool wants_load;
	struct cpu_edge cpu_before, cpu_after;
};

const char *job_unit(const char *metric)
{
	static const struct {
		const char *metric, *unit;
	} units[] = {{"board power", "W"},       {"board temperature", "Cel"}, {"board clock", "MHz"},
	             {BENCH_ENERGY, "J"},        {BENCH_MEAN_POWER, "W"},      {BENCH_IDLE_POWER, "W"},
	             {BENCH_LAYOUT_CHANGE, "s"}, {BENCH_WARMUP, "1"},          {BENCH_LOAD_DONE, "1"},
	             {BENCH_START_WAIT, "s"},    {BENCH_PROCESSORS, "1"},      {BENCH_CLOCK_BOUND, "s"},
	             {BENCH_CPU_BUSY, "1"},      {BENCH_BOARD_BUSY, "1"}};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(units[i].metric, metric) == 0)
			return units[i].unit;
	}
	return "";
}

void job_sensors_close(struct bench_job *job)
{
	if (!job->sensors)
		return;
	sampler_free(job->sensors->sampler);
	sensor_set_free(job->sensors->set);
	free(job->sensors);
	job->sensors = NULL;
}

static int add_board(struct job_sensors *s, const char *gpu, struct strv *known, struct ofbc_error *err)
{
	int r;

	if (!strchr(gpu, ':') || strv_contains(known, gpu))
		return 0; /* the processor, and what is no PCI device, are no boards */
	r = sensor_add_gpu(s->set, gpu, 0, err);
	s->n_boards++;
	return r < 0 ? r : strv_add(known, gpu);
}

/* Boards that the instances are on, all of a sweep; without partitions all, if a benchmark wants a GPU. */
static int add_boards(struct bench_job *job, struct job_sensors *s, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_strv_ struct strv known = {0};
	bool wants = false;
	int r = 0;

	for (size_t i = 0; i < job->n_entries; i++) {
		const struct bench_needs *n = &job->entries[i].d->needs;

		wants |= n->gpu || n->uses_gpu || n->vendor[0] || n->gpu_memory_bytes;
	}
	for (size_t i = 0; r == 0 && i < job->gpus.n; i++)
		r = add_board(s, job->gpus.v[i], &known, err);
	for (unsigned i = 0; r == 0 && i < job->instances; i++)
		r = add_board(s, job->places[i].gpu, &known, err);
	if (r < 0 || !wants || (job->rq.n_partitions && !job->agents) || job->gpus.n)
		return r;
	r = inventory_load(job->ctx, 0, NULL, NULL, &inv, err);
	for (size_t i = 0; r == 0 && i < inv.gpus.n; i++)
		r = add_board(s, inv.gpus.v[i].id, &known, err);
	return r;
}

/* A whole board; "0000:03:00.0:pkg" is a part of one. */
static bool is_board(const struct sensor *s)
{
	struct pci_address a;

	return parse_pci(s->device, &a) == 0;
}

/* A whole package; its cores and memory are zones below it, or sums over it. */
static bool is_package(const struct sensor *s)
{
	return strncmp(s->device, "cpu:package-", 12) == 0 && !strchr(s->device + 12, ':');
}

/* Counters of the boards; of the processors when there are no boards. Of all of them or of none: a part of
 * the sum would pass for the sum. */
static void add_counters(struct job_sensors *s)
{
	static const struct energy_test_options quick = {0};

	for (size_t i = 0; i < sensor_count(s->set) && !s->note[0]; i++) {
		const struct sensor *sensor = sensor_at(s->set, i);
		struct energy_traits *t = &s->traits[s->n_counters];

		if (sensor->quantity != SENSOR_ENERGY ||
		    !(s->n_boards ? is_board(sensor) : is_package(sensor)))
			continue;
		if (s->n_counters == ENERGY_COUNTERS_MAX)
			snprintf(s->note, sizeof(s->note), "no energy: more than %d boards",
			         ENERGY_COUNTERS_MAX);
		else if (energy_test(s->set, i, &quick, t) < 0 || !t->is_usable)
			snprintf(s->note, sizeof(s->note), "no energy: the counter of %s: %s", sensor->device,
			         t->reason);
		else
			s->before[s->n_counters] = s->after[s->n_counters] =
				(struct energy_counter){.sensor = i, .traits = t};
		s->n_counters += !s->note[0];
	}
	if (!s->note[0] && s->n_counters < s->n_boards)
		snprintf(s->note, sizeof(s->note), "no energy: %zu of %zu boards have a counter",
		         s->n_counters, s->n_boards);
	else if (!s->note[0] && !s->n_counters)
		snprintf(s->note, sizeof(s->note), "no energy counter here%s%s",
		         sensor_notes(s->set)->n ? ": " : "",
		         sensor_notes(s->set)->n ? sensor_notes(s->set)->v[0] : "");
	if (s->note[0])
		s->n_counters = 0;
}

/* While the counters were tested nothing of ours ran: what the boards took then, the layout takes by itself.
 * A counter whose test is over in a moment does not tell. */
static double idle_power(const struct job_sensors *s)
{
	double w = s->n_counters ? 0 : NAN;

	for (size_t i = 0; i < s->n_counters; i++)
		w += s->traits[i].watched_s >= IDLE_MIN_S ? s->traits[i].watts : NAN;
	return w;
}

/* What is known of the counters, for the description of the surroundings. */
static int describe_counters(const struct job_sensors *s, char **ret)
{
	_cleanup_json_ struct json *doc = json_object();
	struct json *list = json_array();

	json_set_str(doc, "note", s->note);
	for (size_t i = 0; i < s->n_counters; i++) {
		const struct sensor *sensor = sensor_at(s->set, s->before[i].sensor);
		const struct energy_traits *t = &s->traits[i];
		struct json *one = json_object();

		json_set_str(one, "device", sensor->device);
		json_set_str(one, "source", sensor->source);
		json_set_double(one, "tick_s", (double)t->tick_ns / 1e9);
		json_set_double(one, "quantum_j", (double)t->quantum_uj / 1e6);
		json_set_double(one, "reading_s", (double)t->cost_ns / 1e9);
		json_set_double(one, "idle_w", t->watched_s >= IDLE_MIN_S ? t->watts : NAN);
		json_append(list, one);
	}
	json_set(doc, "counters", list);
	return json_print(doc, ret);
}

int job_sensors_open(struct bench_job *job, struct ofbc_error *err)
{
	struct job_sensors *s = calloc(1, sizeof(*s));
	int r = s ? sensor_set_new(job->ctx->platform, &s->set) : -ENOMEM;

	job->sensors = s;
	if (s)
		s->wants_load = job->wants_load;
	if (r == 0 && job_agents_elsewhere(job)) {
		text_copy(
			s->note, sizeof(s->note),
			"no energy: agents over ssh and TCP may be on other hosts; --here says that they are not");
		return 0;
	}
	if (r == 0)
		r = add_boards(job, s, err);
	if (r >= 0)
		r = sensor_add_cpu(s->set);
	if (r < 0)
		return r == -ENOMEM ? r : 0; /* a board without sensors can be measured all the same */
	add_counters(s);
	s->idle_w = idle_power(s);
	r = job->counters ? 0 : describe_counters(s, &job->counters);
	if (r < 0)
		return r;
	/* without a board or a counter there is nothing that the trials would be asked for */
	if (!s->n_boards && !s->n_counters)
		return 0;
	return sampler_new(s->set, &(struct sampler_options){0}, &s->sampler);
}

const char *job_sensors_note(const struct bench_job *job)
{
	return job->sensors ? job->sensors->note : "";
}

bool job_has_boards(const struct bench_job *job)
{
	return job->sensors && job->sensors->n_boards;
}

void job_sensors_now(struct bench_job *job, double *ret_w, double *ret_celsius)
{
	struct sensor_set *set = job_has_boards(job) ? job->sensors->set : NULL;

	*ret_w = *ret_celsius = NAN;
	for (size_t i = 0; set && i < sensor_count(set); i++) {
		enum sensor_quantity q = sensor_at(set, i)->quantity;
		struct sensor_reading v;

		if (!is_board(sensor_at(set, i)) || (q != SENSOR_POWER && q != SENSOR_TEMPERATURE))
			continue;
		sensor_read_one(set, i, &v);
		if (v.is_known && q == SENSOR_POWER)
			*ret_w = (isnan(*ret_w) ? 0 : *ret_w) + (double)v.value / 1e3;
		else if (v.is_known)
			*ret_celsius = fmax(*ret_celsius, (double)v.value / 1e3);
	}
}

double job_sensors_busy(const struct bench_job *job)
{
	struct sensor_set *set = job_has_boards(job) ? job->sensors->set : NULL;
	double busy = NAN;

	for (size_t i = 0; set && i < sensor_count(set); i++) {
		struct sensor_reading v;

		if (!is_board(sensor_at(set, i)) || sensor_at(set, i)->quantity != SENSOR_BUSY)
			continue;
		sensor_read_one(set, i, &v);
		if (v.is_known)
			busy = fmax(busy, (double)v.value / 1e3);
	}
	return busy;
}

/* --- around a trial --- */

static struct cpu_edge cpu_now(const struct job_sensors *s)
{
	struct platform *p = sensor_platform(s->set);
	int i = sensor_find(s->set, SENSOR_CPU_TIME, "cpu");
	struct sensor_reading v = {0};

	if (s->wants_load && i >= 0)
		sensor_read_one(s->set, (size_t)i, &v);
	return v.is_known ? (struct cpu_edge){v.value, p->ops->now_ns(p)} : (struct cpu_edge){0};
}

static void begin(void *data)
{
	struct job_sensors *s = data;

	s->cpu_after = (struct cpu_edge){0};
	s->is_ending = s->is_over = false;
	if (s->n_counters)
		energy_edges_take(s->set, s->before, s->n_counters);
	if (s->sampler)
		sampler_begin(s->sampler, SAMPLER_WINDOW);
	s->cpu_before = cpu_now(s);
}

static void ending(void *data)
{
	struct job_sensors *s = data;

	s->cpu_after = cpu_now(s);
	energy_wait_begin(&s->wait, s->set, s->after, s->n_counters);
	s->is_ending = true;
}

static bool is_over(void *data)
{
	return ((const struct job_sensors *)data)->is_over;
}

static void end(void *data)
{
	struct job_sensors *s = data;

	if (!s->cpu_after.at_ns) /* a program that is not told to stop */
		s->cpu_after = cpu_now(s);
	if (s->sampler)
		sampler_end(s->sampler);
	if (s->n_counters && !s->is_over)
		energy_edges_take(s->set, s->after, s->n_counters);
}

static uint64_t due(void *data)
{
	const struct job_sensors *s = data;
	uint64_t sample = s->sampler ? sampler_due_ns(s->sampler) : 0;

	return s->is_ending && s->edge_due_ns && (!sample || s->edge_due_ns < sample) ? s->edge_due_ns
	                                                                              : sample;
}

static void step(void *data)
{
	struct job_sensors *s = data;

	if (s->sampler)
		(void)sampler_step(s->sampler);
	if (!s->is_ending || s->is_over)
		return;
	s->edge_due_ns = energy_wait_step(&s->wait);
	s->is_over = !s->edge_due_ns;
}

struct trial_watch job_sensors_watch(struct bench_job *job)
{
	if (!job->sensors || (!job->sensors->sampler && !job->sensors->wants_load))
		return (struct trial_watch){0};
	for (size_t i = 0; i < job->sensors->n_counters; i++)
		job->sensors->before[i].edge = job->sensors->after[i].edge = (struct energy_edge){0};
	return (struct trial_watch){.begin = begin,
	                            .ending = ending,
	                            .is_over = is_over,
	                            .end = end,
	                            .due_ns = due,
	                            .step = step,
	                            .data = job->sensors};
}

static int add_value(struct bench_trial *t, const char *metric, double value)
{
	return isnan(value) || bench_value_add(t, metric, -1, value) ? 0 : -ENOMEM;
}

/* The sum of all boards, or nothing. Their windows differ by a tick: powers are added, each over its own. */
static int add_energy(const struct job_sensors *s, struct bench_trial *t)
{
	double j = 0, squares = 0, w = 0;
	int r;

	for (size_t i = 0; i < s->n_counters; i++) {
		struct energy e;

		energy_window(&s->before[i].edge, &s->after[i].edge, &s->traits[i],
		              sensor_at(s->set, s->before[i].sensor)->source, &e);
		if (e.source == ENERGY_NONE)
			return 0; /* too short for its ticks, or it stood still: unknown stays unknown */
		j += e.j;
		w += e.j / e.window_s;
		squares += e.u_j * e.u_j;
		text_copy(t->energy_source, sizeof(t->energy_source), e.label);
	}
	if (!s->n_counters)
		return 0;
	t->energy_j = j;
	t->energy_u = sqrt(squares);
	r = add_value(t, BENCH_ENERGY, j);
	if (r == 0)
		r = add_value(t, BENCH_MEAN_POWER, w);
	/* once a cell: it was measured once */
	return r < 0 || t->number ? r : add_value(t, BENCH_IDLE_POWER, s->idle_w);
}

static int add_gauge(const struct job_sensors *s, enum sensor_quantity quantity, const char *metric,
                     double scale, struct bench_trial *t)
{
	double sum = 0;
	size_t n = 0;

	for (size_t i = 0; i < sensor_count(s->set); i++) {
		struct sampler_figures f;

		if (sensor_at(s->set, i)->quantity != quantity || !is_board(sensor_at(s->set, i)))
			continue;
		f = sampler_figures(s->sampler, SAMPLER_WINDOW, i);
		n += f.n > 0;
		sum += f.n ? f.mean : 0;
	}
	/* power of all boards together; the others are means */
	return !n || bench_value_add(t, metric, -1,
	                             scale * (quantity == SENSOR_POWER ? sum : sum / (double)n))
	               ? 0
	               : -ENOMEM;
}

static bool was_too_hot(const struct job_sensors *s)
{
	for (size_t i = 0; i < sensor_count(s->set); i++) {
		if (sensor_at(s->set, i)->quantity == SENSOR_THROTTLE &&
		    sampler_figures(s->sampler, SAMPLER_WINDOW, i).n_thermal)
			return true;
	}
	return false;
}

static bool was_at_power_limit(const struct job_sensors *s)
{
	for (size_t i = 0; i < sensor_count(s->set); i++) {
		if (sensor_at(s->set, i)->quantity == SENSOR_THROTTLE &&
		    sampler_figures(s->sampler, SAMPLER_WINDOW, i).flags & THROTTLE_POWER)
			return true;
	}
	return false;
}

/* A tick more than there was time for would be more than all. */
static double cpu_share(const struct cpu_edge *a, const struct cpu_edge *b)
{
	if (!a->at_ns || b->at_ns < a->at_ns + LOAD_MIN_NS)
		return NAN;
	return fmin(1,
	            (double)(b->busy_us - a->busy_us) * 1e3 / (double)(b->at_ns - a->at_ns) / online_cpus());
}

/* How busy the machine was: of a trial that failed for its load, too. */
static int add_load(const struct job_sensors *s, struct bench_trial *t)
{
	int r;

	if (!s->wants_load || !t->n_values)
		return 0;
	r = add_value(t, BENCH_CPU_BUSY, cpu_share(&s->cpu_before, &s->cpu_after));
	return r == 0 && s->sampler ? add_gauge(s, SENSOR_BUSY, BENCH_BOARD_BUSY, 1e-3, t) : r;
}

int job_sensors_read(struct bench_job *job, struct bench_trial *t)
{
	const struct job_sensors *s = job->sensors;
	int r = s ? add_load(s, t) : 0;

	if (r < 0 || !s || !s->sampler || t->verdict != BENCH_OK)
		return r;
	r = add_energy(s, t);
	if (r == 0)
		r = add_gauge(s, SENSOR_POWER, "board power", 1e-3, t);
	if (r == 0)
		r = add_gauge(s, SENSOR_TEMPERATURE, "board temperature", 1e-3, t);
	if (r == 0 && !t->reason && was_at_power_limit(s))
		t->reason = strdup("the power limit of a board slowed it down, which is part of sharing it");
	if (r == 0 && was_too_hot(s)) {
		t->verdict = BENCH_THROTTLED;
		free(t->reason);
		t->reason = strdup("a board was slowed down by its temperature");
	}
	return r;
}
