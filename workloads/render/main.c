/* SPDX-License-Identifier: MIT */
/* openforbc-render: draws a scene without a window, and says how long its frames take. See docs/graphics.md.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "openforbc/openforbc.h"
#include "display.h"
#include "session.h"

/* --- what it says --- */

struct said {
	const char *key, *unit;
	double value;
};

#define N_SAID 18

static void numbers(struct session *s, const struct frame_metrics *m, struct said ret[N_SAID])
{
	double bytes = s->encoder ? (double)encoder_bytes(s->encoder) : NAN;
	const struct said v[N_SAID] = {
		{"frames", "1", (double)m->shown},
		{"time", "s", m->seconds},
		{"fps", "1/s", m->fps},
		{"p50", "ms", m->p50},
		{"p95", "ms", m->p95},
		{"p99", "ms", m->p99},
		{"p99-low", "ms", m->p99_low},
		{"p99-high", "ms", m->p99_high},
		{"max", "ms", m->max},
		{"low-1", "1/s", m->low_1},
		{"stutter", "%", 100 * m->stutter},
		{"jitter", "ms", m->jitter},
		{"dropped", "%", s->period_ns ? 100 * m->dropped : NAN},
		{"encoded", "B", bytes},
		{"bitrate", "Mbit/s", 8e-6 * bytes / m->seconds},
		{"handover", "ms", 1e3 * samples_quantile(&s->handover, 0.5)},
		{"ssim", "1", s->like.ssim},
		{"psnr", "dB", s->like.psnr},
	};

	memcpy(ret, v, sizeof(v));
}

static int report(struct session *s, struct ofbc_error *err)
{
	struct said v[N_SAID];
	struct frame_metrics m;
	int r;

	frames_settle(&s->frames, s->end_ns);
	r = frames_metrics(&s->frames, s->begin_ns, s->end_ns, s->period_ns, &m);
	if (r == -ENODATA)
		return error_set(err, ENODATA, OFBC_REASON_FAILED, "no frame was due in that time");
	if (r < 0)
		return r;
	numbers(s, &m, v);
	for (int i = 0; i < N_SAID; i++) {
		if (!isfinite(v[i].value))
			continue;
		printf("%s: %.6g %s\n", v[i].key, v[i].value, v[i].unit);
		(void)protocol_result(s->protocol, v[i].key, v[i].value);
	}
	return 0;
}

static int print_devices(struct ofbc_error *err)
{
	struct display_list l;
	int r = display_list(&l, err);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < l.n; i++) {
		const struct display_device *d = &l.v[i];
		struct ofbc_error why = {0};
		struct display display;
		bool is_open = display_open(d, &display, &why) == 0;

		printf("%u\tpci %s\tuuid %s\tnode %s\tcuda %d\t%s\n", d->index, d->pci[0] ? d->pci : "-",
		       d->uuid[0] ? d->uuid : "-", d->node[0] ? d->node : "-", d->cuda,
		       is_open ? gl_renderer() : why.message);
		if (is_open)
			display_close(&display);
	}
	return 0;
}

/* --- what it does --- */

static int check_renderer(const struct options *o, struct display_device *d, struct ofbc_error *err)
{
	bool want = o->renderer == RENDERER_HARDWARE || (o->renderer == RENDERER_AUTO && display_is_given());

	d->is_software |= display_is_software(gl_renderer());
	printf("renderer: %s\n", gl_renderer());
	printf("version: %s\n", gl_version());
	printf("device: %u%s%s%s\n", d->index, d->pci[0] ? " " : "", d->pci,
	       d->is_software ? " (software)" : "");
	if (want && d->is_software) {
		error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "'%s' draws on the processor, a GPU was wanted",
		          gl_renderer());
		error_hint(err,
		           "`openforbc-render --list` prints the devices; --renderer any takes this one");
		return -ENODEV;
	}
	if (o->renderer == RENDERER_SOFTWARE && !d->is_software)
		return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND,
		                 "'%s' is a GPU, the processor was wanted", gl_renderer());
	return 0;
}

static int open_encoder(struct session *s, const struct display_device *d, struct ofbc_error *err)
{
	struct encoder_settings e = {
		.codec = (enum encode_codec)s->o->encode,
		.width = s->o->scene.width,
		.height = s->o->scene.height,
		.fps = s->o->fps,
		.cuda = getenv("CUDA_VISIBLE_DEVICES") ? -1 : d->cuda,
		.file = s->o->video,
	};
	int r;

	snprintf(e.pci, sizeof(e.pci), "%s", d->is_software ? "" : d->pci);
	if (e.codec == ENCODE_NONE)
		return 0;
	r = encoder_open(&e, &s->encoder, err);
	if (r == 0)
		printf("encoder: %s\n", encoder_name(s->encoder));
	return r;
}

/* Checked, warm, run, checked again. */
static int measure(struct session *s, const struct scene_object *objects, struct ofbc_error *err)
{
	int r = session_check(s, objects, err);

	if (r == 0)
		r = session_warm_up(s, err);
	if (r == 0 && protocol_ready(s->protocol, 0, 1) < 0)
		r = error_set(err, EPIPE, OFBC_REASON_FAILED, "the harness is gone");
	if (r == 0)
		r = session_run(s, err);
	if (r == 0)
		r = session_check(s, objects, err);
	return r < 0 ? r : report(s, err);
}

static int draw(const struct options *o, struct protocol *protocol, struct ofbc_error *err)
{
	_cleanup_free_ struct scene_object *objects = scene_objects(&o->scene, o->seed);
	_cleanup_(session_done) struct session s = {.o = o, .protocol = protocol};
	struct display_device device;
	struct display_list devices;
	struct display display = {.egl = EGL_NO_DISPLAY};
	int r = objects ? display_list(&devices, err) : -ENOMEM;

	if (r == 0)
		r = display_find(&devices, o->device, &device, err);
	if (r == 0)
		r = display_open(&device, &display, err);
	if (r == 0)
		r = check_renderer(o, &device, err);
	if (r == 0)
		r = gl_scene_new(&o->scene, objects, &s.gl, err);
	if (r == 0)
		r = open_encoder(&s, &device, err);
	if (r == 0)
		r = measure(&s, objects, err);
	gl_scene_free(s.gl);
	display_close(&display);
	return r;
}

static int run(const struct options *o, struct ofbc_error *err)
{
	struct protocol protocol;

	if (o->wants_list)
		return print_devices(err);
	if (protocol_open(&protocol, -1) == 0)
		return draw(o, &protocol, err);
	error_set(err, EINVAL, OFBC_REASON_USAGE,
	          "OPENFORBC_BENCH_FD is not the number of an open descriptor");
	error_hint(err, "unset it to use this program by hand");
	return -EINVAL;
}

int main(int argc, char **argv)
{
	struct ofbc_error err = {0};
	struct options o;
	int r = options_parse(argc, argv, &o, &err);

	signal(SIGPIPE, SIG_IGN); /* a harness that is gone is an error that can be told */
	if (r == 0 && o.wants_tables)
		options_tables(stdout);
	else if (r == 0 && o.wants_help)
		options_help(stdout);
	else if (r == 0 && o.wants_version)
		printf("openforbc-render %s\n", OPENFORBC_VERSION);
	else if (r == 0)
		r = run(&o, &err);
	if (r == 0)
		return 0;
	fflush(stdout);
	/* one line: the last one is what a harness shows */
	fprintf(stderr, "error: %s%s%s\n", err.message[0] ? err.message : strerror(-r),
	        err.hint[0] ? "; " : "", err.hint);
	return err.code ? ofbc_reason_exit_status(err.reason) : 1;
}
