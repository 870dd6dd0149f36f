/* SPDX-License-Identifier: MIT */
/* One run while it runs. */
#pragma once

#include "bench/random.h"
#include "lib/bench.h"

/* A benchmark of the run, with what was chosen of it. */
struct bench_entry {
	struct bench_definition *d;
	const struct bench_preset *preset;
	struct pair_list parameters; /* defaults, preset, and what was asked for */
	char path[512];
	char against[96]; /* "mlp,width=512": it is no victim, but runs beside them; "" it is measured */
	bool is_ready;    /* its setup is done */
	unsigned agents;  /* ... on the first so many of them */
};

/* What is measured together: one state of the machine. */
struct bench_stage {
	char name[64];       /* layout, "unpartitioned", "shared", or the partition types */
	char *layout;        /* text that brings it about; NULL: as the machine is */
	char which[64];      /* one of several in the text; "" there is only one */
	char solo[64];       /* only on the first partition of this type, the others idle; "" on all */
	bool is_whole;       /* no partitions */
	unsigned partitions; /* of the layout */
	unsigned instances;  /* dealt out over them */
	unsigned agents;     /* the first so many take part; 0: it runs here */
	char types[128];     /* of its partitions, "2x mps:50%"; "" none */
	/* what each instance is promised: bytes (0: nothing) and isolation from the others */
	uint64_t memory_bytes;
	enum ofbc_isolation isolation_memory, isolation_compute;
};

/* A partition that stands or will stand; texts are borrowed. */
struct stage_part {
	const char *type, *gpu;
	uint64_t memory_bytes; /* its own limit; 0: what its type has */
};

struct stage_part_list {
	struct stage_part *v;
	size_t n, cap;
};

/* A cell with what is known so far of its first metric. */
struct bench_live {
	struct bench_cell c;
	struct bench_entry *entry;
	struct bench_entry *aggressor; /* what the other instances run; NULL: the same */
	struct pair_list parameters;
	size_t stage;
	double *first; /* of its trials that are good */
	size_t n_first, cap_first;
	unsigned trials, failures;
	unsigned unsteady; /* good trials with an instance that never became steady */
	unsigned warmups;  /* runs after which it was not steady yet, though it was to be */
	double seconds;    /* of its last trial */
	bool is_warm, is_over;
	bool is_noted; /* a note of a good trial was told: the next ones say the same */
};

/* When a trial may start. */
struct start_rule {
	bool is_stable;         /* else now */
	double seconds, watts;  /* power of all boards stays within `watts` for so long */
	double celsius, wait_s; /* no board is hotter; it is waited for so long at most */
};

struct start_outcome {
	double waited_s; /* NAN: it was not waited, or there was nothing to look at */
	bool is_stable;
};

/* Not all cells are planned: which number of sessions comes next is found by those before. */
struct job_search {
	double fps;       /* that the sessions want to have */
	unsigned confirm; /* trials of the answer, and of one session more */
	unsigned max;     /* sessions */
};

struct bench_job {
	struct ofbc_context *ctx;
	struct ofbc_bench_request rq; /* with its defaults; texts are borrowed */
	struct results *results;
	struct bench_run run;
	struct bench_entry *entries;
	size_t n_entries, n_victims; /* after the benchmarks that are measured come those beside them */
	struct bench_live *cells;
	size_t n_cells, cap_cells;
	struct bench_stage *stages;
	size_t n_stages, stage;     /* the present one */
	struct strv gpus;           /* of a sweep */
	char *first_state;          /* of a sweep: what it is to come back to */
	double change_s;            /* what bringing the present stage about took; 0: nothing was done */
	struct bench_place *places; /* of the present stage */
	unsigned instances;
	char scratch[256];
	struct random random;
	unsigned block;
	uint64_t began_ns, synced_ns; /* when trials were brought to the disk last */
	ofbc_bench_told *told;
	void *data;
	struct job_sensors *sensors; /* NULL: none */
	struct start_rule start;
	int processors;   /* each instance has so many of its own; 0: it was not asked for; < 0: there are too
	                     few */
	char others[256]; /* who used the boards when it was looked last; "" nobody */
	uint64_t others_ns;
	char *counters;           /* JSON: what the tests of the energy counters said; NULL none yet */
	struct agents *agents;    /* NULL: the instances run here */
	struct job_search search; /* confirm 0: none */
	bool wants_load;          /* how busy processors and boards are is kept with each trial */
};

/* A request as it is stored with a run; texts of *ret live as long as it. */
#define STORED_LIST_MAX 1024
struct stored_request {
	struct json *doc;
	const char *benchmarks[STORED_LIST_MAX], *parameters[STORED_LIST_MAX], *partitions[STORED_LIST_MAX],
		*agents[STORED_LIST_MAX], *against[STORED_LIST_MAX];
	unsigned instances[STORED_LIST_MAX];
};
void stored_request_done(struct stored_request *s);

/* A new run in the database, with its surroundings; its cells are planned. */
int job_open_run(struct bench_job *job, char ret_run[37], struct ofbc_error *err);
/* A stored one with its request; NULL: the last one that is not ended. 1: it was ended already. */
int job_reopen_run(struct bench_job *job, const char *run, struct stored_request *stored, char ret_run[37],
                   struct ofbc_error *err);
/* What is stored of a cell counts, if it is the same cell still. bench_cell_data_done() releases *ret. */
int job_take_over(struct bench_job *job, struct bench_live *cell, struct bench_cell_data *ret,
                  struct ofbc_error *err);
/* After the measuring, whose status is r: the surroundings once more, and the end of the run. */
int job_close_run(struct bench_job *job, int r, struct ofbc_error *err);

/* Entries, places and cells of a request. */
int job_prepare(struct bench_job *job, struct ofbc_error *err);
/* The cells of one stage; those of all stages that are planned before are made by job_prepare(). */
int job_prepare_stage(struct bench_job *job, size_t stage, struct ofbc_error *err);
/* One more stage, with so many instances where the request says, and its places. */
int job_add_stage(struct bench_job *job, unsigned instances, struct ofbc_error *err);
/* Stages: the one of a usual run, with its places; or those of a sweep. */
int job_plan_stage(struct bench_job *job, struct ofbc_error *err);
int job_plan_sweep(struct bench_job *job, struct ofbc_error *err);
int job_plan_agents(struct bench_job *job, struct ofbc_error *err);
/* Brings a stage about, and back to the state before the sweep. */
int job_enter(struct bench_job *job, size_t stage, struct ofbc_error *err);
int job_leave(struct bench_job *job, struct ofbc_error *err);
/* Types and promises of a stage, from its partitions; without any it is the whole of the GPUs. `inv` is
 * needed only for either. */
void stage_describe(struct inventory *inv, const struct stage_part_list *parts, const struct strv *gpus,
                    struct bench_stage *s);
/* All stages as they are stored with the run: with the layouts' texts, so that they can be applied again. */
struct json *stages_print(const struct bench_job *job);
/* Places of so many instances on n partitions, or on none; `s`, which may be NULL, is described and named.
 * places_free() releases them. */
int places_new(struct ofbc_context *ctx, const char *const *partitions, size_t n, unsigned instances,
               struct bench_place **ret, struct bench_stage *s, struct ofbc_error *err);
void places_free(struct bench_place *v, unsigned n); /* NULL is fine */
/* Those of the present stage. */
int job_place(struct bench_job *job, const char *const *partitions, size_t n, unsigned instances,
              struct bench_stage *s, struct ofbc_error *err);
/* Only the first place of a type stays. */
void job_place_only(struct bench_job *job, const char *type);
void job_places_free(struct bench_job *job);
/* Processors of its own for each instance, if that is wanted and none has them already. */
int job_share_processors(struct bench_job *job);
/* What of the GPU each instance had, and what the change of the layout took, as figures of a trial. */
int job_places_read(const struct bench_job *job, struct bench_trial *t);
/* The request as JSON, and back. Texts of *ret live as long as *doc. */
int job_request_print(const struct bench_job *job, char **ret);
/* Measures until every cell is over. -EINTR. */
int job_measure(struct bench_job *job, struct ofbc_error *err);
/* Around job_trial(): what it needs; cleanup of the benchmarks, whatever r. */
int job_begin(struct bench_job *job, struct ofbc_error *err);
int job_end(struct bench_job *job, int r, struct ofbc_error *err);
/* Setup and warm-up, once; afterwards the cell may be over, with the reason. */
int job_prepare_cell(struct bench_job *job, struct bench_live *cell, struct ofbc_error *err);
/* One trial of the present stage, in the database. 1: it could not be started, and the cell is over. */
int job_trial(struct bench_job *job, struct bench_live *cell, struct bench_trial *ret,
              struct ofbc_error *err);
bool job_is_budget_spent(const struct bench_job *job);
/* What was measured all the same is there; that it never was steady says more than how precise it is. */
int job_conclude_measured(struct bench_job *job, struct bench_live *cell, enum bench_verdict verdict,
                          const char *reason, struct ofbc_error *err);
/* Summaries and verdict of one cell, into the store. */
int job_conclude(struct bench_job *job, struct bench_live *cell, enum bench_verdict verdict,
                 const char *reason, struct ofbc_error *err);
/* What is told of a cell whatever happens in it. */
struct ofbc_bench_progress job_progress(const struct bench_job *job, const struct bench_live *cell);
/* One more trial of the cell, and its first metric if it is good. */
int job_count(struct bench_live *cell, const struct bench_trial *t);
/* Over, or not yet: by what its trials say; the last one is t. */
int job_judge(struct bench_job *job, struct bench_live *cell, const struct bench_trial *t,
              struct ofbc_error *err);
/* Of what the runner itself measures; "" not one of these. */
const char *job_unit(const char *metric);
struct trial_where bench_where(struct ofbc_context *ctx);
/* "stable,seconds=30"; NULL: now. -EINVAL */
int start_parse(const char *text, struct start_rule *ret, struct ofbc_error *err);
/* Before a trial. -EINTR */
int job_wait_start(struct bench_job *job, struct start_outcome *ret, struct ofbc_error *err);
/* -EBUSY: others use the boards, and that is not wanted. */
int job_look_for_others(struct bench_job *job, struct ofbc_error *err);
/* What came of both, into the trial. */
int job_read_start(const struct start_outcome *o, struct bench_trial *t);
int job_read_others(struct bench_job *job, struct bench_trial *t, struct ofbc_error *err);
/* What is read beside the trials. */
int job_sensors_open(struct bench_job *job, struct ofbc_error *err);
void job_sensors_close(struct bench_job *job);
bool job_has_boards(const struct bench_job *job);
/* Power of all boards and the temperature of the hottest; NAN: not known. */
void job_sensors_now(struct bench_job *job, double *ret_w, double *ret_celsius);
/* How busy the busiest board is, 0..1; NAN: not known. */
double job_sensors_busy(const struct bench_job *job);
struct trial_watch job_sensors_watch(struct bench_job *job);
int job_sensors_read(struct bench_job *job, struct bench_trial *t); /* adds its figures to the last trial */
const char *job_sensors_note(const struct bench_job *job);          /* why there is no energy; "" there is */
/* On agents instead of here: needs and setup, a trial, the cleanup. */
int job_agents_prepare(struct bench_job *job, const struct bench_live *cell, enum bench_verdict *ret_verdict,
                       struct ofbc_error *err);
int job_agents_trial(struct bench_job *job, const struct bench_live *cell, const struct trial_request *rq,
                     struct bench_trial *ret, struct ofbc_error *err);
void job_agents_cleanup(struct bench_job *job, const struct bench_live *cell);
void job_agents_platform(const struct bench_job *job, char *buf, size_t size);
/* Adds theirs to the document of the environment, which is replaced. */
int job_agents_describe(const struct bench_job *job, char **document, struct ofbc_error *err);
/* Tells them that we are still here. */
void job_agents_keep(const struct bench_job *job);
int job_agents_look_again(struct bench_job *job, struct ofbc_error *err);
/* Whether what is measured here may have nothing to do with what runs there. */
bool job_agents_elsewhere(const struct bench_job *job);
void job_agents_free(struct bench_job *job);
void job_done(struct bench_job *job);
#define _cleanup_job_ __attribute__((cleanup(job_done)))
