/* SPDX-License-Identifier: MIT */
/* What agents and controllers are made of: keyed hashes, addresses, messages, and the bound of clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "bench/agent_address.h"
#include "bench/agent_clock.h"
#include "bench/agent_message.h"

/* RFC 4231, sections 4.2 to 4.4, 4.7 and 4.8. */
static void test_hmac(void **state)
{
	char long_key[131], twenty[20], many[50], got[SHA256_HEX_SIZE];
	const struct {
		const char *key;
		size_t key_len;
		const char *data;
		size_t len;
		const char *want;
	} cases[] = {
		{twenty, 20, "Hi There", 8,
	         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"Jefe", 4, "what do ya want for nothing?", 28,
	         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{long_key, 20, many, 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{long_key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
	         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	};

	(void)state;
	memset(long_key, 0xaa, sizeof(long_key));
	memset(twenty, 0x0b, sizeof(twenty));
	memset(many, 0xdd, sizeof(many));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(
			hmac_sha256_hex(cases[i].key, cases[i].key_len, cases[i].data, cases[i].len, got), 0);
		assert_string_equal(got, cases[i].want);
	}
	assert_true(secret_equal("abc", "abc"));
	assert_false(secret_equal("abc", "abd"));
	assert_false(secret_equal("abc", "ab"));
	assert_false(secret_equal("", "a"));
	assert_true(secret_equal("", ""));
}

/* --- addresses --- */

static void test_addresses(void **state)
{
	static const struct {
		const char *text;
		enum link_kind kind;
		const char *host;
		uint32_t cid, port;
		const char *last; /* argument of the command; NULL none */
		size_t arguments;
	} good[] = {
		{"tcp://guest:7010", LINK_TCP, "guest", 0, 7010, NULL, 0},
		{"tcp://10.0.0.1:65535", LINK_TCP, "10.0.0.1", 0, 65535, NULL, 0},
		{"tcp://[::1]:1", LINK_TCP, "::1", 0, 1, NULL, 0},
		{"vsock://3:7010", LINK_VSOCK, "3", 3, 7010, NULL, 0},
		{"vsock://4294967294:0", LINK_VSOCK, "4294967294", 4294967294u, 0, NULL, 0},
		{"ssh://guest", LINK_PROGRAM, "guest", 0, 0, "--stdio", 14},
		{"ssh://me@guest:2222/opt/openforbc", LINK_PROGRAM, "me@guest", 0, 0, "--stdio", 16},
		{"exec:docker exec -i 'c 1' openforbc", LINK_PROGRAM, "", 0, 0, "openforbc", 5},
		{"local", LINK_PROGRAM, "", 0, 0, "--stdio", 6},
	};
	static const char *const bad[] = {"",
	                                  "guest",
	                                  "tcp://",
	                                  "tcp://guest",
	                                  "tcp://guest:",
	                                  "tcp://guest:65536",
	                                  "tcp://guest:-1",
	                                  "tcp://guest: 1",
	                                  "tcp://guest:1x",
	                                  "tcp://:1",
	                                  "tcp://[::1",
	                                  "tcp://[::1]x:1",
	                                  "tcp://[]:1",
	                                  "vsock://guest:1",
	                                  "vsock://-1:1",
	                                  "vsock://4294967296:1",
	                                  "vsock://3",
	                                  "ssh://",
	                                  "ssh://-x",
	                                  "ssh://a b",
	                                  "ssh://a/$(x)",
	                                  "ssh://a:99999",
	                                  "ssh://a;b",
	                                  "exec:",
	                                  "exec:   ",
	                                  "exec:\"a",
	                                  "locally"};
	struct agent_address a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct ofbc_error err = {0};

		assert_int_equal(agent_address_parse(good[i].text, "/state", &a, &err), 0);
		assert_int_equal(a.end.kind, good[i].kind);
		assert_string_equal(a.host, good[i].host);
		assert_int_equal(a.end.cid, good[i].cid);
		assert_int_equal(a.end.port, good[i].port);
		assert_int_equal(a.argv.n, good[i].arguments);
		assert_int_equal(a.needs_token, good[i].kind != LINK_PROGRAM);
		if (good[i].last)
			assert_string_equal(a.end.argv[a.argv.n - 1], good[i].last);
		agent_address_done(&a);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ofbc_error err = {0};

		assert_int_equal(agent_address_parse(bad[i], "/state", &a, &err), -EINVAL);
		assert_true(err.message[0] && err.hint[0]);
	}
	assert_int_equal(agent_address_parse_listen("vsock://7010", &a, NULL), 0);
	assert_int_equal(a.end.port, 7010);
	assert_int_equal(agent_address_parse_listen("tcp://0.0.0.0:0", &a, NULL), 0);
	assert_int_equal(agent_address_parse_listen("ssh://here", &a, NULL), -EINVAL);
	assert_int_equal(agent_address_parse_listen("vsock://3:1", &a, NULL), -EINVAL);
}

/* --- clocks --- */

#define FAR 1000000000000000u

/* Two clocks: theirs is ahead by `ahead` and runs faster by `ppm`. */
static uint64_t theirs_at(uint64_t ours, int64_t ahead, double ppm)
{
	return ours + (uint64_t)ahead + (uint64_t)(int64_t)(ppm * 1e-6 * (double)(int64_t)(ours - FAR));
}

static void exchanges(struct clock_reading *c, uint64_t from, int64_t ahead, double ppm, unsigned seed)
{
	srand(seed);
	for (int i = 0; i < 16; i++) {
		uint64_t there = 20000 + (uint64_t)(rand() % 400000),
			 back = 20000 + (uint64_t)(rand() % 400000), took = (uint64_t)(rand() % 50000);
		uint64_t sent = from + (uint64_t)i * 1000000, arrived = sent + there,
			 answered = arrived + took;

		clock_exchange(c, sent, theirs_at(arrived, ahead, ppm), theirs_at(answered, ahead, ppm),
		               answered + back);
	}
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The true time is always within the bound, whatever the way took; offsets are days, drifts are bad clocks'.
 */
static void test_clocks(void **state)
{
	static const int64_t aheads[] = {0, 1, -1, 86400000000000, -86400000000000, 123456789, -999};
	static const double drifts[] = {0, 20, -20, 500, -500};

	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++) {
		int64_t ahead = aheads[seed % ARRAY_SIZE(aheads)];
		double ppm = drifts[seed % ARRAY_SIZE(drifts)];
		struct clock_pair c = {0};
		uint64_t begin = FAR + seed * 7919u, end = begin + 20000000000u;

		exchanges(&c.before, begin, ahead, ppm, seed);
		assert_int_equal(c.before.n, 16);
		assert_true(c.before.bound_ns < 420001);
		exchanges(&c.after, end, ahead, ppm, seed + 1000);
		for (uint64_t t = begin + 20000000; t <= end; t += 999999937) {
			assert_true(distance(clock_to_theirs(&c, t), theirs_at(t, ahead, ppm)) <=
			            clock_bound_ns(&c) + 2);
			assert_true(distance(clock_to_ours(&c, theirs_at(t, ahead, ppm)), t) <=
			            clock_bound_ns(&c) + 2);
		}
		/* a drift that is even is followed: much better than the bound */
		assert_true(distance(clock_to_theirs(&c, begin + 10000000000u),
		                     theirs_at(begin + 10000000000u, ahead, ppm)) <= 450000);
	}
}

static void test_clock_edges(void **state)
{
	struct clock_reading c = {0};
	struct clock_pair pair = {0};

	(void)state;
	clock_exchange(&c, 100, 50, 40, 200);  /* answered before it was received */
	clock_exchange(&c, 200, 50, 60, 100);  /* back before it was sent */
	clock_exchange(&c, 100, 50, 500, 200); /* more time there than here */
	assert_int_equal(c.n, 0);
	clock_exchange(&c, 100, 1150, 1150, 200);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.offset_ns, 1000);
	assert_int_equal(c.bound_ns, 50);
	clock_exchange(&c, 300, 1900, 1900, 500); /* slower: says nothing new */
	assert_int_equal(c.bound_ns, 50);
	assert_int_equal(c.n, 2);
	pair.before = c;
	assert_int_equal(clock_bound_ns(&pair), 50);
	assert_int_equal(clock_to_theirs(&pair, 100000), 101000);
	assert_int_equal(clock_to_ours(&pair, 101000), 100000);
	pair.after = (struct clock_reading){.offset_ns = 1100, .bound_ns = 10, .at_ns = 1000150, .n = 1};
	assert_int_equal(clock_bound_ns(&pair), 150);
	assert_int_equal(clock_to_theirs(&pair, 500150), 501200);
	assert_int_equal(clock_to_theirs(&pair, 2000000), 2001100);
}

/* --- messages --- */

static void test_messages(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"7",
		"null",
		"{\"kind\":7}",
		"{\"kind\":\"nothing\"}",
		"{\"kind\":\"ping\"}",
		"{\"kind\":\"ping\",\"id\":-1}",
		"{\"kind\":\"ping\",\"id\":\"x\"}",
		"{\"kind\":\"ping\",\"id\":1.5}",
		"{\"kind\":\"hello\",\"protocol\":1,\"program\":\"x\",\"nonce\":\"zz\"}",
		"{\"kind\":\"trial\",\"benchmark\":\"\"}",
		"{\"kind\":\"surroundings\",\"environment\":\"\"}",
		"{\"kind\":\"place\"}",
		"{\"kind\":\"place\",\"partitions\":\"half\"}",
		"{\"kind\":\"place\",\"partitions\":[\"half\",7]}",
		"{\"kind\":\"placed\",\"layout\":\"\"}",
		"{\"kind\":\"result\",\"verdict\":\"ok\",\"values\":{}}",
		"{\"kind\":\"result\",\"verdict\":\"ok\",\"values\":[{\"metric\":\"m\",\"instance\":-1,\"value\":1}]}",
		"{\"kind\":\"result\",\"verdict\":\"ok\",\"values\":[{\"metric\":\"m\",\"instance\":0}]}",
		"{\"kind\":\"result\",\"verdict\":\"ok\",\"values\":[{\"metric\":\"m\",\"instance\":4294967296,\"value\":1}]}",
		"{\"kind\":\"result\",\"verdict\":\"ok\",\"values\":[{\"metric\":\"m\",\"instance\":0,\"value\":1e999}]}"};
	struct agent_message m = {.kind = AGENT_TRIAL,
	                          .first = 3,
	                          .instances = 2,
	                          .of = 7,
	                          .seed = UINT64_MAX,
	                          .window_s = 0.1,
	                          .iterations = 10};
	struct agent_message back = {0};
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ofbc_error err = {0};

		assert_int_equal(agent_message_parse(bad[i], strlen(bad[i]), &back, &err), -EINVAL);
		assert_true(err.message[0]);
	}
	snprintf(m.benchmark, sizeof(m.benchmark), "spin");
	memset(m.definition, 'a', sizeof(m.definition) - 1);
	assert_int_equal(pair_set(&m.parameters, "a b=\"c\"", "x\ny"), 0);
	assert_int_equal(pair_set(&m.parameters, "empty", ""), 0);
	assert_int_equal(agent_message_print(&m, &text), 0);
	assert_null(strchr(text, '\n') && strchr(text, '\n')[1] ? text : NULL);
	assert_int_equal(agent_message_parse(text, strlen(text), &back, NULL), 0);
	assert_int_equal(back.kind, AGENT_TRIAL);
	assert_true(back.seed == UINT64_MAX && back.first == 3 && back.instances == 2 && back.of == 7);
	assert_true(back.window_s > 0.0999 && back.window_s < 0.1001);
	assert_string_equal(pair_get(&back.parameters, "a b=\"c\""), "x\ny");
	assert_string_equal(pair_get(&back.parameters, "empty"), "");
	agent_message_done(&back);
	pair_list_done(&m.parameters);
}

/* What is printed on a terminal has no power over it. */
static void test_control_characters(void **state)
{
	static const char text[] =
		"{\"kind\":\"refused\",\"verdict\":\"busy\",\"reason\":\"a\\u001b[2Jb\\nc\\u007f\"}";
	struct agent_message m = {0};

	(void)state;
	assert_int_equal(agent_message_parse(text, strlen(text), &m, NULL), 0);
	assert_string_equal(m.reason, "a [2Jb c ");
	agent_message_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hmac),     cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_clocks),   cmocka_unit_test(test_clock_edges),
		cmocka_unit_test(test_messages), cmocka_unit_test(test_control_characters)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
