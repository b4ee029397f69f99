/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/out.h"
#include "doctor/doctor.h"
#include "doctor/holder.h"
#include "doctor/lines.h"

static const struct doctor_kind kind = {
	.id = "x", .severity = DOCTOR_PROBLEM, .setting = NULL, .why = "so"
};

static struct doctor *fresh(void)
{
	struct doctor *d = doctor_new("some.conf", NULL);
	assert_non_null(d);
	return d;
}

static void test_an_error_is_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text, *file, *seen, *remedy;
		unsigned line;
	} all[] = {
		{ "/etc/a.conf:12: is wrong; set it right", "/etc/a.conf", "is wrong",
			"set it right", 12 },
		{ "/a: b: mode 0644 lets others in; run: chmod 0600 /a", "",
			"/a: b: mode 0644 lets others in", "run: chmod 0600 /a", 0 },
		{ "one; two; three", "", "one; two", "three", 0 },
		{ "nothing to be done", "", "nothing to be done", "", 0 },
		{ "a:b: c", "", "a:b: c", "", 0 },
		{ "12: c", "", "12: c", "", 0 },
	};
	struct doctor *const d = fresh();
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		doctor_say_error(d, &kind, all[i].text);
		const struct doctor_finding *const f = &d->findings[i];
		assert_string_equal(f->file, all[i].file);
		assert_int_equal(f->line, all[i].line);
		assert_string_equal(f->seen, all[i].seen);
		assert_string_equal(f->remedy, all[i].remedy);
		assert_string_equal(f->why, "so");
	}
	assert_int_equal(doctor_count(d, DOCTOR_PROBLEM), COUNT_OF(all));
	assert_int_equal(doctor_count(d, DOCTOR_OK), 0);
	doctor_free(d);
}

static void test_more_than_there_is_room_for_is_said(void **state)
{
	(void)state;
	struct doctor *const d = fresh();
	for (size_t i = 0; i < DOCTOR_FINDINGS + 10; i++)
		doctor_good(d, "y", "%zu", i);
	assert_int_equal(d->len, DOCTOR_FINDINGS);
	assert_string_equal(d->findings[DOCTOR_FINDINGS - 1].id, "more");
	assert_int_equal(doctor_count(d, DOCTOR_PROBLEM), 1);
	doctor_free(d);
}

static void is_shown(void (*show)(const struct doctor *d, struct ctl_out *o),
	const struct doctor *d, const char *wanted)
{
	struct ctl_out o = { 0 };
	show(d, &o);
	assert_false(o.bad);
	ctl_out_bytes(&o, "", 1);
	assert_string_equal(o.data, wanted);
	ctl_out_fini(&o);
}

static void test_both_forms(void **state)
{
	(void)state;
	struct doctor *const d = fresh();
	doctor_good(d, "good", "well");
	doctor_say_error(d, &kind, "f:3: bad\x1b[2J \"q\"; mend");
	is_shown(doctor_text, d,
		"ok       good           well\n"
		"problem  x              f:3: bad?[2J \"q\"\n"
		"         why:    so\n"
		"         remedy: mend\n"
		"problems: 1, advice: 0, well: 1\n");
	is_shown(doctor_json, d,
		"{\"findings\":[{\"id\":\"good\",\"severity\":\"ok\",\"file\":null,\"line\":null,"
		"\"seen\":\"well\",\"why\":null,\"remedy\":null},{\"id\":\"x\",\"severity\":"
		"\"problem\",\"file\":\"f\",\"line\":3,\"seen\":\"bad\\u001b[2J "
		"\\\"q\\\"\",\"why\":"
		"\"so\",\"remedy\":\"mend\"}],\"problems\":1,\"advice\":0}\n");
	doctor_free(d);
}

static void test_lines_of_settings(void **state)
{
	(void)state;
	char file[] = "/tmp/lwgate-test-XXXXXX";
	static const char text[] = "a = 1;\nstore = {\n  path = \"x\";\n};\nl = (\n{ p = 1; },\n"
				   "{ p = 2; } );\n";
	const int fd = mkstemp(file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), (int)sizeof(text) - 1);
	(void)close(fd);
	struct doctor_lines *const l = doctor_lines_new(file);
	(void)unlink(file);
	assert_non_null(l);
	assert_int_equal(doctor_line(l, "a"), 1);
	assert_int_equal(doctor_line(l, "store.path"), 3);
	assert_int_equal(doctor_line(l, "store.key_file"), doctor_line(l, "store"));
	assert_int_not_equal(doctor_line(l, "store"), 0);
	assert_int_equal(doctor_line(l, "l.[1].p"), 7);
	assert_int_equal(doctor_line(l, "none.of.it"), 0);
	assert_int_equal(doctor_line(l, NULL), 0);
	assert_int_equal(doctor_line(NULL, "a"), 0);
	doctor_lines_free(l);
	assert_null(doctor_lines_new("/nonexistent"));
}

static void test_whose_port_it_is(void **state)
{
	(void)state;
	static const char line[] = "  527: 0100007F:1634 00000000:0000 07 00000000:00000000 "
				   "00:00000000 00000000   998 "
				   "       0 918273 2 0000000000000000 0\n";
	static const char v6[] = "  9: 00000000000000000000000001000000:1634 "
				 "00000000000000000000000000000000:0000 07 "
				 "00000000:00000000 00:00000000 00000000     0        0 77 2 0 0\n";
	unsigned long inode = 0;
	uid_t uid = 0;
	assert_true(holder_read(line, 5684, &inode, &uid));
	assert_int_equal(inode, 918273);
	assert_int_equal(uid, 998);
	assert_false(holder_read(line, 5685, &inode, &uid));
	assert_true(holder_read(v6, 5684, &inode, &uid));
	assert_int_equal(inode, 77);
	assert_false(
		holder_read("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
			    "retrnsmt   uid  timeout inode ref pointer drops\n",
			5684, &inode, &uid));
	assert_false(holder_read("", 0, &inode, &uid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_error_is_taken_apart),
		cmocka_unit_test(test_more_than_there_is_room_for_is_said),
		cmocka_unit_test(test_both_forms),
		cmocka_unit_test(test_lines_of_settings),
		cmocka_unit_test(test_whose_port_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
