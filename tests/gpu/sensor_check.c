/* SPDX-License-Identifier: MIT */
/*
 * sensor_check [--load PROGRAM] [--emulated NAME]: what the sensors of a real board are worth. Lists them
 * with what a reading costs, looks at the energy counter idle and under load, compares it with the power
 * sensor, samples at 10 Hz, and checks all that for plausibility. Changes no setting, and checks that, too.
 * Under a minute.
 *
 * PROGRAM is cuda_probe; without it there is no load. Prints "N passed, N failed, N skipped" last.
 */
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "bench/energy.h"
#include "bench/environment.h"
#include "bench/sampler.h"
#include "emulation/emulation.h"
#include "platform/platform.h"

#define MS     1000000ull
#define SECOND (1000 * MS)
#define LOAD_S "34"

static struct {
	unsigned passed, failed, skipped;
} result;

__attribute__((format(printf, 3, 4))) static void check(const char *name, bool holds, const char *fmt, ...)
{
	va_list ap;

	printf("%s%s: ", holds ? "ok      " : "FAILED  ", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	*(holds ? &result.passed : &result.failed) += 1;
}

static void skip(const char *name, const char *why)
{
	printf("skipped %s: %s\n", name, why);
	result.skipped++;
}

/* The first board with an energy counter; "" none. */
static void find_board(struct platform *p, struct sensor_set *set, char *buf, size_t size)
{
	_cleanup_strv_ struct strv names = {0};

	buf[0] = '\0';
	(void)sysfs_list(p, &names, "sys/bus/pci/devices");
	for (size_t i = 0; i < names.n && !buf[0]; i++) {
		struct pci_function f;

		if (pci_read(p, names.v[i], &f) < 0 || (f.class >> 16 != 0x03 && f.class >> 8 != 0x1200))
			continue;
		if (sensor_add_gpu(set, names.v[i], SENSOR_WITH_PROFILING, NULL) > 0)
			text_copy(buf, size, names.v[i]);
	}
}

static void list_sensors(struct sensor_set *set)
{
	static const char *const paces[] = {"each sample", "each second", "edges"};
	struct sensor_reading v;

	for (unsigned r = 0; r < sensor_readers(set); r++) {
		struct sensor_cost c;

		sensor_measure(set, r, &c);
		printf("call %u: %.1f us, %.1f us of them processor time:", r, (double)c.wall_ns / 1e3,
		       (double)c.cpu_ns / 1e3);
		for (size_t i = 0; i < sensor_count(set); i++) {
			const struct sensor *s = sensor_at(set, i);

			if (s->reader != r)
				continue;
			sensor_read_one(set, i, &v);
			printf(" %s ", sensor_kinds[s->quantity].key);
			if (v.is_known)
				printf("%lld", (long long)v.value);
			else
				printf("unknown");
			printf(" (%s, %s)", s->source, paces[s->pace]);
		}
		printf("\n");
	}
	for (size_t i = 0; i < sensor_notes(set)->n; i++)
		printf("note: %s\n", sensor_notes(set)->v[i]);
}

static void check_traits(const char *when, const struct energy_traits *t, double low, double high)
{
	char name[64];

	snprintf(name, sizeof(name), "energy counter, %s", when);
	check(name, t->is_usable, "%s", t->is_usable ? "usable" : t->reason);
	if (!t->is_usable)
		return;
	check("its tick is plausible", t->tick_ns > 500000 && t->tick_ns < 2 * SECOND,
	      "%.2f ms (%.2f to %.2f ms in %zu)", (double)t->tick_ns / 1e6, (double)t->tick_min_ns / 1e6,
	      (double)t->tick_max_ns / 1e6, t->ticks);
	check("its quantum is no more than a step", t->quantum_uj > 0 && t->quantum_uj <= t->step_uj,
	      "%.3f mJ, step %.3f mJ", (double)t->quantum_uj / 1e3, (double)t->step_uj / 1e3);
	check("a reading costs less than a tick", t->cost_ns < t->tick_ns,
	      "%.1f us, %.1f us of processor time", (double)t->cost_ns / 1e3, (double)t->cost_cpu_ns / 1e3);
	check("its power is near the power sensor's", t->agreement > low && t->agreement < high,
	      "%.3f (%.2f W against %.2f W)", t->agreement, t->counter_w, t->sensor_w);
	for (size_t i = 0; i < ENERGY_RATES; i++) {
		if (t->rates[i].every_ns)
			printf("read each %llu ms: %.3f of the power sensor's\n",
			       (unsigned long long)(t->rates[i].every_ns / MS), t->rates[i].agreement);
	}
}

/* A window of 6 s, by the counter and by the sampled power. */
static void check_window(struct platform *p, struct sensor_set *set, size_t counter, int power,
                         const struct energy_traits *t)
{
	_cleanup_sampler_ struct sampler *s = NULL;
	struct energy_edge a, b;
	struct energy e, integrated;
	struct sampler_cost c;

	if (sampler_new(set, NULL, &s) < 0)
		return;
	energy_edge_take(set, counter, t, &a);
	sampler_begin(s, SAMPLER_WINDOW);
	sampler_wait(s, p->ops->now_ns(p) + 6 * SECOND);
	sampler_end(s);
	energy_edge_take(set, counter, t, &b);
	energy_window(&a, &b, t, sensor_at(set, counter)->source, &e);
	c = sampler_cost(s);
	check("a window of 6 s has an energy", e.source == ENERGY_COUNTER,
	      "%.2f J +- %.2f J in %.4f s (%s)%s", e.j, e.u_j, e.window_s, e.label, e.reason);
	if (energy_of_samples(s, (size_t)power, sampler_row(s, 0).at_ns,
	                      sampler_row(s, sampler_rows(s) - 1).at_ns, &integrated) < 0)
		return;
	check("and sampled power, integrated, agrees",
	      fabs(integrated.j / integrated.window_s / (e.j / e.window_s) - 1) < 0.2,
	      "%.2f W against %.2f W", integrated.j / integrated.window_s, e.j / e.window_s);
	check("sampling at 10 Hz takes less than 1 % of a processor", c.cpu_share < 0.01,
	      "%.3f %%, longest sample %.2f ms, %zu of %zu missed, %zu calls slowed", c.cpu_share * 100,
	      (double)c.longest_ns / 1e6, c.missed, c.samples + c.missed, c.n_slowed);
	for (size_t i = 0; i < sensor_count(set); i++) {
		struct sampler_figures f = sampler_figures(s, SAMPLER_WINDOW, i);

		if (f.n)
			printf("window: %s %lld to %lld, %zu times\n",
			       sensor_kinds[sensor_at(set, i)->quantity].key, (long long)f.min,
			       (long long)f.max, f.n);
	}
}

static pid_t start_load(struct platform *p, char *program)
{
	extern char **environ;
	char option[] = "--load", seconds[] = LOAD_S;
	char *argv[] = {program, option, seconds, NULL};
	pid_t pid;

	if (p->emulated)
		return emulation_hold(p, "/dev/nvidia0", "load", getpid(), NULL) == 0 ? getpid() : -1;
	return program && posix_spawn(&pid, program, NULL, NULL, argv, environ) == 0 ? pid : -1;
}

static void end_load(struct platform *p, pid_t pid)
{
	int status;

	if (p->emulated) {
		emulation_hold(p, "/dev/nvidia0", "load", 0, NULL);
		return;
	}
	kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0)
		;
}

static void check_board(struct platform *p, char *program)
{
	_cleanup_sensors_ struct sensor_set *set = NULL;
	struct energy_traits idle, load;
	char board[32];
	int counter, power;
	pid_t pid;

	if (sensor_set_new(p, &set) < 0)
		return;
	find_board(p, set, board, sizeof(board));
	counter = board[0] ? sensor_find(set, SENSOR_ENERGY, board) : -1;
	power = board[0] ? sensor_find(set, SENSOR_POWER, board) : -1;
	if (counter < 0 || power < 0) {
		skip("all", "no board here has an energy counter and a power sensor");
		return;
	}
	printf("board %s, %zu sensors in %zu calls\n", board, sensor_count(set), sensor_readers(set));
	list_sensors(set);
	energy_test(set, (size_t)counter, &(struct energy_test_options){.agree_ns = 5 * SECOND}, &idle);
	check_traits("idle", &idle, 0.4, 1.6); /* boards are known whose counter is off when idle */
	pid = start_load(p, program);
	if (pid < 0) {
		skip("load", "no --load PROGRAM");
		return;
	}
	p->ops->sleep_until_ns(p, p->ops->now_ns(p) + 4 * SECOND);
	energy_test(set, (size_t)counter,
	            &(struct energy_test_options){.agree_ns = 10 * SECOND, .with_rates = true}, &load);
	check_traits("under load", &load, 0.8, 1.2);
	check("more than idle", load.counter_w > idle.counter_w, "%.2f W, idle %.2f W", load.counter_w,
	      idle.counter_w);
	if (load.is_usable)
		check_window(p, set, (size_t)counter, power, &load);
	end_load(p, pid);
}

/* Who has an MPS daemon is no setting of the board, nor is the memory that a guest was given meanwhile. */
static size_t changed_settings(const struct environment_diff *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->v[i].weight == CHANGE_MATTERS && strncmp(d->v[i].path, "gpus/", 5) == 0 &&
		     strncmp(d->v[i].path, "gpus/mps/", 9) != 0;
	return n;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *before = NULL, *after = NULL, *changes = NULL;
	char state[] = "/tmp/ofbc-sensors-XXXXXX", command[64], *program = NULL, *emulated = NULL;
	struct environment_platform e;
	struct environment_diff d = {0};
	struct ofbc_error err = {0};
	struct platform *p = NULL;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--load") == 0)
			program = argv[i + 1];
		else if (strcmp(argv[i], "--emulated") == 0)
			emulated = argv[i + 1];
	}
	if (!mkdtemp(state) || (emulated ? platform_emulated_new(emulated, state, &p, &err)
	                                 : platform_linux_new("/", NULL, &p, &err)) < 0) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	environment_platform(p, &e);
	printf("platform %s (%s)\n", e.label, e.evidence);
	if (environment_capture(p, "sensor_check", &before, NULL) == 0) {
		printf("%s", before);
		check_board(p, program);
		if (environment_capture(p, "sensor_check", &after, NULL) == 0 &&
		    environment_diff(before, after, &d, NULL) == 0 &&
		    environment_diff_text(&d, &changes) == 0)
			check("no setting was changed", changed_settings(&d) == 0, "%zu changes\n%s", d.n,
			      changes);
	}
	environment_diff_done(&d);
	platform_free(p);
	snprintf(command, sizeof(command), "rm -rf %s", state);
	printf("%u passed, %u failed, %u skipped\n", result.passed, result.failed, result.skipped);
	return system(command) != 0 || result.failed != 0;
}
