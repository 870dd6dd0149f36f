/* SPDX-License-Identifier: MIT */
/* A partition for a process or a container: environment, device nodes, directories. */
#pragma once

#include "lib/inventory.h"
#include "model/access.h"

/* alone: the process can open no nodes but the partition's. */
int partition_env(struct inventory *inv, const struct ofbc_partition *p, bool alone, struct strv *ret,
                  struct ofbc_error *err);
/* Nodes and directories; -ENOTSUP: its technology has none. */
int partition_nodes(struct inventory *inv, const struct ofbc_partition *p, struct access *ret,
                    struct ofbc_error *err);
/* All of it, as a container sees it. */
int partition_access(struct inventory *inv, const struct ofbc_partition *p, struct access *ret,
                     struct ofbc_error *err);
/* Processors and memory of a partition that is made of them: a control group and a list; "" none. */
int partition_confine(struct inventory *inv, const struct ofbc_partition *p, char cgroup[256], char cpus[256],
                      struct ofbc_error *err);
