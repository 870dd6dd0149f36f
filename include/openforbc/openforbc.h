/* SPDX-License-Identifier: MIT */
/* Everything. */
#pragma once

#include "openforbc/advise.h"
#include "openforbc/bench.h"
#include "openforbc/bench_vdi.h"
#include "openforbc/container.h"
#include "openforbc/context.h"
#include "openforbc/error.h"
#include "openforbc/gpu.h"
#include "openforbc/guest.h"
#include "openforbc/host.h"
#include "openforbc/layout.h"
#include "openforbc/partition.h"

#define OFBC_VERSION "0.1.0"
