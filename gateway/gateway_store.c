/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/fail.h"
#include "gateway/gateway_parts.h"

#include "base/wipe.h"
#include "conf/credentials.h"
#include "gateway/credentials_ops.h"
#include "gateway/fault.h"
#include "gateway/inherit.h"
#include "gateway/material.h"
#include "gateway/node.h"
#include "gateway/privilege.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_ROOM = 1100 };

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct kek_source kek_source_of(const struct conf_gateway *conf)
{
	struct kek_source s = {
		.kind = KEK_FILE, .name = conf->store_key_file, .store_dir = conf->store_path
	};
	if (conf->store_key_credential) {
		s.kind = KEK_SYSTEMD;
		s.name = conf->store_key_credential;
	}
	if (conf->store_key_tpm) {
		s.kind = KEK_TPM;
		s.name = conf->store_key_tpm;
		s.tcti = conf->store_tpm;
	}
	return s;
}

static bool fail(struct conf_error *error, const struct store_error *why)
{
	(void)snprintf(error->text, sizeof(error->text), "%s", why->text);
	return false;
}

/* --- before root is dropped ------------------------------------------------------------------ */

/* A folder that is not there is made, for whom we will be. */
static bool make_folder(
	const struct conf_gateway *conf, const char *path, mode_t mode, struct conf_error *error)
{
	struct stat st;
	if (stat(path, &st) == 0)
		return true;
	if (mkdir(path, mode) == 0 && gw_privilege_give(conf->user, conf->group, path, error))
		return true;
	if (error->text[0] == '\0')
		(void)snprintf(error->text, sizeof(error->text),
			"%s cannot be made: %s; make it, owned by the user of the gateway", path,
			strerror(errno));
	return false;
}

static bool make_folder_of(
	const struct conf_gateway *conf, const char *file, mode_t mode, struct conf_error *error)
{
	char path[PATH_ROOM];
	const char *const slash = file ? strrchr(file, '/') : NULL;
	if (!slash || slash == file || (size_t)(slash - file) >= sizeof(path))
		return true;
	memcpy(path, file, (size_t)(slash - file));
	path[slash - file] = '\0';
	return make_folder(conf, path, mode, error);
}

/* A store that is there already needs the key that it was made with; only a new one gets a new
   one. */
static bool is_new(const struct conf_gateway *conf)
{
	char file[PATH_ROOM];
	struct stat st;
	(void)snprintf(file, sizeof(file), "%s/keyring", conf->store_path);
	return stat(file, &st) != 0;
}

bool gw_store_prepare(struct gw_gateway *g, struct conf_error *error)
{
	const struct conf_gateway *const conf = g->shared.conf;
	struct store_error why;
	error->text[0] = '\0';
	if (!conf->store_path)
		return true;
	if (!make_folder(conf, conf->store_path, 0700, error) ||
		!make_folder_of(conf, conf->store_token, 0755, error))
		return false;
	if (gw_inherit_kek(g->inherited, &g->kek)) {
		g->has_kek = true;
		return true;
	}
	const struct kek_source source = kek_source_of(conf);
	const bool make = !kek_exists(&source) && is_new(conf);
	if (make && !make_folder_of(conf, conf->store_key_file, 0755, error))
		return false;
	g->has_kek = make ? kek_make(&source, &g->kek, &why) : kek_read(&source, &g->kek, &why);
	if (make && g->has_kek)
		log_say(g->log, LOG_LEVEL_INFO, "store-key",
			"made %s: without it the store cannot be opened; keep a copy elsewhere",
			source.name);
	return g->has_kek || fail(error, &why);
}

/* --- afterwards ------------------------------------------------------------------------------ */

void gw_credential_changed(struct gw_gateway *g, uint32_t cred)
{
	for (size_t i = 0; i < g->running; i++) {
		if (!inbox_post(g->inboxes[i], INBOX_SURE, GW_CHANGED, &cred, sizeof(cred)))
			log_say(g->log, LOG_LEVEL_ERROR, "memory",
				"none left to tell a worker that a credential has changed");
	}
	gw_sweeping_one(g, cred);
}

static void changed(void *ctx, uint32_t cred)
{
	gw_credential_changed(ctx, cred);
}

/* By what the PSKs of the links are known again. No endpoint has this name. */
static bool proof_of_links(const struct gw_gateway *g, size_t upstream, uint8_t out[GW_WAVE_PROOF])
{
	const struct cred_set *const own = g->shared.masters[upstream];
	const struct cred_set *const master = own ? own : g->shared.creds;
	uint8_t key[GW_WAVE_PROOF];
	memset(out, 0, GW_WAVE_PROOF);
	if (g->shared.conf->upstreams[upstream].dtls.proof != CONF_BY_PSK ||
		!cred_has_master(master))
		return true;
	const bool good = cred_derived(master, "\n", key) &&
			  gw_trace_of("lwgate links", 12, key, sizeof(key), out);
	wipe(key, sizeof(key));
	return good;
}

bool gw_store_follow(struct gw_gateway *g, struct gw_material *m, unsigned *raised)
{
	uint8_t proofs[GW_WAVE_UPSTREAMS][GW_WAVE_PROOF];
	bool good = true;
	static const char *const words[GW_WAVES] = {
		[GW_WAVE_OWN_DEVICE] = "what the gateway proves to devices",
		[GW_WAVE_OWN_UPSTREAM] = "what the gateway proves to a server",
		[GW_WAVE_SERVER] = "by what a server is believed",
		[GW_WAVE_VOUCHING] = "who vouches for certificates, or which are revoked",
	};
	*raised = 0;
	memset(proofs, 0, sizeof(proofs));
	for (size_t i = 0; good && i < g->shared.conf->upstreams_len; i++)
		good = proof_of_links(g, i, proofs[i]);
	if (!good || !gw_waves_follow(g->shared.store, m, proofs, raised))
		return false;
	for (size_t i = 0; i < GW_WAVES; i++) {
		if (*raised & 1U << i)
			log_say(g->log, LOG_LEVEL_INFO, "changed",
				"%s is not what it was: the policy decides of the sessions",
				words[i]);
	}
	return true;
}

static bool follow(struct gw_gateway *g, struct conf_error *error)
{
	unsigned raised;
	return !g->material || gw_store_follow(g, g->material, &raised) ||
	       conf_fail(error, g->shared.conf->store_path ? g->shared.conf->store_path : "store",
		       0,
		       "what the gateway is known by cannot be written down; see the log, and "
		       "check the disk");
}

static void say_start(const struct gw_gateway *g)
{
	const struct store_start s = store_start(g->shared.store);
	if (s.fresh)
		log_say(g->log, LOG_LEVEL_INFO, "store", "new in %s",
			g->shared.conf->store_path ? g->shared.conf->store_path : "memory");
	else
		log_say(g->log, s.continuous ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "store",
			"run=%u sessions=%s%s%s", s.incarnation,
			s.continuous ? "go on"
			: s.anchored ? "go on after a power loss, as store.after_power_loss says"
				     : "have to be resumed by their devices",
			s.continuous ? "" : " why=", s.continuous ? "" : s.why);
}

/* May a credential be without an upstream key? Whether one that is routed to the others may is seen
   when its link is opened. */
static bool derives(const struct gw_gateway *g)
{
	const struct conf_gateway *const conf = g->shared.conf;
	bool any = cred_has_master(g->shared.creds);
	for (size_t i = 0; i < conf->upstreams_len; i++)
		any = any || g->shared.masters[i] || conf->upstreams[i].dtls.proof != CONF_BY_PSK;
	return any;
}

static bool open_credentials(struct gw_gateway *g, struct conf_error *error)
{
	const struct conf_gateway *const conf = g->shared.conf;
	const struct gw_credentials_settings s = {
		.store = g->shared.store,
		.folder = conf->store_path,
		.log = g->log,
		.derives = derives(g),
		.overlap_s = conf->policy_overlap_s,
		.changed = changed,
		.ctx = g,
		.owner = g,
	};
	g->credentials = gw_credentials_new(&s);
	if (!g->credentials) {
		(void)snprintf(error->text, sizeof(error->text), "memory is short");
		return false;
	}
	return !conf->credentials ||
	       gw_credentials_sync(g->credentials, g->shared.creds, conf->credentials, error);
}

/* S25: before a socket is read. What is in memory only is nobody else's. */
static bool claim(const struct gw_gateway *g, struct conf_error *error)
{
	uint8_t machine[GW_MACHINE_LEN];
	if (!g->shared.conf->store_path)
		return true;
	const bool is_told = gw_machine("/etc/machine-id", machine);
	char why[CONF_ERROR_MAX];
	if (gw_node_claim(g->shared.store, g->shared.conf->cid_node, is_told ? machine : NULL,
		    g->claims_store, why, sizeof(why)))
		return true;
	return conf_fail(error, g->shared.conf->store_path, 0, "%s", why);
}

bool gw_store_open(struct gw_gateway *g, struct conf_error *error)
{
	const struct conf_gateway *const conf = g->shared.conf;
	struct store_error why;
	const struct store_settings s = {
		.dir = conf->store_path,
		.kek = kek_source_of(conf),
		.kek_given = g->has_kek ? &g->kek : NULL,
		.token = conf->store_token,
		.hot = conf->store_hot,
		.anchor = conf->store_anchor,
		.tcti = conf->store_tpm,
		.any_filesystem = conf->store_any_filesystem,
		.read_ceilings = conf->store_after_power_loss == CONF_POWER_GAP,
		.resumable_max = conf->store_resumption,
		.discard_sessions = g->discard_sessions,
		.boot_ms = clock_ms(CLOCK_BOOTTIME),
		.wall_ms = clock_ms(CLOCK_REALTIME),
		.log = g->log,
	};
	gw_fault_install(NULL, conf->store_path, NULL);
	g->shared.store = store_open(&s, &why);
	wipe(&g->kek, sizeof(g->kek));
	g->has_kek = false;
	if (!g->shared.store) {
		gw_fault_forget();
		return fail(error, &why);
	}
	gw_fault_install(g->shared.store, conf->store_path, conf->store_token);
	g->shared.incarnation = store_start(g->shared.store).incarnation;
	g->shared.steer.seed = (uint32_t)store_seed(g->shared.store);
	g->reader = store_reader_new(g->shared.store);
	say_start(g);
	if (g->reader)
		return claim(g, error) && follow(g, error) && open_credentials(g, error);
	(void)snprintf(error->text, sizeof(error->text), "memory is short");
	return false;
}

void gw_store_close(struct gw_gateway *g)
{
	gw_credentials_free(g->credentials);
	g->credentials = NULL;
	if (g->reader)
		store_reader_free(g->reader);
	g->reader = NULL;
	if (g->shared.store) {
		gw_fault_install(NULL, g->shared.conf->store_path, NULL); /* it commits once more */
		store_close(g->shared.store);
	}
	g->shared.store = NULL;
	gw_fault_forget();
	wipe(&g->kek, sizeof(g->kek));
}

/* --- for the control room -------------------------------------------------------------------- */

static void facts(void *ctx, struct ctl_store_facts *out)
{
	const struct gw_gateway *const g = gw_credentials_owner(ctx);
	const struct store_stats s = store_stats(g->shared.store);
	const struct store_start start = store_start(g->shared.store);
	*out = (struct ctl_store_facts){
		.in_memory = !g->shared.conf->store_path,
		.commits = s.commits,
		.operations = s.operations,
		.failed = s.failed,
		.full = s.full,
		.damaged = s.damaged,
		.unseals = s.unseals,
		.leases = s.leases,
		.file_bytes = s.file_bytes,
		.hot_bytes = s.hot_bytes,
		.associations = s.associations,
		.sessions = s.sessions,
		.credentials = s.credentials,
		.resumable = s.resumable,
		.staged = s.staged,
		.commit_us_last = s.commit_us_last,
		.commit_us_max = s.commit_us_max,
		.commit = s.commit,
		.is_full = s.is_full,
		.is_broken = s.is_broken,
		.fresh = start.fresh,
		.continuous = start.continuous,
		.anchored = start.anchored,
		.incarnation = start.incarnation,
	};
	(void)snprintf(out->why, sizeof(out->why), "%s", start.why);
}

static enum ctl_status said_of(
	bool good, const char *done, const struct store_error *why, struct ctl_said *said)
{
	(void)snprintf(said->text, sizeof(said->text), "%s", good ? done : why->text);
	return good ? CTL_DONE : CTL_FAILED;
}

static bool new_kek(const struct gw_gateway *g, const struct ctl_rewrap *r, struct kek *out,
	struct store_error *why)
{
	const struct conf_gateway *const conf = g->shared.conf;
	const struct kek_source source = {
		.kind = r->kind == CTL_KEK_TPM ? KEK_TPM : KEK_SYSTEMD,
		.name = r->name,
		.tcti = conf->store_tpm,
		.store_dir = conf->store_path,
	};
	if (r->kind == CTL_KEK_KEY) {
		_Static_assert(sizeof(r->key) == sizeof(out->key), "both are a KEK");
		memcpy(out->key, r->key, sizeof(out->key));
		return true;
	}
	return r->kind == CTL_KEK_TPM && !kek_exists(&source) ? kek_make(&source, out, why)
							      : kek_read(&source, out, why);
}

static enum ctl_status rewrap(void *ctx, const struct ctl_rewrap *r, struct ctl_said *said)
{
	struct gw_gateway *const g = gw_credentials_owner(ctx);
	static const char *const done[] = {
		[CTL_KEK_KEY] = "the store opens with the new key only: put it into the file of "
				"store.key_file before the next start, and destroy the old one",
		[CTL_KEK_CREDENTIAL] = "the store opens with this credential only: set "
				       "store.key_credential before the next start",
		[CTL_KEK_TPM] = "the store opens with this TPM only: set store.key_tpm before the "
				"next start",
	};
	struct store_error why = { .text = "the store cannot be wrapped anew" };
	struct kek kek;
	const bool good =
		new_kek(g, r, &kek, &why) && store_rewrap(g->shared.store, &kek, &why) == STORE_OK;
	wipe(&kek, sizeof(kek));
	return said_of(good, done[r->kind], &why, said);
}

static enum ctl_status rotate(void *ctx, struct ctl_said *said)
{
	struct gw_gateway *const g = gw_credentials_owner(ctx);
	struct store_error why = { .text = "no new data key" };
	const bool good = store_rotate(g->shared.store, &why) == STORE_OK;
	return said_of(good,
		"a new data key seals from now on; what older ones have sealed is sealed anew "
		"step by step, then they are destroyed",
		&why, said);
}

struct ctl_store_source gw_store_source(struct gw_gateway *g)
{
	struct ctl_store_source s = gw_credentials_source(g->credentials);
	s.facts = facts;
	s.rewrap = g->shared.conf->store_path ? rewrap : NULL;
	s.rotate = g->shared.conf->store_path ? rotate : NULL;
	return s;
}
