/* SPDX-License-Identifier: MIT */
/* A guest's description, which anybody who may define guests can write: no crash, and what is taken from it
 * keeps its promises. */
#include <stdlib.h>
#include <string.h>

#include "base/strv.h"
#include "guest/domain.h"
#include "guest/hostdev.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hostdev h = {
		.kind = HOSTDEV_PCI, .n = 1, .address = {"0000:01:00.0"}, .iommu_group = "1"};
	static const struct hostdev_wish wish = {.display = false};
	_cleanup_domain_ struct domain d = {0};
	struct ofbc_error err = {0};
	_cleanup_strbuf_ struct strbuf claims = STRBUF_INIT(1u << 22);

	if (domain_parse((const char *)data, size, &d, &err) < 0) {
		require(err.code > 0 && err.message[0]);
		return 0;
	}
	for (size_t i = 0; i < d.devices.n; i++)
		require(!d.devices.v[i].address[0] || domain_find(&d, d.devices.v[i].address));
	for (size_t i = 0; i < d.ports.n; i++)
		require(d.ports.v[i].index && d.ports.v[i].index <= d.top_index);
	require(domain_free_ports(&d) <= 255);
	claims_xml(&d.claims, &claims);
	require(claims.err == 0);
	for (int live = 0; live < 2; live++) {
		err = (struct ofbc_error){0};
		require((hostdev_check(&h, &wish, &d, live, &err) < 0) == (err.message[0] && err.hint[0]));
	}
	return 0;
}
