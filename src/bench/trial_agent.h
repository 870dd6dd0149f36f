/* SPDX-License-Identifier: MIT */
/* An agent's part of a trial: another process says when it begins, when it ends, and which window counts. */
#pragma once

#include "bench/agent_channel.h"
#include "bench/trial.h"

/*
 * Until the controller has the result, or the verdict, or has given up. 0; -ECONNRESET, -ETIMEDOUT, -EBADMSG
 * the controller is gone, silent, or not to be understood; -EINTR. Nothing is left running.
 */
int trial_serve(struct platform *p, const struct trial_request *rq, struct channel *c,
                struct ofbc_error *err);

/* The answer to a ping. */
int channel_answer_ping(struct channel *c, const struct agent_message *ping);
