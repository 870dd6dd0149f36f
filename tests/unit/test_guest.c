/* SPDX-License-Identifier: MIT */
/* The texts of the guest layer: what it writes it reads again, and which guest takes which device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "guest/domain.h"
#include "guest/hostdev.h"

#define UUID_1 "5d7d2c1e-0f5a-4b0e-9a55-000000000001"
#define UUID_2 "5d7d2c1e-0f5a-4b0e-9a55-000000000002"

static const struct hostdev mdev = {
	.kind = HOSTDEV_MDEV, .address = {UUID_1}, .n = 1, .has_display = true, .iommu_group = "7"};
static const struct hostdev function = {
	.kind = HOSTDEV_PCI, .address = {"0000:3b:00.1"}, .n = 1, .is_managed = true, .iommu_group = "8"};

static void parse(const char *devices, const char *metadata, struct domain *ret)
{
	_cleanup_strbuf_ struct strbuf s = STRBUF_INIT(1u << 16);

	strbuf_addf(
		&s,
		"<domain type='kvm'><name>desk</name><uuid>" UUID_2 "</uuid><metadata>%s</metadata>"
		"<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>%s</devices></domain>",
		metadata, devices);
	assert_int_equal(domain_parse(strbuf_str(&s), s.len, ret, NULL), 0);
}

static void test_hostdev_read_again(void **state)
{
	const struct hostdev_wish wish = {
		.display = true, .ramfb = true, .partition = UUID_2, .guest_address = "0000:05:00.0"};
	const struct hostdev *const all[] = {&mdev, &function};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_strbuf_ struct strbuf xml = STRBUF_INIT(4096);
		_cleanup_domain_ struct domain d = {0};
		const struct domain_device *found;

		hostdev_xml(all[i], 0, &wish, &xml);
		parse(strbuf_str(&xml), "", &d);
		assert_int_equal(d.devices.n, 1);
		found = domain_find(&d, all[i]->address[0]);
		assert_non_null(found);
		assert_int_equal(found->kind, all[i]->kind);
		assert_string_equal(found->alias, "ua-openforbc-" UUID_2);
		assert_string_equal(found->guest_address, "0000:05:00.0");
		assert_true(found->has_display);
		assert_true(found->has_ramfb);
	}
}

static void test_claims_read_again(void **state)
{
	struct ofbc_claim v[] = {
		{.name = "a<b>&'\"c", .type = "mdev:x", .uuid = UUID_1, .placement = -1, .keep = true},
		{.name = "two",
	         .type = "mps:25%",
	         .gpu = "0000:3b:00.0",
	         .uuid = UUID_2,
	         .placement = 3,
	         .memory_bytes = 1ull << 40}};
	const struct claim_list claims = {.v = v, .n = ARRAY_SIZE(v)};
	_cleanup_strbuf_ struct strbuf xml = STRBUF_INIT(4096), inside = STRBUF_INIT(4096),
				       whole = STRBUF_INIT(8192);
	_cleanup_domain_ struct domain d = {0};

	(void)state;
	claims_xml(&claims, &xml);
	/* libvirt takes the element as it is and adds the name space, with a prefix before every name */
	for (const char *p = strbuf_str(&xml); *p; p++) {
		strbuf_addc(&inside, *p);
		if (*p == '<' && p[1] == '/')
			strbuf_addc(&inside, *++p);
		if (*p == '<' || (*p == '/' && p[-1] == '<'))
			strbuf_add(&inside, "o:");
	}
	strbuf_addf(&whole, "<o:claims xmlns:o='" CLAIM_NAMESPACE "'%s",
	            strbuf_str(&inside) + strlen("<o:claims"));
	parse("", strbuf_str(&whole), &d);
	assert_int_equal(d.claims.n, ARRAY_SIZE(v));
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		const struct ofbc_claim *c = &d.claims.v[i];

		assert_string_equal(c->name, v[i].name);
		assert_string_equal(c->type, v[i].type);
		assert_string_equal(c->gpu, v[i].gpu);
		assert_string_equal(c->uuid, v[i].uuid);
		assert_int_equal(c->placement, v[i].placement);
		assert_int_equal(c->memory_bytes, v[i].memory_bytes);
		assert_int_equal(c->keep, v[i].keep);
	}
}

static void test_claims_of_others(void **state)
{
	_cleanup_domain_ struct domain d = {0};

	(void)state;
	parse("", "<o:claims xmlns:o='http://example.org/'><o:claim uuid='" UUID_1 "' type='t'/></o:claims>",
	      &d);
	assert_int_equal(d.claims.n, 0);
}

static void test_ports(void **state)
{
	_cleanup_strbuf_ struct strbuf xml = STRBUF_INIT(4096);
	_cleanup_domain_ struct domain d = {0};

	(void)state;
	strbuf_add(&xml, "<controller type='pci' index='0' model='pcie-root'/>"
	                 "<controller type='pci' index='1' model='pcie-root-port'/>"
	                 "<interface type='user'><address type='pci' domain='0x0000' bus='0x01' slot='0x00' "
	                 "function='0x0'/></interface>");
	root_port_xml(UUID_1, 0, 2, &xml);
	parse(strbuf_str(&xml), "", &d);
	assert_true(d.is_pcie);
	assert_int_equal(d.top_index, 2);
	assert_int_equal(domain_free_ports(&d), 1);
	assert_int_equal(d.ports.n, 1);
	assert_int_equal(d.ports.v[0].index, 2);
}

static void test_no_domain(void **state)
{
	static const char *const bad[] = {
		"",
		"hello",
		"<a/>",
		"<domain>",
		"<domain></domains>",
		"<domain><name>a</name></domain><x/>",
		"<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><domain><name>&b;</name></domain>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_domain_ struct domain d = {0};
		struct ofbc_error err = {0};

		assert_int_equal(domain_parse(bad[i], strlen(bad[i]), &d, &err), -EINVAL);
		assert_true(err.message[0]);
	}
}

/* --- rules --- */

static const char graphics[] = "<graphics type='vnc'/>";
static const char root[] = "<controller type='pci' index='0' model='pcie-root'/>";
static const char port[] = "<controller type='pci' index='0' model='pcie-root'/>"
			   "<controller type='pci' index='1' model='pcie-root-port'/>";

static int check(const struct hostdev *h, bool display, bool ramfb, const char *devices, const char *more,
                 bool live)
{
	const struct hostdev_wish wish = {.display = display, .ramfb = ramfb};
	_cleanup_strbuf_ struct strbuf all = STRBUF_INIT(4096);
	_cleanup_domain_ struct domain d = {0};
	struct ofbc_error err = {0};
	int r;

	strbuf_addf(&all, "%s%s", devices, more);
	parse(strbuf_str(&all), "", &d);
	r = hostdev_check(h, &wish, &d, live, &err);
	/* who is refused hears why and what would help */
	assert_int_equal(r < 0, err.message[0] && err.hint[0]);
	return r;
}

static void test_rules(void **state)
{
	struct hostdev without_group = mdev, without_display = mdev;

	(void)state;
	without_group.iommu_group[0] = '\0';
	without_display.has_display = false;
	assert_int_equal(check(&mdev, false, false, root, "", false), 0);
	assert_int_equal(check(&without_group, false, false, root, "", false), -ENOTSUP);
	/* a display */
	assert_int_equal(check(&mdev, true, true, root, graphics, false), 0);
	assert_int_equal(check(&mdev, true, false, root, "", false), -ENOTSUP);
	assert_int_equal(check(&without_display, true, false, root, graphics, false), -ENOTSUP);
	assert_int_equal(check(&mdev, false, true, root, graphics, false), -EINVAL);
	assert_int_equal(check(&mdev, true, false, port, graphics, true), -ENOTSUP);
	/* one a guest */
	assert_int_equal(
		check(&mdev, true, false, root,
	              "<graphics type='vnc'/><hostdev type='mdev' display='on'><source><address uuid='" UUID_2
	              "'/></source></hostdev>",
	              false),
		-ENOTSUP);
	/* a place to plug it in: libvirt adds ports to a configuration, not to a running guest */
	assert_int_equal(check(&function, false, false, root, "", true), -ENOSPC);
	assert_int_equal(check(&function, false, false, port, "", true), 0);
	/* no PCI at all */
	assert_int_equal(check(&function, false, false, "", "", false), -ENOTSUP);
}

static void test_qemu(void **state)
{
	const struct hostdev_wish wish = {.display = true, .ramfb = true};
	struct hostdev h = mdev;
	_cleanup_strv_ struct strv args = {0};

	(void)state;
	h.needs_guest_uuid = true;
	assert_int_equal(hostdev_qemu(&h, &wish, UUID_2, &args), 0);
	assert_int_equal(args.n, 4);
	assert_string_equal(args.v[1], "vfio-pci-nohotplug,sysfsdev=/sys/bus/mdev/devices/" UUID_1
	                               ",display=on,ramfb=on");
	assert_string_equal(args.v[2], "-uuid");
	assert_string_equal(args.v[3], UUID_2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostdev_read_again),
		cmocka_unit_test(test_claims_read_again),
		cmocka_unit_test(test_claims_of_others),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_no_domain),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_qemu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
