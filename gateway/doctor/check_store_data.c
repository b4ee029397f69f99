/* SPDX-License-Identifier: Apache-2.0 */
/* Who has the store open, its pages, and the version of what is in them. Nothing is made there: a
   file of root's in it would keep out the gateway that is another user. */
#include "doctor/doctor.h"

#include "store/kv.h"
#include "store/pages.h"
#include "store/schema.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char starts_not[] = "lwgated does not start";

/* --- the database ----------------------------------------------------------------------------- */

static bool pages_fit(int fd, size_t len, struct pages_fault *fault)
{
	void *const at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	*fault = (struct pages_fault){ .what = "cannot be mapped" };
	if (at == MAP_FAILED)
		return false;
	(void)madvise(at, len, MADV_RANDOM);
	const bool ok = pages_are_sound(at, len, fault);
	(void)munmap(at, len);
	return ok;
}

static bool check_pages(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "store-pages",
		.severity = DOCTOR_PROBLEM,
		.setting = "store.path",
		.why = starts_not };
	char file[DOCTOR_PATH_MAX];
	struct pages_fault fault = { .what = NULL };
	struct stat st;
	const int fd = open(doctor_in_store(d, "data.mdb", file), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		doctor_say(d, &kind, doctor_store_back, "%s: %s", file, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	const bool ok = st.st_size > 0 && pages_fit(fd, (size_t)st.st_size, &fault);
	(void)close(fd);
	if (ok)
		doctor_good(d, kind.id, "%s: what was looked at is whole", file);
	else if (st.st_size == 0)
		doctor_say(d, &kind, doctor_store_back, "%s: is empty", file);
	else if (fault.need > 0)
		doctor_say(d, &kind, doctor_store_back, "%s: is cut off: %lld octets of %llu", file,
			(long long)st.st_size, (unsigned long long)fault.need);
	else
		doctor_say(d, &kind, doctor_store_back, "%s: is damaged (page %llu: %s)", file,
			(unsigned long long)fault.page, fault.what == NULL ? "?" : fault.what);
	return ok;
}

static void judge_schema(struct doctor *d, uint32_t version)
{
	const struct doctor_kind problem = { .id = "store-schema",
		.severity = DOCTOR_PROBLEM,
		.setting = "store.path",
		.why = starts_not };
	const struct doctor_kind older = { .id = "store-schema",
		.severity = DOCTOR_ADVICE,
		.setting = "store.path",
		.why = "the next start brings it up, and the lwgated that wrote it cannot read it "
		       "any more" };
	const struct schema_steps steps = schema_steps();
	char remedy[DOCTOR_REMEDY_MAX];
	(void)snprintf(remedy, sizeof(remedy),
		"before the first start: systemctl stop lwgated; cp -a '%.100s' '%.100s.before'",
		d->conf.store_path, d->conf.store_path);
	if (version == STORE_SCHEMA)
		doctor_good(d, problem.id, "version %u", version);
	else if (version > STORE_SCHEMA)
		doctor_say(d, &problem, "install the newer version again",
			"the store is of version %u, this lwgate knows up to %d", version,
			STORE_SCHEMA);
	else if (version < steps.first)
		doctor_say(d, &problem, "start a version of lwgate in between first",
			"the store is of version %u, which this lwgate cannot bring to %d", version,
			STORE_SCHEMA);
	else
		doctor_say(d, &older, remedy, "the store is of the older version %u of %d", version,
			STORE_SCHEMA);
}

/* Only beside the lock file that is there: LMDB would make one that is ours. */
static void check_schema(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "store-schema",
		.severity = DOCTOR_PROBLEM,
		.setting = "store.path",
		.why = starts_not };
	static const char *const tables[] = { "meta" };
	const struct kv_lmdb_settings s = { .dir = d->conf.store_path,
		.tables = tables,
		.tables_len = COUNT_OF(tables),
		.read_only = true };
	struct store_error error;
	char lock[DOCTOR_PATH_MAX];
	uint32_t version = 0;
	bool fresh;
	if (access(doctor_in_store(d, "lock.mdb", lock), R_OK | W_OK) != 0)
		return;
	struct kv *const kv = kv_open_lmdb(&s, &fresh, &error);
	if (kv == NULL) {
		doctor_say_error(d, &kind, error.text);
		return;
	}
	if (schema_read(kv, &version) == STORE_OK && version > 0)
		judge_schema(d, version);
	else
		doctor_say(d, &kind, doctor_store_back, "%s/data.mdb: its first row is damaged",
			d->conf.store_path);
	kv_close(kv);
}

/* --- who holds it ----------------------------------------------------------------------------- */

long doctor_store_holder(const struct doctor *d)
{
	char file[DOCTOR_PATH_MAX], text[32] = "";
	const int fd = open(doctor_in_store(d, "lock", file), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fd < 0)
		return 0;
	const bool asked = fcntl(fd, F_OFD_GETLK, &whole) == 0;
	long pid = 0;
	if (asked && whole.l_type != F_UNLCK)
		pid = read(fd, text, sizeof(text) - 1) > 0 ? strtol(text, NULL, 10) : -1;
	(void)close(fd);
	return pid;
}

static void check_holder(struct doctor *d, long pid)
{
	static const struct doctor_kind kind = { .id = "store-lock",
		.severity = DOCTOR_PROBLEM,
		.setting = "store.path",
		.why = "two gateways cannot share a store: the second does not start" };
	char remedy[DOCTOR_REMEDY_MAX];
	if (pid == 0 || pid == (long)d->gateway) {
		doctor_good(d, kind.id, pid == 0 ? "nobody holds it" : "the gateway holds it");
		return;
	}
	(void)snprintf(
		remedy, sizeof(remedy), "kill %ld, or control.path = where that one listens", pid);
	doctor_say(d, &kind, remedy,
		"process %ld holds %s, and is not the one behind the control socket", pid,
		d->conf.store_path);
}

void doctor_check_store_data(struct doctor *d)
{
	const long pid = doctor_store_holder(d);
	check_holder(d, pid);
	/* While a gateway writes there, pages change under who looks. */
	if (pid != 0 || check_pages(d))
		check_schema(d);
}
