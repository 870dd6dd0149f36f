/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "script.h"

#define NS_IN_S       1000000000u
#define CHECK_SECONDS 1.25f /* the time at which the checked frame shows the scene */
#define CHECK_LAYERS  4     /* at most: below many, objects could be missing unseen */

/* --- correctness --- */

static int write_image(const struct session *s, struct ofbc_error *err)
{
	_cleanup_fclose_ FILE *f = fopen(s->o->image, "we");
	int r = f ? picture_write(f, s->picture, s->o->scene.width, s->o->scene.height) : -errno;

	return r < 0 ? error_set_errno(err, -r, "%s", s->o->image) : 0;
}

static int make_pictures(struct session *s, const struct scene_settings *scene,
                         const struct scene_object *objects)
{
	if (!s->picture)
		s->picture = malloc((size_t)scene->width * scene->height * 4);
	if (!s->expected)
		s->expected = picture_expected(scene, objects, CHECK_SECONDS);
	return s->picture && s->expected ? 0 : -ENOMEM;
}

static int judge(struct session *s, struct ofbc_error *err)
{
	s->like = picture_compare(s->picture, s->expected, s->o->scene.width, s->o->scene.height);
	if (s->like.ssim >= PICTURE_MIN_SSIM && s->like.psnr >= PICTURE_MIN_PSNR)
		return 0;
	error_set(err, EBADMSG, OFBC_REASON_FAILED,
	          "the picture is wrong: SSIM %.3f (at least %.2f), PSNR %.1f dB (at least %.0f)",
	          s->like.ssim, PICTURE_MIN_SSIM, s->like.psnr, PICTURE_MIN_PSNR);
	error_hint(err, "--image FILE writes it");
	return -EBADMSG;
}

int session_check(struct session *s, const struct scene_object *objects, struct ofbc_error *err)
{
	struct scene_settings scene = s->o->scene;
	int r;

	if (scene.layers > CHECK_LAYERS)
		scene.layers = CHECK_LAYERS;
	r = make_pictures(s, &scene, objects);
	if (r == 0)
		r = gl_scene_draw(s->gl, CHECK_SECONDS, scene.objects, scene.layers, err);
	if (r == 0)
		r = gl_scene_read(s->gl, s->picture, err);
	if (r == 0 && s->o->image[0])
		r = write_image(s, err);
	return r < 0 ? r : judge(s, err);
}

/* --- frames --- */

/* A picture that is complete goes to the encoder, if there is one. */
static int hand_over(struct session *s, struct ofbc_error *err)
{
	uint64_t start_ns = monotonic_ns();
	int r;

	if (!s->encoder)
		return 0;
	r = gl_scene_read(s->gl, s->picture, err);
	if (r == 0)
		r = encoder_frame(s->encoder, s->picture, err);
	samples_add(&s->handover, monotonic_ns() - start_ns);
	return r;
}

int session_warm_up(struct session *s, struct ofbc_error *err)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < s->o->warmup; i++) {
		r = gl_scene_draw(s->gl, (float)i / 60, s->o->scene.objects, s->o->scene.layers, err);
		if (r == 0)
			r = hand_over(s, err);
	}
	s->handover.n = 0;
	if (s->encoder)
		encoder_skip(s->encoder);
	return r;
}

/* 1 yes; 0 no; -EPIPE. */
static int is_over(struct session *s, uint64_t due_ns)
{
	if (protocol_is_on(s->protocol))
		return protocol_stop(s->protocol);
	return (s->o->frames && s->frames.n >= s->o->frames) ||
	       due_ns >= s->begin_ns + (uint64_t)s->o->duration_s * NS_IN_S;
}

static int one_frame(struct session *s, uint64_t due_ns, double share, struct ofbc_error *err)
{
	const struct scene_settings *scene = &s->o->scene;
	struct frame *f = frames_add(&s->frames, due_ns);
	uint64_t start_ns = monotonic_ns();
	int r;

	if (!f)
		return -ENOMEM;
	/* Nobody could see it any more: the next one is drawn instead, as a display does. */
	if (s->period_ns && start_ns >= due_ns + 2 * s->period_ns)
		return 0;
	r = gl_scene_draw(s->gl, (float)((double)(due_ns - s->begin_ns) / NS_IN_S),
	                  (unsigned)ceil(share * scene->objects), (unsigned)ceil(share * scene->layers), err);
	if (r == 0)
		r = hand_over(s, err);
	if (r < 0)
		return r;
	f->end_ns = monotonic_ns();
	if (!s->period_ns)
		return protocol_iteration(s->protocol, start_ns, f->end_ns);
	return protocol_iteration_due(s->protocol, start_ns, f->end_ns, due_ns);
}

int session_run(struct session *s, struct ofbc_error *err)
{
	struct script script;
	int r = 0;

	s->period_ns = s->o->fps ? NS_IN_S / s->o->fps : 0;
	script_init(&script, (enum script_kind)s->o->script, s->o->fps, s->o->seed);
	s->begin_ns = monotonic_ns();
	while (r == 0) {
		double share;
		uint64_t slot = script_next(&script, &share),
			 due = s->period_ns ? s->begin_ns + slot * s->period_ns : monotonic_ns();

		protocol_wait(s->protocol, due); /* or until STOP, which comes before the time then */
		r = is_over(s, due);
		if (r == 0)
			r = one_frame(s, due, share, err);
	}
	s->end_ns = monotonic_ns();
	if (r == -EPIPE)
		return error_set(err, EPIPE, OFBC_REASON_FAILED, "the harness is gone");
	return r >= 0 && s->encoder ? encoder_finish(s->encoder, err) : r < 0 ? r : 0;
}

void session_done(struct session *s)
{
	encoder_free(s->encoder);
	frames_done(&s->frames);
	free(s->picture);
	free(s->expected);
}
