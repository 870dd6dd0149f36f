/* SPDX-License-Identifier: MIT */
/* The field tables. */
#include "model/fields.h"

#include <stdio.h>
#include <string.h>

#include "model/field_macros.h"
#include "openforbc/openforbc.h"

static void append(char *buf, size_t n, const char *s)
{
	size_t len = strlen(buf);

	if (len + 1 < n)
		snprintf(buf + len, n - len, "%s", s);
}

/* --- technology, nested in a GPU --- */

static const char *technology_state(const struct ofbc_technology *t)
{
	static const char *const names[] = {[OFBC_TECHNOLOGY_UNAVAILABLE] = "unavailable",
	                                    [OFBC_TECHNOLOGY_OFF] = "off",
	                                    [OFBC_TECHNOLOGY_READY] = "ready"};

	return names[t->state];
}

GET_STRING(technology_name, struct ofbc_technology, name);
GET_STRING(technology_reason, struct ofbc_technology, reason);

static void technology_state_get(const void *item, struct field_value *ret)
{
	ret->s = technology_state(item);
	ret->known = true;
}

static const struct field technology_fields[] = {
	{.key = "name", .kind = FIELD_STRING, .get = technology_name},
	{.key = "state", .kind = FIELD_STRING, .get = technology_state_get},
	{.key = "reason", .kind = FIELD_STRING, .get = technology_reason},
	TABLE_END,
};

/* --- GPU --- */

GET_STRING(gpu_id, struct ofbc_gpu, id);
GET_STRING(gpu_alias, struct ofbc_gpu, alias);
GET_STRING(gpu_uuid, struct ofbc_gpu, uuid);
GET_STRING(gpu_vendor, struct ofbc_gpu, vendor);
GET_STRING(gpu_model, struct ofbc_gpu, model);
GET_STRING(gpu_driver, struct ofbc_gpu, driver);
GET_U64(gpu_memory, struct ofbc_gpu, x->memory_bytes, x->memory_bytes != 0);
GET_U64(gpu_emulated, struct ofbc_gpu, x->emulated, true);
GET_U64(gpu_cordoned, struct ofbc_gpu, x->cordoned, true);
GET_LIST(gpu_technologies, struct ofbc_gpu, x->technologies, x->n_technologies, struct ofbc_technology,
         technology_fields);

static void gpu_technologies_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_gpu *g = item;

	buf[0] = '\0';
	for (size_t i = 0; i < g->n_technologies; i++) {
		const struct ofbc_technology *t = &g->technologies[i];

		append(buf, n, i ? " " : "");
		append(buf, n, t->name);
		append(buf, n,
		       t->state == OFBC_TECHNOLOGY_READY ? ""
		       : t->state == OFBC_TECHNOLOGY_OFF ? "(off)"
		                                         : "(no)");
	}
	if (g->cordoned)
		append(buf, n, " cordoned");
}

const struct field gpu_fields[] = {
	{.key = "alias", .title = "GPU", .kind = FIELD_STRING, .get = gpu_alias, .help = "short name"},
	{.key = "id",
         .title = "ID",
         .kind = FIELD_STRING,
         .get = gpu_id,
         .flags = FIELD_ID,
         .help = "PCI address"},
	{.key = "uuid", .title = "UUID", .kind = FIELD_STRING, .get = gpu_uuid, .flags = FIELD_WIDE},
	{.key = "vendor", .kind = FIELD_STRING, .get = gpu_vendor},
	{.key = "model", .title = "MODEL", .kind = FIELD_STRING, .get = gpu_model},
	{.key = "memory_bytes", .title = "MEMORY", .kind = FIELD_BYTES, .get = gpu_memory},
	{.key = "driver", .title = "DRIVER", .kind = FIELD_STRING, .get = gpu_driver},
	{.key = "technologies",
         .title = "TECHNOLOGIES",
         .kind = FIELD_OBJECTS,
         .get = gpu_technologies,
         .text = gpu_technologies_text,
         .help = "ways to cut it; (off): a mode is off, (no): see `gpu show`"},
	{.key = "cordoned", .kind = FIELD_BOOL, .get = gpu_cordoned},
	{.key = "emulated", .kind = FIELD_BOOL, .get = gpu_emulated},
	TABLE_END,
};

/* --- placement and isolation, nested --- */

GET_U64(placement_start, struct ofbc_placement, x->start, true);
GET_U64(placement_size, struct ofbc_placement, x->size, true);

static const struct field placement_fields[] = {
	{.key = "start", .kind = FIELD_U64, .get = placement_start},
	{.key = "size", .kind = FIELD_U64, .get = placement_size},
	TABLE_END,
};

static const char *const isolation_names[] = {[OFBC_ISOLATION_NONE] = "none",
                                              [OFBC_ISOLATION_SHARED] = "share",
                                              [OFBC_ISOLATION_SOFT] = "soft",
                                              [OFBC_ISOLATION_HARD] = "hard"};

const char *isolation_name(enum ofbc_isolation i)
{
	return isolation_names[i];
}

enum ofbc_isolation isolation_parse(const char *name)
{
	for (size_t i = 0; i < sizeof(isolation_names) / sizeof(isolation_names[0]); i++) {
		if (strcmp(isolation_names[i], name) == 0)
			return (enum ofbc_isolation)i;
	}
	return OFBC_ISOLATION_NONE;
}

static void isolation_memory(const void *item, struct field_value *ret)
{
	ret->s = isolation_name(((const struct ofbc_type *)item)->isolation_memory);
	ret->known = true;
}

static void isolation_compute(const void *item, struct field_value *ret)
{
	ret->s = isolation_name(((const struct ofbc_type *)item)->isolation_compute);
	ret->known = true;
}

GET_U64(isolation_faults, struct ofbc_type, x->isolation_faults, true);

static const struct field isolation_fields[] = {
	{.key = "memory", .kind = FIELD_STRING, .get = isolation_memory},
	{.key = "compute", .kind = FIELD_STRING, .get = isolation_compute},
	{.key = "faults", .kind = FIELD_BOOL, .get = isolation_faults},
	TABLE_END,
};

/* --- type --- */

GET_STRING(type_gpu, struct ofbc_type, gpu);
GET_STRING(type_key, struct ofbc_type, key);
GET_STRING(type_title, struct ofbc_type, title);
GET_STRING(type_technology, struct ofbc_type, technology);
GET_STRING(type_group, struct ofbc_type, group);
GET_STRING(type_why_not, struct ofbc_type, why_not);
GET_U64(type_memory, struct ofbc_type, x->memory_bytes, x->memory_bytes != 0);
GET_U64(type_free, struct ofbc_type, x->free, true);
GET_U64(type_max, struct ofbc_type, x->max, true);
GET_U64(type_driver_free, struct ofbc_type, x->driver_free, x->has_driver_free);
GET_U64(type_creatable, struct ofbc_type, x->free > 0, true);
GET_U64(type_display, struct ofbc_type, x->has_display, true);
GET_U64(type_migrate, struct ofbc_type, x->can_migrate, true);
GET_U64(type_unit, struct ofbc_type, x->unit_count, x->unit_count > 1);
GET_LIST(type_placements, struct ofbc_type, x->placements, x->n_placements, struct ofbc_placement,
         placement_fields);
GET_LIST(type_isolation, struct ofbc_type, x, 1, struct ofbc_type, isolation_fields);

static void type_share(const void *item, struct field_value *ret)
{
	ret->d = ((const struct ofbc_type *)item)->compute_share;
	ret->known = ret->d > 0;
}

/* "0-6 x1": starts of one size, a run shortened. */
static void type_placements_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_type *t = item;
	char part[32];

	buf[0] = '\0';
	for (size_t i = 0; i < t->n_placements; i++) {
		size_t k = i;

		while (k + 1 < t->n_placements && t->placements[k + 1].start == t->placements[k].start + 1)
			k++;
		if (k > i + 1)
			snprintf(part, sizeof(part), "%s%u-%u", i ? "," : "", t->placements[i].start,
			         t->placements[k].start);
		else
			snprintf(part, sizeof(part), "%s%u", i ? "," : "", t->placements[i].start);
		append(buf, n, part);
		i = k > i + 1 ? k : i;
	}
	if (t->n_placements) {
		snprintf(part, sizeof(part), " size %u", t->placements[0].size);
		append(buf, n, part);
	}
}

static void type_isolation_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_type *t = item;

	snprintf(buf, n, "%s/%s", isolation_name(t->isolation_memory), isolation_name(t->isolation_compute));
}

const struct field type_fields[] = {
	{.key = "gpu", .title = "GPU", .kind = FIELD_STRING, .get = type_gpu},
	{.key = "key", .title = "TYPE", .kind = FIELD_STRING, .get = type_key, .flags = FIELD_ID},
	{.key = "title", .title = "TITLE", .kind = FIELD_STRING, .get = type_title, .flags = FIELD_WIDE},
	{.key = "technology", .kind = FIELD_STRING, .get = type_technology},
	{.key = "compute_share", .title = "COMPUTE", .kind = FIELD_SHARE, .get = type_share},
	{.key = "memory_bytes", .title = "MEMORY", .kind = FIELD_BYTES, .get = type_memory},
	{.key = "free", .title = "FREE", .kind = FIELD_U64, .get = type_free, .help = "more that fit now"},
	{.key = "max", .title = "MAX", .kind = FIELD_U64, .get = type_max},
	{.key = "driver_free", .kind = FIELD_U64, .get = type_driver_free, .help = "the driver's own number"},
	{.key = "placements",
         .title = "PLACEMENTS",
         .kind = FIELD_OBJECTS,
         .get = type_placements,
         .text = type_placements_text,
         .help = "first slots it may take"},
	{.key = "isolation",
         .title = "ISOLATION",
         .kind = FIELD_OBJECT,
         .get = type_isolation,
         .text = type_isolation_text,
         .help = "memory/compute: hard, soft, share, none"},
	{.key = "group", .kind = FIELD_STRING, .get = type_group},
	{.key = "unit_count", .kind = FIELD_U64, .get = type_unit, .help = "that many appear together"},
	{.key = "display", .kind = FIELD_BOOL, .get = type_display},
	{.key = "migrate", .kind = FIELD_BOOL, .get = type_migrate},
	{.key = "creatable", .kind = FIELD_BOOL, .get = type_creatable},
	{.key = "why_not", .title = "WHY NOT", .kind = FIELD_STRING, .get = type_why_not},
	TABLE_END,
};

/* --- holder, nested in a partition --- */

GET_STRING(holder_kind, struct ofbc_holder, kind);
GET_STRING(holder_name, struct ofbc_holder, name);
GET_STRING(holder_release, struct ofbc_holder, release);
GET_U64(holder_pid, struct ofbc_holder, x->pid, x->pid > 0);
GET_U64(holder_idle, struct ofbc_holder, x->is_idle, x->is_idle);

static const struct field holder_fields[] = {
	{.key = "kind", .kind = FIELD_STRING, .get = holder_kind},
	{.key = "name", .kind = FIELD_STRING, .get = holder_name},
	{.key = "pid", .kind = FIELD_U64, .get = holder_pid},
	{.key = "idle", .kind = FIELD_BOOL, .get = holder_idle, .help = "a guest that is defined with it"},
	{.key = "release", .kind = FIELD_STRING, .get = holder_release},
	TABLE_END,
};

/* --- partition --- */

GET_STRING(partition_uuid, struct ofbc_partition, uuid);
GET_STRING(partition_name, struct ofbc_partition, name);
GET_STRING(partition_gpu, struct ofbc_partition, gpu);
GET_STRING(partition_type, struct ofbc_partition, type);
GET_STRING(partition_technology, struct ofbc_partition, technology);
GET_STRING(partition_handle, struct ofbc_partition, handle);
GET_U64(partition_memory, struct ofbc_partition, x->memory_bytes, x->memory_bytes != 0);
GET_LIST(partition_holders, struct ofbc_partition, x->holders.v, x->holders.n, struct ofbc_holder,
         holder_fields);

static void partition_placement(const void *item, struct field_value *ret)
{
	const struct ofbc_partition *p = item;

	ret->items = &p->placement;
	ret->n = 1;
	ret->item_size = sizeof(p->placement);
	ret->item_fields = placement_fields;
	ret->known = p->placement.size > 0;
}

static void partition_placement_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_partition *p = item;

	buf[0] = '\0';
	if (p->placement.size)
		snprintf(buf, n, "%u+%u", p->placement.start, p->placement.size);
}

static void partition_state(const void *item, struct field_value *ret)
{
	static const char *const names[] = {[OFBC_PARTITION_READY] = "ready",
	                                    [OFBC_PARTITION_IN_USE] = "in-use",
	                                    [OFBC_PARTITION_LOST] = "lost",
	                                    [OFBC_PARTITION_UNKNOWN] = "unknown",
	                                    [OFBC_PARTITION_INCOMPLETE] = "incomplete",
	                                    [OFBC_PARTITION_RESERVED] = "reserved"};

	ret->s = names[((const struct ofbc_partition *)item)->state];
	ret->known = true;
}

static void partition_owner(const void *item, struct field_value *ret)
{
	ret->s = ((const struct ofbc_partition *)item)->is_ours ? "ours" : "foreign";
	ret->known = true;
}

static void partition_holders_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_partition *p = item;
	char part[96];

	buf[0] = '\0';
	for (size_t i = 0; i < p->holders.n; i++) {
		const struct ofbc_holder *h = &p->holders.v[i];

		if (h->pid)
			snprintf(part, sizeof(part), "%s%s(%d)", i ? " " : "", h->name, h->pid);
		else
			snprintf(part, sizeof(part), "%s%s%s", i ? " " : "", h->name,
			         h->is_idle ? "(off)" : "");
		append(buf, n, part);
	}
}

const struct field partition_fields[] = {
	{.key = "uuid", .title = "PARTITION", .kind = FIELD_STRING, .get = partition_uuid, .flags = FIELD_ID},
	{.key = "name", .title = "NAME", .kind = FIELD_STRING, .get = partition_name},
	{.key = "gpu", .title = "GPU", .kind = FIELD_STRING, .get = partition_gpu},
	{.key = "type", .title = "TYPE", .kind = FIELD_STRING, .get = partition_type},
	{.key = "technology", .kind = FIELD_STRING, .get = partition_technology},
	{.key = "placement",
         .title = "SLOTS",
         .kind = FIELD_OBJECT,
         .get = partition_placement,
         .text = partition_placement_text,
         .help = "first slot + size"},
	{.key = "memory_bytes", .title = "MEMORY", .kind = FIELD_BYTES, .get = partition_memory},
	{.key = "state",
         .title = "STATE",
         .kind = FIELD_STRING,
         .get = partition_state,
         .help = "ready, in-use, reserved (by a guest that is off), lost, incomplete, unknown"},
	{.key = "owner", .title = "OWNER", .kind = FIELD_STRING, .get = partition_owner},
	{.key = "handle",
         .title = "HANDLE",
         .kind = FIELD_STRING,
         .get = partition_handle,
         .flags = FIELD_WIDE,
         .help = "what a user of the device needs"},
	{.key = "holders",
         .title = "HOLDERS",
         .kind = FIELD_OBJECTS,
         .get = partition_holders,
         .text = partition_holders_text},
	TABLE_END,
};

/* --- guest --- */

GET_STRING(device_partition, struct ofbc_guest_device, partition);
GET_STRING(device_name, struct ofbc_guest_device, name);
GET_STRING(device_type, struct ofbc_guest_device, type);
GET_STRING(device_address, struct ofbc_guest_device, address);
GET_STRING(device_guest_address, struct ofbc_guest_device, guest_address);
GET_U64(device_live, struct ofbc_guest_device, x->is_live, true);
GET_U64(device_config, struct ofbc_guest_device, x->is_config, true);

static const struct field device_fields[] = {
	{.key = "partition", .kind = FIELD_STRING, .get = device_partition},
	{.key = "name", .kind = FIELD_STRING, .get = device_name},
	{.key = "type", .kind = FIELD_STRING, .get = device_type},
	{.key = "address", .kind = FIELD_STRING, .get = device_address},
	{.key = "guest_address", .kind = FIELD_STRING, .get = device_guest_address},
	{.key = "live", .kind = FIELD_BOOL, .get = device_live},
	{.key = "config", .kind = FIELD_BOOL, .get = device_config},
	TABLE_END,
};

GET_STRING(claim_name, struct ofbc_claim, name);
GET_STRING(claim_type, struct ofbc_claim, type);
GET_STRING(claim_gpu, struct ofbc_claim, gpu);
GET_STRING(claim_uuid, struct ofbc_claim, uuid);
GET_U64(claim_keep, struct ofbc_claim, x->keep, true);

static const struct field claim_fields[] = {
	{.key = "name", .kind = FIELD_STRING, .get = claim_name},
	{.key = "type", .kind = FIELD_STRING, .get = claim_type},
	{.key = "gpu", .kind = FIELD_STRING, .get = claim_gpu},
	{.key = "partition", .kind = FIELD_STRING, .get = claim_uuid},
	{.key = "keep", .kind = FIELD_BOOL, .get = claim_keep},
	TABLE_END,
};

GET_STRING(guest_name, struct ofbc_guest, name);
GET_STRING(guest_uuid, struct ofbc_guest, uuid);
GET_STRING(guest_machine, struct ofbc_guest, machine);
GET_U64(guest_persistent, struct ofbc_guest, x->is_persistent, true);
GET_LIST(guest_devices, struct ofbc_guest, x->devices, x->n_devices, struct ofbc_guest_device, device_fields);
GET_LIST(guest_claims, struct ofbc_guest, x->claims, x->n_claims, struct ofbc_claim, claim_fields);

static void guest_state(const void *item, struct field_value *ret)
{
	ret->s = ((const struct ofbc_guest *)item)->is_running ? "running" : "off";
	ret->known = true;
}

/* Names of the partitions, or the addresses of what has none. */
static void guest_devices_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_guest *g = item;

	buf[0] = '\0';
	for (size_t i = 0; i < g->n_devices; i++) {
		const struct ofbc_guest_device *d = &g->devices[i];

		append(buf, n, i ? " " : "");
		append(buf, n, d->name[0] ? d->name : d->address);
	}
}

static void guest_claims_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_guest *g = item;

	buf[0] = '\0';
	for (size_t i = 0; i < g->n_claims; i++) {
		append(buf, n, i ? " " : "");
		append(buf, n, g->claims[i].name[0] ? g->claims[i].name : g->claims[i].uuid);
	}
}

const struct field guest_fields[] = {
	{.key = "name", .title = "VM", .kind = FIELD_STRING, .get = guest_name, .flags = FIELD_ID},
	{.key = "uuid", .title = "UUID", .kind = FIELD_STRING, .get = guest_uuid, .flags = FIELD_WIDE},
	{.key = "state",
         .title = "STATE",
         .kind = FIELD_STRING,
         .get = guest_state,
         .help = "running or off"},
	{.key = "machine", .title = "MACHINE", .kind = FIELD_STRING, .get = guest_machine},
	{.key = "persistent", .kind = FIELD_BOOL, .get = guest_persistent},
	{.key = "devices",
         .title = "PARTITIONS",
         .kind = FIELD_OBJECTS,
         .get = guest_devices,
         .text = guest_devices_text},
	{.key = "claims",
         .title = "CLAIMS",
         .kind = FIELD_OBJECTS,
         .get = guest_claims,
         .text = guest_claims_text,
         .help = "partitions that exist while it runs"},
	TABLE_END,
};

/* --- finding of the doctor --- */

GET_STRING(finding_technology, struct ofbc_finding, technology);
GET_STRING(finding_gpu, struct ofbc_finding, gpu);
GET_STRING(finding_message, struct ofbc_finding, message);
GET_STRING(finding_fix, struct ofbc_finding, fix);

static void finding_level(const void *item, struct field_value *ret)
{
	static const char *const names[] = {
		[OFBC_FINDING_OK] = "ok", [OFBC_FINDING_NOTE] = "note", [OFBC_FINDING_MISSING] = "missing"};

	ret->s = names[((const struct ofbc_finding *)item)->level];
	ret->known = true;
}

const struct field finding_fields[] = {
	{.key = "level", .title = "LEVEL", .kind = FIELD_STRING, .get = finding_level},
	{.key = "technology",
         .title = "TECHNOLOGY",
         .kind = FIELD_STRING,
         .get = finding_technology,
         .flags = FIELD_ID},
	{.key = "gpu", .title = "GPU", .kind = FIELD_STRING, .get = finding_gpu},
	{.key = "message", .title = "FINDING", .kind = FIELD_STRING, .get = finding_message},
	{.key = "fix", .title = "FIX", .kind = FIELD_STRING, .get = finding_fix},
	TABLE_END,
};

/* --- step of a plan --- */

GET_STRING(step_gpu, struct ofbc_step, gpu);
GET_STRING(step_type, struct ofbc_step, type);
GET_STRING(step_partition, struct ofbc_step, partition);
GET_STRING(step_name, struct ofbc_step, name);
GET_STRING(step_reason, struct ofbc_step, reason);
GET_STRING(step_technology, struct ofbc_step, technology);
GET_STRING(step_variant, struct ofbc_step, variant);
GET_U64(step_memory, struct ofbc_step, x->memory_bytes, x->memory_bytes != 0);

/* Switching virtual functions on has a name of its own. */
static void step_action(const void *item, struct field_value *ret)
{
	static const char *const names[] = {[OFBC_ACTION_DESTROY] = "destroy",
	                                    [OFBC_ACTION_MODE_OFF] = "mode-off",
	                                    [OFBC_ACTION_MODE_ON] = "mode-on",
	                                    [OFBC_ACTION_RENAME] = "rename",
	                                    [OFBC_ACTION_CREATE] = "create"};
	const struct ofbc_step *s = item;

	ret->s = s->action == OFBC_ACTION_MODE_ON && strcmp(s->technology, "vgpu") == 0 ? "vfs"
	                                                                                : names[s->action];
	ret->known = true;
}

static void step_placement(const void *item, struct field_value *ret)
{
	const struct ofbc_step *s = item;

	ret->items = &s->placement;
	ret->n = 1;
	ret->item_size = sizeof(s->placement);
	ret->item_fields = placement_fields;
	ret->known = s->placement.size != 0;
}

static void step_placement_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_step *s = item;

	buf[0] = '\0';
	if (s->placement.size)
		snprintf(buf, n, "%u+%u", s->placement.start, s->placement.size);
}

/* A mode has no type, people want to see whose it is. */
static void step_type_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_step *s = item;

	snprintf(buf, n, "%s%s%s", s->type[0] ? s->type : s->technology,
	         s->action == OFBC_ACTION_MODE_ON && s->variant[0] ? "=" : "",
	         s->action == OFBC_ACTION_MODE_ON ? s->variant : "");
}

const struct field step_fields[] = {
	{.key = "action", .title = "ACTION", .kind = FIELD_STRING, .get = step_action, .flags = FIELD_ID},
	{.key = "gpu", .title = "GPU", .kind = FIELD_STRING, .get = step_gpu},
	{.key = "technology", .kind = FIELD_STRING, .get = step_technology},
	{.key = "type", .title = "TYPE", .kind = FIELD_STRING, .get = step_type, .text = step_type_text},
	{.key = "variant", .kind = FIELD_STRING, .get = step_variant},
	{.key = "placement",
         .title = "SLOTS",
         .kind = FIELD_OBJECT,
         .get = step_placement,
         .text = step_placement_text},
	{.key = "memory_bytes", .kind = FIELD_BYTES, .get = step_memory},
	{.key = "name", .title = "NAME", .kind = FIELD_STRING, .get = step_name},
	{.key = "partition", .title = "PARTITION", .kind = FIELD_STRING, .get = step_partition},
	{.key = "reason", .title = "REASON", .kind = FIELD_STRING, .get = step_reason},
	TABLE_END,
};
