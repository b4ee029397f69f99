/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_sink.h"
#include "conf/fail.h"
#include "confine/confine.h"
#include "gateway/notify.h"
#include "gateway/privilege.h"
#include "sms-bridge/smsd/daemon.h"
#include "sms-bridge/smsd/line_parts.h"
#include "sms-bridge/smsd/settings.h"

#include <getopt.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, FOLDER_MODE = 0700, BEATS = 4 /* in the time of a watchdog */ };

static const char default_file[] = "/etc/lwgate/lwgate-smsd.conf";

static void print_usage(FILE *to)
{
	(void)fprintf(to,
		"usage: lwgate-smsd [-c FILE] [-n]\n"
		"       lwgate-smsd --version | --help\n"
		"\n"
		"  -c FILE    the configuration; default %s\n"
		"  -n         check the configuration, then exit\n"
		"  --version  print the version\n"
		"  --help     print this\n"
		"\n"
		"Exit status: 0 ended as told, 1 bad configuration or no start, 2 bad usage.\n"
		"See lwgate-smsd(8), lwgate-smsd.conf(5), lwgated(8).\n",
		default_file);
}

static _Noreturn void usage_error(void)
{
	(void)fprintf(stderr, "Try \"lwgate-smsd --help\".\n");
	exit(EXIT_USAGE);
}

static const char *read_options(int argc, char **argv, bool *check)
{
	enum { HELP = 256, VERSION };
	static const struct option longs[] = {
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },
		{ NULL, 0, NULL, 0 },
	};
	const char *file = default_file;
	for (int c; (c = getopt_long(argc, argv, "c:n", longs, NULL)) != -1;) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 'n':
			*check = true;
			break;
		case HELP:
			print_usage(stdout);
			exit(EXIT_SUCCESS);
		case VERSION:
			(void)printf("lwgate-smsd %s\n", LWG_VERSION);
			exit(EXIT_SUCCESS);
		default:
			usage_error();
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "lwgate-smsd: \"%s\" is no option\n", argv[optind]);
		usage_error();
	}
	return file;
}

/* What the configuration names is there, too. */
static bool check_files(const struct settings *s, struct conf_error *error)
{
	for (size_t i = 0; i < s->ways_len; i++) {
		if (!s->ways[i].tls)
			continue;
		SSL_CTX *const c = line_tls_context(s->ways[i].anchors, error);
		if (!c)
			return false;
		SSL_CTX_free(c);
	}
	return true;
}

/* The spool is of the user that we become; its parent may be of root. */
static bool give_spool(const struct settings *s, struct conf_error *error)
{
	if (mkdir(s->spool, FOLDER_MODE) != 0)
		return true; /* it is there, or spool_open() says what is wrong */
	return gw_privilege_give(s->user, s->group, s->spool, error);
}

struct service {
	const char *file;
	struct log log;
};

/* Ways stand on what they began with: an SMSC that is bound again, or a PIN that is entered again,
   for a line in a file is no small thing. */
static void read_again(void *ctx)
{
	struct service *const is = ctx;
	struct conf_error error;
	gw_notify_reloading();
	struct settings *const s = settings_load(is->file, &error);
	gw_notify("READY=1");
	if (!s) {
		log_say(&is->log, LOG_LEVEL_ERROR, "reload", "%s; nothing has changed", error.text);
		return;
	}
	is->log.level = s->log_level;
	settings_free(s);
	log_say(&is->log, LOG_LEVEL_WARN, "reload",
		"log_level is taken; all else is when lwgate-smsd is started anew");
}

static void is_well(void *ctx)
{
	(void)ctx;
	gw_notify("WATCHDOG=1");
}

/* What the bridge needs of the file system. */
static bool confine(
	const char *file, const struct settings *s, const struct log *log, struct conf_error *error)
{
	struct confine_plan *const p = confine_plan_new(CONFINE_BRIDGE, s->sandbox);
	if (!p)
		return conf_fail(error, "lwgate-smsd", 0, "no memory");
	p->log = log;
	confine_add_folder_of(p, CONFINE_READ, file);
	confine_add(p, CONFINE_WRITE, s->spool);
	for (size_t i = 0; i < s->ways_len; i++) {
		confine_add_folder_of(p, CONFINE_READ, s->ways[i].anchors);
		/* One that is plugged in again has a new node there. */
		if (s->ways[i].kind == SETTINGS_MODEM)
			confine_add(p, CONFINE_DEVICE, "/dev");
	}
	const bool good = confine_enter(p, error->text, sizeof(error->text));
	free(p);
	return good;
}

static int serve(const char *file, const struct settings *s)
{
	struct conf_error error;
	struct service is = { .file = file,
		.log = { .fd = STDERR_FILENO, .level = s->log_level, .name = "lwgate-smsd" } };
	struct log_sink sink;
	log_sink_open(&sink, is.log.name, s->log_format);
	is.log.sink = &sink;
	const struct log *const log = &is.log;
	const struct daemon_owner owner = { .ctx = &is,
		.again = read_again,
		.turns = is_well,
		.beat_ms = gw_notify_watchdog_ms() / BEATS };
	struct daemon *const d = daemon_open(s, log, &owner, &error);
	const bool started = d && give_spool(s, &error) &&
			     gw_privilege_drop(s->user, s->group, &error) &&
			     gw_privilege_seal(&error) && confine(file, s, log, &error) &&
			     daemon_start(d, &error);
	if (started) {
		log_say(log, LOG_LEVEL_INFO, "ready", "version=%s ways=%zu gateway=%s", LWG_VERSION,
			s->ways_len, s->gateway);
		if (s->ways_len == 0)
			log_say(log, LOG_LEVEL_WARN, "ways",
				"there is none, so nothing is carried; remedy: your operator's "
				"SMSC, or a modem, in ways of %s",
				file);
		if (geteuid() == 0)
			log_say(log, LOG_LEVEL_WARN, "privileges",
				"running as root; user = \"lwgate\" would drop it");
		gw_notify("READY=1");
		daemon_run(d);
		gw_notify("STOPPING=1");
		log_say(log, LOG_LEVEL_INFO, "stopped", "what was not taken comes again");
	} else {
		log_say(log, LOG_LEVEL_ERROR, "start", "%s", error.text);
	}
	daemon_free(d);
	log_sink_close(&sink);
	return started ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct conf_error error;
	bool check = false;
	int status = EXIT_FAILURE;
	const char *const file = read_options(argc, argv, &check);
	(void)signal(SIGPIPE, SIG_IGN);
	struct settings *const s = settings_load(file, &error);
	if (!s || !check_files(s, &error)) {
		(void)fprintf(stderr, "lwgate-smsd: %s\n", error.text);
	} else if (check) {
		(void)printf(
			"%s: good, %zu way%s\n", file, s->ways_len, s->ways_len == 1 ? "" : "s");
		status = EXIT_SUCCESS;
	} else {
		status = serve(file, s);
	}
	settings_free(s);
	return status;
}
