/* SPDX-License-Identifier: Apache-2.0 */
#include "base/build.h"
#include "base/log.h"
#include "base/net.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "ctl/control.h"
#include "gateway/advice.h"
#include "gateway/gateway.h"
#include "gateway/keylog.h"
#include "gateway/notify.h"
#include "gateway/privilege.h"

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
};

static void print_usage(FILE *to)
{
	(void)fprintf(to,
		"usage: lwgated [-c FILE] [-n]%s\n"
		"       lwgated --version | --help\n"
		"\n"
		"  -c FILE    the configuration; default %s\n"
		"  -n         check the configuration and the credentials, then exit\n"
		"%s"
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
	enum { HELP = 256, VERSION };
	static const struct option longs[] = {
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },
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
	log_say(log, LOG_LEVEL_INFO, "ready", "version=%s workers=%u credentials=%zu upstream=%s",
		LWG_VERSION, conf->workers, credentials, net_addr_text(&conf->upstream, text));
	if (geteuid() == 0)
		log_say(log, LOG_LEVEL_WARN, "privileges",
			"running as root; user = \"lwgate\" would drop it");
}

/* What is open while still root, and what is closed in the reverse order. */
struct parts {
	struct conf_gateway conf;
	struct cred_set *creds;
	int keylog_fd;
	uint64_t files; /* descriptors that we may have */
	struct gw_gateway *gateway;
	struct ctl_control *control;
};

static bool load(const struct options *o, struct parts *p, struct conf_error *error)
{
	if (!conf_load(o->file, &p->conf, error))
		return false;
	p->creds = cred_load(p->conf.credentials, p->conf.master_secret_file, error);
	return p->creds != NULL;
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

static bool open_parts(
	const struct options *o, const struct log *log, struct parts *p, struct conf_error *error)
{
	p->files = gw_privilege_raise_files();
	if (!open_keylog(o, p, error))
		return false;
	p->gateway = gw_open(&p->conf, p->creds, log, p->keylog_fd, error);
	if (!p->gateway)
		return false;
	const struct ctl_source source = gw_source(p->gateway);
	p->control = ctl_open(p->conf.control_path, p->conf.control_group, &source, error->text,
		sizeof(error->text));
	return p->control && gw_privilege_drop(p->conf.user, p->conf.group, error) &&
	       gw_privilege_seal(error) && gw_start(p->gateway, error);
}

static void close_parts(struct parts *p)
{
	if (p->control)
		ctl_close(p->control);
	gw_free(p->gateway);
	if (p->keylog_fd >= 0)
		(void)close(p->keylog_fd);
	cred_free(p->creds);
	conf_free(&p->conf);
}

static int serve(const struct options *o, struct parts *p)
{
	struct conf_error error;
	const struct log log = {
		.fd = STDERR_FILENO, .level = p->conf.log_level, .name = "lwgated"
	};
	const bool started = open_parts(o, &log, p, &error);
	if (started) {
		gw_advise(&log, &p->conf, p->files);
		say_ready(&log, &p->conf, cred_count(p->creds));
		gw_notify("READY=1");
		gw_run(p->gateway, p->control);
		gw_notify("STOPPING=1");
	} else {
		log_say(&log, LOG_LEVEL_ERROR, "start", "%s", error.text);
	}
	if (p->gateway && !gw_stop(p->gateway)) {
		log_say(&log, LOG_LEVEL_ERROR, "stop", "a worker did not end within %d s",
			GW_STOP_S);
		_exit(EXIT_FAILURE); /* its memory is still in use */
	}
	if (started)
		log_say(&log, LOG_LEVEL_INFO, "stopped", "every peer was told");
	return started ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options options;
	struct conf_error error;
	struct parts parts = { .keylog_fd = -1 };
	int status = EXIT_FAILURE;
	read_options(argc, argv, &options);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!load(&options, &parts, &error)) {
		(void)fprintf(stderr, "lwgated: %s\n", error.text);
	} else if (options.check) {
		const size_t n = cred_count(parts.creds);
		(void)printf("%s: good, %zu credential%s\n", options.file, n, n == 1 ? "" : "s");
		status = EXIT_SUCCESS;
	} else {
		status = serve(&options, &parts);
	}
	close_parts(&parts);
	return status;
}
