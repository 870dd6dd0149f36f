/* SPDX-License-Identifier: MIT */
/* A partition in the words of libvirt and of QEMU. Text only. */
#pragma once

#include "base/strbuf.h"
#include "base/strv.h"
#include "guest/domain.h"
#include "model/hostdev.h"

struct hostdev_wish {
	bool display;          /* the guest's screen is taken from the device */
	bool ramfb;            /* from the first moment on */
	const char *partition; /* our UUID: the alias that finds the device again; NULL: no alias */
	const char
		*guest_address; /* PCI address in the guest, for the first function; NULL: libvirt chooses */
};

/* Function `i` as a <hostdev> element. */
void hostdev_xml(const struct hostdev *h, unsigned i, const struct hostdev_wish *w, struct strbuf *out);
/* Alias of function `i`: "ua-openforbc-UUID", "ua-openforbc-UUID-1" ... */
void hostdev_alias(const char *partition, unsigned i, char *buf, size_t size);
/* A root port that takes one more device; its alias names the partition that it was made for. */
void root_port_xml(const char *partition, unsigned i, unsigned index, struct strbuf *out);
void root_port_alias(const char *partition, unsigned i, char *buf, size_t size);
/* Arguments of a QEMU that is started by hand: 0; -ENOMEM. */
int hostdev_qemu(const struct hostdev *h, const struct hostdev_wish *w, const char *guest_uuid,
                 struct strv *ret);
/* The claims of a guest as an element of its metadata. */
void claims_xml(const struct claim_list *claims, struct strbuf *out);
/* Why this guest cannot take it; 0 or -errno with the reason and what helps. */
int hostdev_check(const struct hostdev *h, const struct hostdev_wish *w, const struct domain *d, bool live,
                  struct ofbc_error *err);
