/* SPDX-License-Identifier: MIT */
/* Between link.c and link_serve.c. */
#pragma once

#include <stdatomic.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>

#include "platform/link.h"

/* Takes the descriptors over on success. */
int link_new(int in, int out, struct link **ret);
void link_set_options(int fd);
/* From now on *until_ns, which another process looks at, is moved ahead whenever the link is looked at. */
void link_report(struct link *l, _Atomic uint64_t *until_ns, unsigned seconds);
/* Sockets to bind to, of one end. */
struct addrinfo;
int link_resolve(const struct link_end *e, int flags, struct addrinfo **ret, struct ofbc_error *err);
