/* SPDX-License-Identifier: MIT */
/* libvirt's guests as the library sees them: connection, snapshot, errors. */
#pragma once

#include "guest/domain.h"
#include "lib/inventory.h"
#include "platform/libvirt.h"

/* One domain: what it has now, and what it will have after its next start. */
struct guest {
	char name[96];
	bool is_running, is_persistent;
	struct domain now, later; /* empty: it does not run; it is not persistent */
};

struct guests {
	struct guest *v;
	size_t n, cap;
	bool is_unknown; /* libvirt is there, but does not tell */
	char why[256];
};

struct connection {
	const struct libvirt_api *api;
	virConnectPtr conn;
};

/* To the URI of the context, or the system's own. -ENOTCONN, -ENOENT not installed, -EPERM, -EXDEV the guests
 * of another machine. */
int connection_open(struct ofbc_context *ctx, bool write, struct connection *ret, struct ofbc_error *err);
void connection_close(struct connection *c);
#define _cleanup_connection_ __attribute__((cleanup(connection_close)))

/* Fill err with what libvirt said last; returns -errno. */
int libvirt_error(const struct connection *c, struct ofbc_error *err, const char *what_fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* One description of a domain, parsed; later: as it is after the next start. */
int domain_read(const struct connection *c, virDomainPtr dom, bool later, struct domain *ret,
                struct ofbc_error *err);
/* All domains. */
int guests_load(struct ofbc_context *ctx, struct guests *ret, struct ofbc_error *err);
void guests_done(struct guests *g);
#define _cleanup_guests_ __attribute__((cleanup(guests_done)))

/* A hostdev of the domain that is this partition: by its address, or by our alias. */
bool device_is_partition(const struct domain_device *d, const struct ofbc_partition *p);
