/* SPDX-License-Identifier: MIT */
/* Inside the adviser. */
#pragma once

#include "base/json.h"
#include "model/result.h"
#include "openforbc/advise.h"

/* What a run keeps of a stage (stages_print() writes it); NULL: an imported run, or one of an older version.
 */
const struct json *advise_stage(const struct json *request, const char *layout, unsigned instances);
/* The layout of a stage as a file of its own, with what to run on it; free() it. 0; -ENOMEM. */
int advise_layout_print(const struct json *request, const struct ofbc_candidate *c, char **ret);
