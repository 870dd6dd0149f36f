/* SPDX-License-Identifier: MIT */
/* One session: frames by their schedule until somebody says stop. */
#pragma once

#include "../compute/protocol.h"
#include "../compute/samples.h"
#include "encode.h"
#include "frames.h"
#include "gl.h"
#include "options.h"
#include "picture.h"

struct session {
	const struct options *o;
	struct protocol *protocol;
	struct gl_scene *gl;
	uint8_t *picture, *expected;  /* what was read back, and what the check wants */
	struct picture_likeness like; /* of the last check */
	struct frame_list frames;
	struct encoder *encoder; /* NULL: pictures stay where they are drawn */
	struct samples handover; /* of each frame: read back and taken by the encoder */
	uint64_t begin_ns, end_ns, period_ns;
};

/* Draws the frame that is checked: 0; -EBADMSG it is not what it must be. */
int session_check(struct session *s, const struct scene_object *objects, struct ofbc_error *err);
int session_warm_up(struct session *s, struct ofbc_error *err);
/* Until STOP, or the time or number of frames is over; then the stream ends, if there is one. */
int session_run(struct session *s, struct ofbc_error *err);
/* Releases what it allocated itself. */
void session_done(struct session *s);
