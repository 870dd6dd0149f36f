/* SPDX-License-Identifier: MIT */
/* Reading a libvirt domain with expat: one pass, the place of an element is its path. */
#include "guest/domain.h"

#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/strv.h"

#define SEPARATOR   '|'
#define MAX_DEPTH   24
#define MAX_DEVICES 1024

struct reader {
	XML_Parser parser;
	struct domain *d;
	char path[256];            /* "/domain/devices/hostdev" */
	size_t lengths[MAX_DEPTH]; /* of path before each open element */
	unsigned depth, too_deep;
	char text[128]; /* of the innermost element */
	size_t text_len;
	struct domain_device device; /* the hostdev being read */
	uint32_t port;               /* index of the root port being read */
	bool is_domain, out_of_memory;
};

static const char *attribute(const char **attributes, const char *name)
{
	for (; attributes[0]; attributes += 2) {
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	}
	return NULL;
}

static void copy_attribute(char *buf, size_t size, const char **attributes, const char *name)
{
	const char *value = attribute(attributes, name);

	if (value)
		text_copy(buf, size, value);
}

static bool is_on(const char **attributes, const char *name)
{
	const char *value = attribute(attributes, name);

	return value && strcmp(value, "on") == 0;
}

/* libvirt writes '0x3d'; decimal numbers are allowed. */
static bool number(const char **attributes, const char *name, uint32_t *ret)
{
	const char *value = attribute(attributes, name);

	return value && parse_u32(value, ret) == 0;
}

static bool pci_address(const char **attributes, struct pci_address *ret)
{
	uint32_t domain = 0, bus, slot, function = 0;

	(void)number(attributes, "domain", &domain);
	(void)number(attributes, "function", &function);
	if (!number(attributes, "bus", &bus) || !number(attributes, "slot", &slot) || bus > 255 ||
	    slot > 31 || function > 7)
		return false;
	*ret = (struct pci_address){.domain = domain,
	                            .bus = (uint8_t)bus,
	                            .device = (uint8_t)slot,
	                            .function = (uint8_t)function};
	return true;
}

/* Address of any device in the guest: its bus is taken. */
static void guest_address(struct reader *r, const char **attributes, bool is_hostdev)
{
	const char *type = attribute(attributes, "type");
	struct pci_address a;

	if (!type || strcmp(type, "pci") != 0 || !pci_address(attributes, &a))
		return;
	r->d->is_taken[a.bus / 8] |= (uint8_t)(1u << a.bus % 8);
	if (is_hostdev)
		pci_format(&a, r->device.guest_address);
}

static void source_address(struct reader *r, const char **attributes)
{
	const char *uuid = attribute(attributes, "uuid");
	struct pci_address a;

	if (r->device.kind == HOSTDEV_MDEV && uuid)
		(void)parse_uuid(uuid, r->device.address);
	else if (r->device.kind == HOSTDEV_PCI && pci_address(attributes, &a))
		pci_format(&a, r->device.address);
}

static void controller(struct reader *r, const char **attributes)
{
	const char *type = attribute(attributes, "type"), *model = attribute(attributes, "model");
	uint32_t index;

	r->port = 0;
	if (!type || strcmp(type, "pci") != 0)
		return;
	r->d->has_pci = true;
	if (!number(attributes, "index", &index) || index > 255)
		return;
	if (index > r->d->top_index)
		r->d->top_index = index;
	r->d->is_pcie |= model && strcmp(model, "pcie-root") == 0;
	if (!model || strcmp(model, "pcie-root-port") != 0)
		return;
	r->d->is_port[index / 8] |= (uint8_t)(1u << index % 8);
	r->port = index;
}

static void port_alias(struct reader *r, const char **attributes)
{
	const char *name = attribute(attributes, "name");
	struct domain_port *port;

	if (!r->port || !name || strncmp(name, PORT_ALIAS, strlen(PORT_ALIAS)) != 0)
		return;
	port = r->d->ports.n < MAX_DEVICES ? list_add(&r->d->ports) : NULL;
	if (!port) {
		r->out_of_memory = true;
		return;
	}
	port->index = r->port;
	text_copy(port->alias, sizeof(port->alias), name);
}

static void hostdev(struct reader *r, const char **attributes)
{
	const char *type = attribute(attributes, "type");

	r->device = (struct domain_device){.has_display = is_on(attributes, "display"),
	                                   .has_ramfb = is_on(attributes, "ramfb")};
	if (type && strcmp(type, "mdev") == 0)
		r->device.kind = HOSTDEV_MDEV;
	else if (type && strcmp(type, "pci") == 0)
		r->device.kind = HOSTDEV_PCI;
}

static void claim(struct reader *r, const char **attributes)
{
	struct ofbc_claim *c = r->d->claims.n < MAX_DEVICES ? list_add(&r->d->claims) : NULL;
	const char *uuid = attribute(attributes, "uuid"), *memory = attribute(attributes, "memory"),
		   *keep = attribute(attributes, "keep");
	uint32_t slot;

	if (!c) {
		r->out_of_memory = true;
		return;
	}
	copy_attribute(c->name, sizeof(c->name), attributes, "name");
	copy_attribute(c->type, sizeof(c->type), attributes, "type");
	copy_attribute(c->gpu, sizeof(c->gpu), attributes, "gpu");
	if (uuid)
		(void)parse_uuid(uuid, c->uuid);
	if (memory)
		(void)parse_size(memory, &c->memory_bytes);
	c->placement = number(attributes, "placement", &slot) && slot < OFBC_MAX_PLACEMENTS ? (int)slot : -1;
	c->keep = keep && strcmp(keep, "yes") == 0;
}

#define CLAIMS CLAIM_NAMESPACE "|claims/" CLAIM_NAMESPACE "|claim"

/* "/domain/devices/X/address", whatever X is. */
static bool is_device_address(const char *path)
{
	const char *x = path + strlen("/domain/devices/");

	return strncmp(path, "/domain/devices/", strlen("/domain/devices/")) == 0 && strchr(x, '/') &&
	       strcmp(strchr(x, '/'), "/address") == 0;
}

static void begin_at(struct reader *r, const char **attributes)
{
	const char *p = r->path;

	if (strcmp(p, "/domain") == 0) {
		r->is_domain = true;
	} else if (strcmp(p, "/domain/os/type") == 0) {
		copy_attribute(r->d->arch, sizeof(r->d->arch), attributes, "arch");
		copy_attribute(r->d->machine, sizeof(r->d->machine), attributes, "machine");
	} else if (strcmp(p, "/domain/devices/controller") == 0) {
		controller(r, attributes);
	} else if (strcmp(p, "/domain/devices/controller/alias") == 0) {
		port_alias(r, attributes);
	} else if (strcmp(p, "/domain/devices/graphics") == 0) {
		r->d->has_graphics = true;
	} else if (strcmp(p, "/domain/devices/hostdev") == 0) {
		hostdev(r, attributes);
	} else if (strcmp(p, "/domain/devices/hostdev/source/address") == 0) {
		source_address(r, attributes);
	} else if (strcmp(p, "/domain/devices/hostdev/alias") == 0) {
		copy_attribute(r->device.alias, sizeof(r->device.alias), attributes, "name");
	} else if (is_device_address(p)) {
		guest_address(r, attributes, strcmp(p, "/domain/devices/hostdev/address") == 0);
	} else if (strcmp(p, "/domain/metadata/" CLAIMS) == 0) {
		claim(r, attributes);
	}
}

static void XMLCALL begin(void *data, const char *name, const char **attributes)
{
	struct reader *r = data;
	size_t len = strlen(r->path), more = strlen(name) + 1;

	if (r->too_deep || r->depth == MAX_DEPTH || len + more >= sizeof(r->path)) {
		r->too_deep++;
		return;
	}
	r->lengths[r->depth++] = len;
	r->path[len] = '/';
	memcpy(r->path + len + 1, name, more);
	r->text_len = 0;
	begin_at(r, attributes);
}

static void end_at(struct reader *r)
{
	struct domain *d = r->d;

	r->text[r->text_len] = '\0';
	if (strcmp(r->path, "/domain/name") == 0) {
		text_copy(d->name, sizeof(d->name), r->text);
	} else if (strcmp(r->path, "/domain/uuid") == 0) {
		(void)parse_uuid(r->text, d->uuid);
	} else if (strcmp(r->path, "/domain/devices/hostdev") == 0 && r->device.address[0]) {
		struct domain_device *new = d->devices.n < MAX_DEVICES ? list_add(&d->devices) : NULL;

		if (new)
			*new = r->device;
		else
			r->out_of_memory = true;
	}
}

static void XMLCALL end(void *data, const char *name)
{
	struct reader *r = data;

	(void)name;
	if (r->too_deep) {
		r->too_deep--;
		return;
	}
	end_at(r);
	r->path[r->lengths[--r->depth]] = '\0';
	r->text_len = 0;
}

static void XMLCALL text(void *data, const char *s, int n)
{
	struct reader *r = data;
	size_t room = sizeof(r->text) - 1 - r->text_len, take = (size_t)n < room ? (size_t)n : room;

	if (r->too_deep)
		return;
	memcpy(r->text + r->text_len, s, take);
	r->text_len += take;
}

/* A description has no document type, and so no entities that grow. */
static void XMLCALL no_doctype(void *data, const char *name, const char *sysid, const char *pubid,
                               int internal)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	(void)XML_StopParser(((struct reader *)data)->parser, XML_FALSE);
}

int domain_parse(const char *xml, size_t len, struct domain *ret, struct ofbc_error *err)
{
	_cleanup_domain_ struct domain d = {0};
	struct reader r = {.d = &d};
	XML_Parser parser = XML_ParserCreateNS(NULL, SEPARATOR);
	enum XML_Status status;

	if (!parser)
		return error_set_errno(err, ENOMEM, "cannot read a guest's description");
	r.parser = parser;
	XML_SetUserData(parser, &r);
	XML_SetStartDoctypeDeclHandler(parser, no_doctype);
	XML_SetElementHandler(parser, begin, end);
	XML_SetCharacterDataHandler(parser, text);
	status = len > INT32_MAX ? XML_STATUS_ERROR : XML_Parse(parser, xml, (int)len, XML_TRUE);
	if (status != XML_STATUS_OK)
		error_set(err, EINVAL, OFBC_REASON_USAGE, "a guest's description is no XML: line %lu: %s",
		          (unsigned long)XML_GetCurrentLineNumber(parser),
		          XML_ErrorString(XML_GetErrorCode(parser)));
	XML_ParserFree(parser);
	if (status != XML_STATUS_OK)
		return -EINVAL;
	if (r.out_of_memory)
		return error_set_errno(err, ENOMEM, "a guest's description has too many devices");
	if (!r.is_domain || !d.name[0])
		return error_set(err, EINVAL, OFBC_REASON_USAGE,
		                 "a guest's description is no libvirt domain");
	*ret = d;
	d = (struct domain){0};
	return 0;
}

void domain_done(struct domain *d)
{
	free(d->devices.v);
	free(d->ports.v);
	free(d->claims.v);
	*d = (struct domain){0};
}

const struct domain_device *domain_find(const struct domain *d, const char *address)
{
	for (size_t i = 0; i < d->devices.n; i++) {
		if (strcasecmp(d->devices.v[i].address, address) == 0)
			return &d->devices.v[i];
	}
	return NULL;
}
