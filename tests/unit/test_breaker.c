/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/breaker.h"

static const struct nv_err hung = { .errnum = ETIMEDOUT, .msg = "redis://h:1: no answer" };
static const struct nv_err refused = { .errnum = EIO, .msg = "redis://h:1: refused" };

static void assert_passes(struct nv_breaker *breaker, int64_t now_ms, bool as_probe)
{
	bool probe = !as_probe;

	assert_int_equal(nv_breaker_admit(breaker, now_ms, &probe, NULL), 0);
	assert_int_equal(probe, as_probe);
}

static void assert_fails(struct nv_breaker *breaker, int64_t now_ms)
{
	struct nv_err err = NV_ERR_INIT;
	bool probe = true;

	assert_int_equal(nv_breaker_admit(breaker, now_ms, &probe, &err), -ETIMEDOUT);
	assert_false(probe);
	assert_int_equal(err.errnum, ETIMEDOUT);
	assert_non_null(strstr(err.msg, hung.msg));
}

static void test_closed_lets_everybody_through(void **state)
{
	struct nv_breaker breaker = { .open = false };

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_passes(&breaker, 0, false);
	}
	nv_breaker_done(&breaker, 0, false, NV_OUTCOME_FAILED, &refused);
	assert_passes(&breaker, 0, false);
	nv_breaker_done(&breaker, 0, false, NV_OUTCOME_UNKNOWN, &hung);
	assert_passes(&breaker, 0, false);
}

static void test_open_lets_one_probe_through_a_second_after_each_vain_wait(void **state)
{
	struct nv_breaker breaker = { .open = false };

	(void)state;
	nv_breaker_done(&breaker, 100, false, NV_OUTCOME_WAITED, &hung);
	assert_fails(&breaker, 100);
	assert_fails(&breaker, 1099);
	assert_passes(&breaker, 1100, true);
	assert_fails(&breaker, 1100);
	assert_fails(&breaker, 6000); /* it is still under way */
	nv_breaker_done(&breaker, 6100, true, NV_OUTCOME_WAITED, &hung);
	assert_fails(&breaker, 7099); /* its end counts, not its beginning */
	assert_passes(&breaker, 7100, true);
	/* Those who were let in before it opened end too, and end no probe. */
	nv_breaker_done(&breaker, 7200, false, NV_OUTCOME_WAITED, &hung);
	assert_fails(&breaker, 9000);
	/* A probe that says nothing does not leave the door blocked. */
	nv_breaker_done(&breaker, 9000, true, NV_OUTCOME_UNKNOWN, &hung);
	assert_passes(&breaker, 9000, true);
}

static void test_any_life_closes_it(void **state)
{
	static const enum nv_outcome outcomes[] = { NV_OUTCOME_ANSWERED,
		                                          NV_OUTCOME_FAILED };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct nv_breaker breaker = { .open = false };

		nv_breaker_done(&breaker, 0, false, NV_OUTCOME_WAITED, &hung);
		assert_passes(&breaker, 1000, true);
		nv_breaker_done(&breaker, 1001, true, outcomes[i], &refused);
		assert_passes(&breaker, 1001, false);
		assert_passes(&breaker, 1001, false);
		/* One that began before it opened may say so as well. */
		nv_breaker_done(&breaker, 1002, false, NV_OUTCOME_WAITED, &hung);
		nv_breaker_done(&breaker, 1003, false, outcomes[i], &refused);
		assert_passes(&breaker, 1003, false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_lets_everybody_through),
		cmocka_unit_test(test_open_lets_one_probe_through_a_second_after_each_vain_wait),
		cmocka_unit_test(test_any_life_closes_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
