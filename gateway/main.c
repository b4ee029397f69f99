/* SPDX-License-Identifier: Apache-2.0 */
#include "base/build.h"
#include "base/log.h"
#include "base/log_ring.h"
#include "base/log_sink.h"
#include "base/net.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "ctl/control.h"
#include "gateway/advice.h"
#include "gateway/bind.h"
#include "gateway/clock.h"
#include "gateway/gateway.h"
#include "gateway/inherit.h"
#include "gateway/keylog.h"
#include "gateway/material.h"
#include "gateway/notify.h"
#include "gateway/privilege.h"
#include "gateway/rules.h"
#include "gateway/sandbox.h"
#include "gateway/upgrade.h"
#include "gateway/vault_openssl.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static const char default_file[] = "/etc/lwgate/lwgate.conf";

struct options {
	const char *file;
	const char *keylog_file; /* NULL: none */
	bool check;              /* read the configuration and end */
	bool discard;            /* forget all sessions */
	bool claim;              /* the store has moved to this machine */
};

static void print_usage(FILE *to)
{
	(void)fprintf(to,
		"usage: lwgated [-c FILE] [-n] [--discard-sessions] [--claim-store]%s\n"
		"       lwgated --version | --help\n"
		"\n"
		"  -c FILE    the configuration; default %s\n"
		"  -n         check the configuration, the credentials and the policy, then exit\n"
		"%s"
		"  --discard-sessions\n"
		"             forget all sessions in the store, keep the credentials, and start\n"
		"  --claim-store\n"
		"             the store has moved to this machine from another one, which must\n"
		"             not use it any more\n"
		"  --version  print the version\n"
		"  --help     print this\n"
		"\n"
		"Exit status: 0 ended as told, 1 bad configuration or no start, 2 bad usage.\n"
		"See lwgated(8), lwgate.conf(5), lwgatectl(1).\n",
		BUILD_KEYLOG ? " [-k FILE]" : "", default_file,
		BUILD_KEYLOG ? "  -k FILE    append the secrets of all handshakes to FILE: for "
			       "captures in tests\n"
			     : "");
}

static _Noreturn void usage_error(void)
{
	(void)fprintf(stderr, "Try \"lwgated --help\".\n");
	exit(EXIT_USAGE);
}

static void read_options(int argc, char **argv, struct options *o)
{
	enum { HELP = 256, VERSION, DISCARD, CLAIM };
	static const struct option longs[] = {
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },
		{ "discard-sessions", no_argument, NULL, DISCARD },
		{ "claim-store", no_argument, NULL, CLAIM },
		{ NULL, 0, NULL, 0 },
	};
	*o = (struct options){ .file = default_file };
	for (int c;
		(c = getopt_long(argc, argv, BUILD_KEYLOG ? "c:nk:" : "c:n", longs, NULL)) != -1;) {
		switch (c) {
		case 'c':
			o->file = optarg;
			break;
		case 'n':
			o->check = true;
			break;
		case 'k':
			o->keylog_file = optarg;
			break;
		case DISCARD:
			o->discard = true;
			argv[optind - 1] = NULL; /* this time only: an upgrade runs argv again */
			break;
		case CLAIM:
			o->claim = true;
			argv[optind - 1] = NULL;
			break;
		case HELP:
			print_usage(stdout);
			exit(EXIT_SUCCESS);
		case VERSION:
			(void)printf("lwgated %s\n", LWG_VERSION);
			exit(EXIT_SUCCESS);
		default:
			usage_error();
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "lwgated: \"%s\" is no option\n", argv[optind]);
		usage_error();
	}
	int kept = 0;
	for (int i = 0; i < argc; i++) {
		if (argv[i])
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
}

static void say_ready(const struct log *log, const struct conf_gateway *conf, size_t credentials)
{
	char text[NET_TEXT_MAX];
	/* nobody may take this for end-to-end security. */
	log_say(log, LOG_LEVEL_INFO, "trust",
		"lwgated is a trusted intermediary: security is hop by hop, messages are in clear "
		"inside it, "
		"and what a server believes of a device holds only while this gateway is not "
		"compromised");
	for (size_t i = 0; i < conf->listeners_len; i++)
		log_say(log, LOG_LEVEL_INFO, "listening", "on %s",
			net_addr_text(&conf->listeners[i], text));
	for (size_t i = 0; i < conf->upstreams_len && conf->routes_len > 0; i++)
		log_say(log, LOG_LEVEL_INFO, "upstream", "name=%s address=%s",
			conf->upstreams[i].name,
			net_addr_text(&conf->upstreams[i].addresses[0], text));
	log_say(log, LOG_LEVEL_INFO, "ready", "version=%s workers=%u credentials=%zu upstream=%s",
		LWG_VERSION, conf->workers, credentials,
		net_addr_text(&conf->upstreams[0].addresses[0], text));
	if (credentials == 0)
		log_say(log, LOG_LEVEL_WARN, "credentials",
			"there is none, so no device comes in; remedy: lwgatectl credential add, "
			"or import");
	if (geteuid() == 0)
		log_say(log, LOG_LEVEL_WARN, "privileges",
			"running as root; user = \"lwgate\" would drop it");
}

/* What is open while still root, and what is closed in the reverse order. */
struct parts {
	struct log log; /* of all below, until the last of them is closed */
	struct log_sink sink;
	struct conf_gateway conf;
	struct cred_set *creds;
	struct cred_set *masters[CONF_UPSTREAMS_MAX]; /* of several upstreams */
	struct gw_material *material;
	struct gw_rules *rules;
	struct gw_inherited *inherited; /* until gw_open() */
	struct gw_self self;
	char program[1024];
	int keylog_fd;
	uint64_t files; /* descriptors that we may have */
	struct gw_gateway *gateway;
	struct ctl_control *control;
};

/* Where the gateway proves itself by its own key, devices need none towards the server. Of several
   servers each has its own master secret, and it is seen later who is led to which. */
static bool load_credentials(struct parts *p, struct conf_error *error)
{
	const struct conf_gateway *const conf = &p->conf;
	const char *const master =
		conf->upstreams_len == 1 ? conf->upstreams[0].master_secret_file : NULL;
	bool import = false;
	for (size_t i = 0; i < conf->upstreams_len; i++) {
		const struct conf_upstream *const u = &conf->upstreams[i];
		import = import || u->dtls.proof != CONF_BY_PSK;
		if (!u->master_secret_file || conf->upstreams_len == 1)
			continue;
		import = true;
		p->masters[i] = cred_load(NULL, u->master_secret_file, error);
		if (!p->masters[i])
			return false;
	}
	p->creds = import && conf->credentials ? cred_load_import(conf->credentials, error)
					       : cred_load(conf->credentials, master, error);
	return p->creds != NULL;
}

static bool load(const struct options *o, struct parts *p, struct conf_error *error)
{
	if (!conf_load(o->file, &p->conf, error))
		return false;
	if (!load_credentials(p, error))
		return false;
	p->material = gw_material_new(&p->conf, error);
	p->rules = p->material ? gw_rules_new(p->conf.policy_file, error) : NULL;
	return p->rules != NULL;
}

static bool open_keylog(const struct options *o, struct parts *p, struct conf_error *error)
{
	if (!BUILD_KEYLOG || !o->keylog_file)
		return true;
	p->keylog_fd = gw_keylog_open(o->keylog_file);
	if (p->keylog_fd >= 0)
		return true;
	(void)snprintf(error->text, sizeof(error->text), "%s cannot be written: %s", o->keylog_file,
		strerror(-p->keylog_fd));
	return false;
}

static bool open_control(struct parts *p, struct conf_error *error)
{
	const struct ctl_source source = gw_source(p->gateway);
	const struct ctl_door door = {
		.path = p->conf.control_path,
		.group = p->conf.control_group,
		.inherited = gw_inherit_control(p->inherited, p->conf.control_path),
	};
	p->control = ctl_open(&door, &source, error->text, sizeof(error->text));
	return p->control != NULL;
}

static bool start(struct parts *p, struct conf_error *error)
{
	if (!gw_start(p->gateway, error))
		return false;
	const struct ctl_store_source store = gw_store_source(p->gateway);
	ctl_set_store(p->control, &store);
	return true;
}

static bool open_parts(
	const struct options *o, const struct log *log, struct parts *p, struct conf_error *error)
{
	struct gw_settings s = {
		.conf = &p->conf,
		.creds = p->creds,
		.material = p->material,
		.rules = p->rules,
		.log = log,
		.self = &p->self,
		.inherited = p->inherited,
		.discard_sessions = o->discard,
		.claims_store = o->claim,
		.keylog_fd = p->keylog_fd,
	};
	for (size_t i = 0; i < COUNT_OF(p->masters); i++)
		s.masters[i] = p->masters[i];
	p->gateway = gw_open(&s, error);
	return p->gateway && open_control(p, error) &&
	       gw_privilege_drop(p->conf.user, p->conf.group, error) && gw_privilege_seal(error) &&
	       gw_sandbox_enter(&p->conf, p->self.program, o->keylog_file, log, error) &&
	       start(p, error);
}

static void close_parts(struct parts *p)
{
	if (p->control)
		ctl_close(p->control);
	gw_free(p->gateway);
	if (p->keylog_fd >= 0)
		(void)close(p->keylog_fd);
	gw_material_unref(p->material);
	gw_rules_unref(p->rules);
	for (size_t i = 0; i < COUNT_OF(p->masters); i++)
		cred_free(p->masters[i]);
	cred_free(p->creds);
	conf_free(&p->conf);
}

static void say_end(const struct log *log, const struct parts *p)
{
	log_say(log, LOG_LEVEL_INFO, "stopped",
		p->conf.store_path ? "every session is in the store" : "every peer was told");
}

/* An upgrade is a reload that takes longer: the process stays, and is ready again. */
static void tell_end(enum gw_end end)
{
	if (end == GW_END_UPGRADE)
		gw_notify_reloading();
	gw_notify(end == GW_END_UPGRADE
			  ? "STATUS=becoming the program that is installed now\nWATCHDOG=1"
			  : "STOPPING=1\nSTATUS=putting every session to sleep");
}

static int serve(const struct options *o, struct parts *p)
{
	struct conf_error error;
	const struct log *const log = &p->log;
	enum gw_end end = GW_END_STOP;
	p->log = (struct log){ .fd = STDERR_FILENO, .level = p->conf.log_level, .name = "lwgated" };
	log_sink_open(&p->sink, "lwgated", p->conf.log_format);
	p->log.sink = &p->sink;
	p->log.ring = log_ring_new(); /* without, the page and `lwgatectl top` have no lines */
	p->files = gw_privilege_raise_files();
	error.text[0] = '\0';
	const bool started = open_keylog(o, p, &error) && open_parts(o, log, p, &error) &&
			     gw_watch(p->gateway, p->control);
	if (started) {
		const struct gw_allowance allowance = { .files = p->files,
			.locked = gw_privilege_locked() };
		gw_advise(log, &p->conf, &allowance);
		gw_say_ceilings(log, &p->conf);
		gw_advise_kinds(log, &p->conf, p->creds);
		gw_material_say(p->material, log, gw_clock_now_s(NULL), GW_SAY_ALL);
		gw_material_unref(p->material); /* a key that is replaced must be gone */
		p->material = NULL;
		gw_say_rules(p->gateway);
		say_ready(log, &p->conf, gw_credentials_count(p->gateway));
		gw_notify("READY=1\nSTATUS=serving devices");
		end = gw_run(p->gateway, p->control);
		tell_end(end);
	} else {
		log_say(log, LOG_LEVEL_ERROR, "start", "%s", error.text);
	}
	if (p->gateway && !gw_stop(p->gateway)) {
		log_say(log, LOG_LEVEL_ERROR, "stop", "a worker did not end within %d s",
			GW_STOP_S);
		_exit(EXIT_FAILURE); /* its memory is still in use */
	}
	if (end == GW_END_UPGRADE) {
		gw_upgrade_exec(p->gateway, ctl_listener(p->control));
		return EXIT_FAILURE;
	}
	if (started)
		say_end(log, p);
	return started ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The file on disk, which may be another by the time of an upgrade. */
static void know_self(struct parts *p, char **argv, const char *file)
{
	const ssize_t n = readlink("/proc/self/exe", p->program, sizeof(p->program) - 1);
	char *const gone = n > 0 ? strstr(p->program, " (deleted)") : NULL;
	if (gone)
		*gone = '\0'; /* replaced since: the successor is what has its name now */
	p->self = (struct gw_self){
		.program = n > 0 ? p->program : argv[0], .argv = argv, .conf_file = file
	};
}

int main(int argc, char **argv)
{
	struct options options;
	struct conf_error error;
	struct parts *const parts = calloc(1, sizeof(*parts));
	int status = EXIT_FAILURE;
	gw_bind_now(argv);
	if (!parts) {
		(void)fputs("lwgated: no memory\n", stderr);
		return EXIT_FAILURE;
	}
	parts->keylog_fd = -1;
	if (!gw_vault_install())
		(void)fprintf(
			stderr, "lwgated: OpenSSL's memory cannot be kept out of core dumps\n");
	read_options(argc, argv, &options);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Until there is somebody who hears them. */
	(void)signal(SIGUSR2, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	know_self(parts, argv, options.file);
	parts->inherited = gw_inherit_read();
	if (!load(&options, parts, &error) || (options.check && !gw_sandbox_fits(&error))) {
		const char *const hint = gw_sandbox_hint(error.text);
		(void)fprintf(stderr, "lwgated: %s%s\n", error.text, hint);
	} else if (options.check) {
		const struct log log = {
			.fd = STDERR_FILENO, .level = LOG_LEVEL_WARN, .name = "lwgated"
		};
		const size_t n = cred_count(parts->creds);
		/* A successor of an upgrade is asked, too: what ends is no reason to refuse it. */
		gw_material_say(parts->material, &log, gw_clock_now_s(NULL), GW_SAY_WARNINGS);
		gw_advise_kinds(&log, &parts->conf, parts->creds);
		(void)printf("%s: good, %zu credential%s\n", options.file, n, n == 1 ? "" : "s");
		status = EXIT_SUCCESS;
	} else {
		status = serve(&options, parts);
	}
	close_parts(parts);
	log_ring_free(parts->log.ring);
	log_sink_close(&parts->sink);
	free(parts);
	return status;
}
