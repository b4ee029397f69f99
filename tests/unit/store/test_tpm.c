/* SPDX-License-Identifier: Apache-2.0 */
/* Against swtpm; its absence is said, not hidden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/build.h"
#include "base/wipe.h"
#include "store/tpm.h"
#include "store/tpm_object.h"
#include "swtpm.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INDEX = 0x01500001, ROUNDS = 8, TEXT = 256 };

struct rig {
	struct swtpm one, other;
	bool there;
};

static bool is_built_in(void)
{
	struct store_error e = { "" };
	uint64_t value;
	(void)!tpm_counter_read("nosuch:", INDEX, &value, &e);
	return !strstr(e.text, "built without TPM support");
}

static int begin(void **state)
{
	static struct rig rig;
	swtpm_prepare(&rig.one);
	swtpm_prepare(&rig.other);
	rig.there = swtpm_exists();
	*state = &rig;
	return rig.there && !(swtpm_start(&rig.one) && swtpm_start(&rig.other)) ? -1 : 0;
}

static int end(void **state)
{
	struct rig *r = *state;
	swtpm_forget(&r->one);
	swtpm_forget(&r->other);
	return 0;
}

static struct rig *needed(void **state)
{
	struct rig *r = *state;
	if (!r->there)
		skip();
	return r;
}

/* What must not lie about in memory but where it is meant to be. */
static void make_secret(uint8_t secret[TPM_SECRET])
{
	for (size_t i = 0; i < TPM_SECRET; i++)
		secret[i] = (uint8_t)(i * 37 + 11);
}

static bool is_secret(const volatile uint8_t *p)
{
	for (size_t i = 0; i < TPM_SECRET; i++)
		if (p[i] != (uint8_t)(i * 37 + 11))
			return false;
	return true;
}

static size_t seal(const struct swtpm *s, uint8_t object[TPM_OBJECT_MAX])
{
	struct store_error e = { "" };
	uint8_t secret[TPM_SECRET];
	size_t len = 0;
	make_secret(secret);
	const bool good = tpm_seal(s->tcti, secret, object, &len, &e);
	if (!good)
		print_error("%s\n", e.text);
	assert_true(good);
	wipe(secret, sizeof(secret));
	return len;
}

static void assert_opens(const struct swtpm *s, const uint8_t *object, size_t len)
{
	struct store_error e = { "" };
	uint8_t secret[TPM_SECRET] = { 0 };
	const bool good = tpm_unseal(s->tcti, object, len, secret, &e);
	if (!good)
		print_error("%s\n", e.text);
	assert_true(good && is_secret(secret));
	wipe(secret, sizeof(secret));
}

static void assert_refuses(
	const struct swtpm *s, const uint8_t *object, size_t len, const char *words)
{
	struct store_error e = { "" };
	uint8_t secret[TPM_SECRET] = { 0 };
	assert_false(tpm_unseal(s->tcti, object, len, secret, &e));
	if (!strstr(e.text, words))
		print_error("%s\n", e.text);
	assert_non_null(strstr(e.text, words));
	assert_null(strchr(e.text, '\n'));
	assert_false(is_secret(secret));
}

/* --- sealing ---------------------------------------------------------------------------------- */

/* More often than the TPM has places for keys and sessions: each is given back. */
static void test_R190_what_was_sealed_opens_again(void **state)
{
	const struct rig *r = needed(state);
	uint8_t object[TPM_OBJECT_MAX];
	for (int i = 0; i < ROUNDS; i++) {
		const size_t len = seal(&r->one, object);
		assert_opens(&r->one, object, len);
		assert_opens(&r->one, object, len);
	}
}

static void test_R190_opens_after_the_power_was_off(void **state)
{
	struct rig *r = needed(state);
	uint8_t object[TPM_OBJECT_MAX];
	const size_t len = seal(&r->one, object);
	swtpm_stop(&r->one);
	assert_true(swtpm_start(&r->one));
	assert_opens(&r->one, object, len);
}

static void test_R190_another_tpm_does_not_open_it(void **state)
{
	const struct rig *r = needed(state);
	uint8_t object[TPM_OBJECT_MAX];
	const size_t len = seal(&r->one, object);
	assert_refuses(&r->other, object, len, "only the TPM that sealed it opens it");
	assert_opens(&r->one, object, len);
}

static void test_R190_a_changed_object_is_refused(void **state)
{
	const struct rig *r = needed(state);
	uint8_t object[TPM_OBJECT_MAX];
	const size_t len = seal(&r->one, object);
	for (size_t at = 0; at < len; at += 7) {
		object[at] ^= 0x10;
		assert_refuses(&r->one, object, len, "; ");
		object[at] ^= 0x10;
	}
	assert_refuses(&r->one, object, len - 1, "nothing that lwgate has had sealed");
	assert_refuses(&r->one, object, 0, "nothing that lwgate has had sealed");
	assert_opens(&r->one, object, len);
}

/* --- where the secret must not be ------------------------------------------------------------- */

static size_t slurp(const char *name, uint8_t *out, size_t cap)
{
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	for (ssize_t n = 1; fd >= 0 && n > 0 && len<cap; len += n> 0 ? (size_t)n : 0)
		n = read(fd, out + len, cap - len);
	if (fd >= 0)
		(void)close(fd);
	return len;
}

static bool holds_secret(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + TPM_SECRET <= len; i++)
		if (is_secret(data + i))
			return true;
	return false;
}

/* tpm2-tss writes down all that crosses the bus; what does cross it in clear is found there. */
static void test_I5_the_secret_does_not_cross_the_bus(void **state)
{
	const struct rig *r = needed(state);
	char file[TEXT];
	char tcti[TEXT];
	struct tpm_object parts;
	static uint8_t traffic[1 << 18];
	uint8_t object[TPM_OBJECT_MAX];
	uint8_t secret[TPM_SECRET];
	struct store_error e = { "" };
	size_t len = 0;
	(void)snprintf(file, sizeof(file), "%s/bus.pcap", r->one.folder);
	(void)snprintf(tcti, sizeof(tcti), "pcap:%s", r->one.tcti);
	assert_int_equal(setenv("TCTI_PCAP_FILE", file, 1), 0);
	make_secret(secret);
	if (!tpm_seal(tcti, secret, object, &len, &e)) {
		print_message("# %s\n", e.text);
		skip();
	}
	wipe(secret, sizeof(secret));
	const size_t sealed_len = slurp(file, traffic, sizeof(traffic));
	assert_true(tpm_object_parse(object, len, &parts));
	assert_non_null(memmem(traffic, sealed_len, parts.public_part, parts.public_len));
	assert_non_null(memmem(traffic, sealed_len, parts.private_part, parts.private_len));
	assert_false(holds_secret(traffic, sealed_len));
	assert_true(tpm_unseal(tcti, object, len, secret, &e) && is_secret(secret));
	wipe(secret, sizeof(secret));
	const size_t opened_len = slurp(file, traffic, sizeof(traffic));
	assert_in_range(opened_len, 1000, sizeof(traffic) - 1);
	assert_false(holds_secret(traffic, opened_len));
	assert_int_equal(unsetenv("TCTI_PCAP_FILE"), 0);
}

/* The copies in what this process may write to; those of the caller's stack included. */
static size_t copies_in_memory(void)
{
	static char maps[1 << 18];
	const size_t maps_len = slurp("/proc/self/maps", (uint8_t *)maps, sizeof(maps) - 1);
	maps[maps_len] = '\0';
	size_t copies = 0;
	char *rest = NULL;
	for (char *line = strtok_r(maps, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *at = NULL;
		const uintptr_t first = (uintptr_t)strtoull(line, &at, 16);
		const uintptr_t past = (uintptr_t)strtoull(at + 1, &at, 16);
		if (strncmp(at, " rw-", 4) != 0)
			continue;
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): that is what the system says */
		const uint8_t *const begin = (const uint8_t *)first;
		for (const uint8_t *p = begin; p + TPM_SECRET <= begin + (past - first); p++)
			copies += is_secret(p);
	}
	return copies;
}

/* the library's buffers outlive its context on the heap, and its frames on the stack. */
static void test_R195_no_copy_stays_in_memory(void **state)
{
	const struct rig *r = needed(state);
	uint8_t object[TPM_OBJECT_MAX];
	uint8_t secret[TPM_SECRET];
	struct store_error e = { "" };
	if (BUILD_CHECKED)
		skip(); /* what was freed is kept aside there */
	make_secret(secret);
	assert_int_equal(copies_in_memory(), 1);
	wipe(secret, sizeof(secret));
	assert_int_equal(copies_in_memory(), 0);
	const size_t len = seal(&r->one, object);
	assert_int_equal(copies_in_memory(), 0);
	assert_true(tpm_unseal(r->one.tcti, object, len, secret, &e));
	assert_int_equal(copies_in_memory(), 1);
	wipe(secret, sizeof(secret));
}

/* --- counters --------------------------------------------------------------------------------- */

static uint64_t counter(const struct swtpm *s, bool raise, uint32_t index)
{
	struct store_error e = { "" };
	uint64_t value = 0;
	const bool good = raise ? tpm_counter_increment(s->tcti, index, &value, &e)
				: tpm_counter_read(s->tcti, index, &value, &e);
	if (!good)
		print_error("%s\n", e.text);
	assert_true(good);
	return value;
}

static void test_S5_a_counter_is_made_and_only_grows(void **state)
{
	struct rig *r = needed(state);
	const uint64_t zero = counter(&r->one, false, INDEX);
	assert_true(zero > 0);
	assert_int_equal(counter(&r->one, false, INDEX), zero);
	for (uint64_t i = 1; i <= ROUNDS; i++)
		assert_int_equal(counter(&r->one, true, INDEX), zero + i);
	swtpm_stop(&r->one);
	assert_true(swtpm_start(&r->one));
	assert_int_equal(counter(&r->one, false, INDEX), zero + ROUNDS);
	const uint64_t second = counter(&r->one, true, INDEX + 1);
	assert_int_equal(counter(&r->one, false, INDEX + 1), second);
	assert_int_equal(counter(&r->one, false, INDEX), zero + ROUNDS);
}

static void test_S5_an_index_of_another_kind_is_refused(void **state)
{
	const struct rig *r = needed(state);
	static const uint32_t wrong[] = { 0, 0x00ffffff, 0x02000000, 0x81000001 };
	struct store_error e;
	uint64_t value = 0;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(tpm_counter_increment(r->one.tcti, wrong[i], &value, &e));
		assert_non_null(strstr(e.text, "0x01000000 .. 0x01ffffff"));
	}
}

/* --- no TPM ----------------------------------------------------------------------------------- */

/* What the library would write itself is seen by nobody who could act. */
static void test_a_tpm_that_is_not_there_is_told_in_words(void **state)
{
	const struct rig *r = needed(state);
	struct store_error e = { "" };
	struct swtpm gone = r->other;
	char file[TEXT];
	uint8_t said[TEXT];
	uint8_t object[TPM_OBJECT_MAX];
	uint8_t secret[TPM_SECRET] = { 0 };
	size_t len = 1;
	(void)snprintf(file, sizeof(file), "%s/stderr", r->one.folder);
	(void)snprintf(gone.tcti, sizeof(gone.tcti), "swtpm:port=1");
	(void)fflush(stderr);
	const int kept = dup(STDERR_FILENO);
	const int fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(kept >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	const bool good = tpm_seal(gone.tcti, secret, object, &len, &e);
	const bool other = tpm_seal("device:/dev/null/tpm", secret, object, &len, &e);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	(void)close(kept);
	(void)close(fd);
	assert_false(good || other);
	assert_int_equal(len, 0);
	assert_non_null(strstr(e.text, "TPM \"device:/dev/null/tpm\": it cannot be reached"));
	assert_non_null(strstr(e.text, "/dev/tpmrm0"));
	assert_int_equal(slurp(file, said, sizeof(said)), 0);
}

static void test_built_without_says_so(void **state)
{
	struct store_error e = { "" };
	uint8_t bytes[TPM_OBJECT_MAX] = { 0 };
	size_t len = 1;
	uint64_t value = 1;
	(void)state;
	assert_false(tpm_seal("", bytes, bytes, &len, &e));
	assert_non_null(strstr(e.text, "tpm2-tss was not found"));
	assert_false(tpm_unseal("", bytes, 1, bytes, &e));
	assert_false(tpm_counter_increment("", INDEX, &value, &e));
	assert_int_equal(len, 0);
	assert_int_equal(value, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R190_what_was_sealed_opens_again),
		cmocka_unit_test(test_R190_opens_after_the_power_was_off),
		cmocka_unit_test(test_R190_another_tpm_does_not_open_it),
		cmocka_unit_test(test_R190_a_changed_object_is_refused),
		cmocka_unit_test(test_I5_the_secret_does_not_cross_the_bus),
		cmocka_unit_test(test_R195_no_copy_stays_in_memory),
		cmocka_unit_test(test_S5_a_counter_is_made_and_only_grows),
		cmocka_unit_test(test_S5_an_index_of_another_kind_is_refused),
		cmocka_unit_test(test_a_tpm_that_is_not_there_is_told_in_words),
	};
	const struct CMUnitTest without[] = { cmocka_unit_test(test_built_without_says_so) };
	return is_built_in() ? cmocka_run_group_tests(tests, begin, end)
			     : cmocka_run_group_tests(without, NULL, NULL);
}
