/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/build.h"
#include "ctl/cli.h"
#include "ctl/json.h"
#include "doctor/cli_doctor.h"

static const char default_path[] = "/run/lwgate/control";

#define BIT(option) (UINT64_C(1) << (option))
#define BIT_PUT                                                                                    \
	(BIT(CLI_IDENTITY) | BIT(CLI_IDENTITY_HEX) | BIT(CLI_KEY_FILE) |                           \
		BIT(CLI_UPSTREAM_IDENTITY) | BIT(CLI_UPSTREAM_KEY_FILE) | BIT(CLI_PUBLIC_KEY) |    \
		BIT(CLI_CERTIFICATE_NAME) | BIT(CLI_PIN) | BIT(CLI_LABELS) |                       \
		BIT(CLI_VALID_UNTIL) | BIT(CLI_OVERLAP) | BIT(CLI_PURPOSE) | BIT(CLI_REPOSITORY) | \
		BIT(CLI_NO_REPOSITORY) | BIT(CLI_NOSEC) | BIT(CLI_SMS))
#define BIT_IMPORT                                                                                 \
	(BIT(CLI_CSV) | BIT(CLI_REPLACE) | BIT(CLI_SECURITY_OBJECT) | BIT(CLI_ENDPOINT) |          \
		BIT(CLI_LABELS) | BIT(CLI_VALID_UNTIL) | BIT(CLI_OVERLAP) | BIT(CLI_PURPOSE) |     \
		BIT(CLI_REPOSITORY) | BIT(CLI_NO_REPOSITORY) | BIT(CLI_DRY_RUN) | BIT(CLI_FORMAT))

struct command {
	const char *group, *name; /* group NULL: a word alone */
	const char *arg, *meaning;
	uint64_t verb;             /* enum ctl_verb; as wide as the rest */
	int (*act)(struct cli *c); /* NULL: asks and prints */
	uint64_t options;          /* that it has: BIT(), by enum cli_option */
	bool slow;
};

static int add(struct cli *c)
{
	return cli_cred_put(c, CTL_CRED_ADD);
}

static int replace(struct cli *c)
{
	return cli_cred_put(c, CTL_CRED_REPLACE);
}

static int completion(struct cli *c);

static const struct command commands[] = {
	{ NULL, "status", "", "counts since the start, and what is now", CTL_STATUS, NULL, 0,
		false },
	{ NULL, "sessions", "", "all devices, one a line", CTL_SESSIONS, cli_sessions, 0, false },
	{ NULL, "session", "ENDPOINT", "everything about one device", CTL_SESSION, NULL,
		1 << CLI_PURPOSE, false },
	{ NULL, "close", "ENDPOINT", "close a device's association and its link", CTL_CLOSE, NULL,
		1 << CLI_PURPOSE, false },
	{ "credential", "add", "ENDPOINT", "let a device in", CTL_CRED_ADD, add, BIT_PUT, true },
	{ "credential", "replace", "ENDPOINT", "give it another key, identity or certificate",
		CTL_CRED_REPLACE, replace, BIT_PUT, true },
	{ "credential", "revoke", "ENDPOINT", "let it in no more", CTL_CRED_REVOKE, NULL,
		1 << CLI_PURPOSE, true },
	{ "credential", "show", "ENDPOINT", "what is known of it, but no key", CTL_CRED_SHOW,
		cli_cred_show, 1 << CLI_PURPOSE, false },
	{ "credential", "list", "", "all, one a line", CTL_CRED_PAGE, cli_cred_list, 0, false },
	{ "credential", "import", "FILE", "take them from a file, all or none", CTL_IMPORT_BEGIN,
		cli_cred_import, BIT_IMPORT, true },
	{ "credential", "export", "", "write them as CSV, without keys", CTL_CRED_PAGE,
		cli_cred_export, 1 << CLI_WITH_SECRETS, true },
	{ "store", "status", "", "the store alone", CTL_STORE_STATUS, NULL, 0, false },
	{ "store", "rewrap", "", "wrap the store's keys under another key", CTL_STORE_REWRAP,
		cli_rewrap, 1 << CLI_KEY_FILE | 1 << CLI_CREDENTIAL | 1 << CLI_TPM, true },
	{ "store", "rotate", "", "seal everything under new keys", CTL_STORE_ROTATE, NULL, 0,
		true },
	{ "sms", "keys", "ENDPOINT", "sets of keys of a device by short messages", CTL_SMS_KEYS,
		NULL, 0, false },
	{ "sms", "refresh", "ENDPOINT", "give it other keys, now", CTL_SMS_REFRESH, NULL, 0,
		false },
	{ NULL, "upgrade", "", "go on as the program that is installed now", CTL_VERBS, cli_upgrade,
		BIT(CLI_NO_WAIT) | BIT(CLI_FOR), false },
	{ NULL, "reload", "", "read its configuration, keys and certificates anew", CTL_RELOAD,
		NULL, 0, true },
	{ "policy", "show", "", "the rules in force, and from which file", CTL_VERBS,
		cli_policy_show, 0, false },
	{ "policy", "explain", "", "what would be done with a session, and why", CTL_VERBS,
		cli_policy_explain,
		1 << CLI_ENDPOINT | 1 << CLI_EVENT | 1 << CLI_POLICY | 1 << CLI_PURPOSE, false },
	{ "policy", "test", "FILE", "does the policy decide what is expected of it", CTL_VERBS,
		cli_policy_test, 1 << CLI_POLICY, false },
	{ "policy", "diff", "FILE", "what another policy would change", CTL_VERBS, cli_policy_diff,
		1 << CLI_POLICY, false },
	{ NULL, "events", "", "what is decided of sessions, as JSON lines", CTL_VERBS, cli_events,
		BIT(CLI_FOLLOW) | BIT(CLI_EVENT) | BIT(CLI_ENDPOINT) | BIT(CLI_RULE) |
			BIT(CLI_SINCE),
		false },
	{ NULL, "trace", "ENDPOINT", "what becomes of each of a device's datagrams", CTL_VERBS,
		cli_trace, BIT(CLI_PAYLOAD) | BIT(CLI_FOR), false },
	{ NULL, "top", "", "how much of everything passes now", CTL_VERBS, cli_top, BIT(CLI_EVERY),
		false },
	{ NULL, "doctor", "", "what keeps a gateway from starting, or from running well", CTL_VERBS,
		cli_doctor, BIT(CLI_CONFIG), false },
	{ NULL, "completion", "", "all commands and their options, for shells", CTL_VERBS,
		completion, 0, false },
	{ "key", "new", "FILE", "make a key pair for the gateway", CTL_VERBS, cli_key_new, 0,
		false },
	{ "key", "csr", "FILE OUT", "ask for a certificate for it", CTL_VERBS, cli_key_csr,
		1 << CLI_DNS, false },
	{ "key", "show", "FILE", "a public key and its digest", CTL_VERBS, cli_key_show, 0, false },
};

enum { COMMAND_MAX = 48, FIRST_OPTION = 256, KEY_IN_ARGV = FIRST_OPTION + CLI_OPTIONS };

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "identity", required_argument, NULL, FIRST_OPTION + CLI_IDENTITY },
	{ "identity-hex", required_argument, NULL, FIRST_OPTION + CLI_IDENTITY_HEX },
	{ "key-file", required_argument, NULL, FIRST_OPTION + CLI_KEY_FILE },
	{ "upstream-identity", required_argument, NULL, FIRST_OPTION + CLI_UPSTREAM_IDENTITY },
	{ "upstream-key-file", required_argument, NULL, FIRST_OPTION + CLI_UPSTREAM_KEY_FILE },
	{ "csv", no_argument, NULL, FIRST_OPTION + CLI_CSV },
	{ "replace", no_argument, NULL, FIRST_OPTION + CLI_REPLACE },
	{ "public-key", required_argument, NULL, FIRST_OPTION + CLI_PUBLIC_KEY },
	{ "certificate-name", required_argument, NULL, FIRST_OPTION + CLI_CERTIFICATE_NAME },
	{ "pin", required_argument, NULL, FIRST_OPTION + CLI_PIN },
	{ "security-object", no_argument, NULL, FIRST_OPTION + CLI_SECURITY_OBJECT },
	{ "endpoint", required_argument, NULL, FIRST_OPTION + CLI_ENDPOINT },
	{ "with-secrets", required_argument, NULL, FIRST_OPTION + CLI_WITH_SECRETS },
	{ "credential", required_argument, NULL, FIRST_OPTION + CLI_CREDENTIAL },
	{ "tpm", required_argument, NULL, FIRST_OPTION + CLI_TPM },
	{ "dns", required_argument, NULL, FIRST_OPTION + CLI_DNS },
	{ "labels", required_argument, NULL, FIRST_OPTION + CLI_LABELS },
	{ "valid-until", required_argument, NULL, FIRST_OPTION + CLI_VALID_UNTIL },
	{ "overlap", required_argument, NULL, FIRST_OPTION + CLI_OVERLAP },
	{ "event", required_argument, NULL, FIRST_OPTION + CLI_EVENT },
	{ "policy", required_argument, NULL, FIRST_OPTION + CLI_POLICY },
	{ "purpose", required_argument, NULL, FIRST_OPTION + CLI_PURPOSE },
	{ "repository", no_argument, NULL, FIRST_OPTION + CLI_REPOSITORY },
	{ "no-repository", no_argument, NULL, FIRST_OPTION + CLI_NO_REPOSITORY },
	{ "nosec", no_argument, NULL, FIRST_OPTION + CLI_NOSEC },
	{ "sms", required_argument, NULL, FIRST_OPTION + CLI_SMS },
	{ "follow", no_argument, NULL, FIRST_OPTION + CLI_FOLLOW },
	{ "rule", required_argument, NULL, FIRST_OPTION + CLI_RULE },
	{ "since", required_argument, NULL, FIRST_OPTION + CLI_SINCE },
	{ "every", required_argument, NULL, FIRST_OPTION + CLI_EVERY },
	{ "payload", no_argument, NULL, FIRST_OPTION + CLI_PAYLOAD },
	{ "for", required_argument, NULL, FIRST_OPTION + CLI_FOR },
	{ "dry-run", no_argument, NULL, FIRST_OPTION + CLI_DRY_RUN },
	{ "no-wait", no_argument, NULL, FIRST_OPTION + CLI_NO_WAIT },
	{ "format", required_argument, NULL, FIRST_OPTION + CLI_FORMAT },
	{ "config", required_argument, NULL, FIRST_OPTION + CLI_CONFIG },
	/* What somebody may try: they are told why not. */
	{ "key", required_argument, NULL, KEY_IN_ARGV },
	{ "psk", required_argument, NULL, KEY_IN_ARGV },
	{ "upstream-key", required_argument, NULL, KEY_IN_ARGV },
	{ NULL, 0, NULL, 0 },
};

static const char options_help[] =
	"  -j, --json           answer in JSON\n"
	"  -h, --help           print this, as the word help does\n"
	"  -V, --version        print the version\n"
	"of credential add and replace:\n"
	"  --identity ID, --identity-hex HEX  the PSK identity; the endpoint's name "
	"without\n"
	"  --key-file FILE                    the key; without, or \"-\": the standard "
	"input\n"
	"  --public-key FILE                  instead of those: its raw public key, or a "
	"certificate\n"
	"  --certificate-name NAME [--pin FILE|sha-256:HEX]  or the name in its "
	"certificate\n"
	"  --upstream-identity ID --upstream-key-file FILE  the same towards the server\n"
	"of credential add, replace and import:\n"
	"  --labels A,B         what a policy knows the device by; \"\": none\n"
	"  --valid-until TIME   2027-01-31T00:00:00Z, or never\n"
	"  --overlap SPAN       24h: what it proved before is taken so long\n"
	"  --purpose WORD       server, bootstrap or any: what the device may do with it\n"
	"  --nosec                        it comes without DTLS, and proves nothing\n"
	"  --sms number=DIGITS,profile=cr-004,...  it comes by short messages; the key is "
	"KIc's and then KID's\n"
	"  --repository, --no-repository  may it fetch firmware?\n"
	"of credential replace, revoke and show, of session, close and policy explain:\n"
	"  --purpose WORD       which one, of a device that has several; also sms\n"
	"of credential import:\n"
	"  --csv      FILE is CSV, whatever its name; \"-\" is the standard input\n"
	"  --replace  replace what is there with another key\n"
	"  --dry-run  say what would become of each, and change nothing\n"
	"  --format WORD  csv, leshan, tlv, senml-json, senml-cbor, lwm2m-json ...\n"
	"  --security-object [--endpoint NAME]  FILE has resources of LwM2M Security "
	"Objects\n"
	"of credential export:\n"
	"  --with-secrets FILE  with the keys, into a new file of mode 0600\n"
	"of policy explain:\n"
	"  --endpoint NAME --event EVENT  whose session, and what would have happened\n"
	"of policy explain, test and diff:\n"
	"  --policy FILE  instead of the policy in force\n"
	"of events:\n"
	"  --follow             go on with what comes; without, it ends with what was\n"
	"  --since TIME         2027-01-31T00:00:00Z, or a span until now: 10m\n"
	"  --endpoint PATTERN, --event PATTERN, --rule PATTERN  of these alone; * is "
	"anything, ? an octet\n"
	"of trace:\n"
	"  --payload            with what the messages carry, but never where keys are\n"
	"  --for SPAN           end after so long: 30s\n"
	"of upgrade:\n"
	"  --for SPAN           wait so long for the new program: 2m\n"
	"  --no-wait            say that it was begun, and end\n"
	"of doctor:\n"
	"  -c, --config FILE    lwgate.conf; default /etc/lwgate/lwgate.conf\n"
	"of top:\n"
	"  --every SPAN         how often it looks: 1s\n"
	"of key csr:\n"
	"  --dns NAME  the name by which devices or the server know this gateway\n"
	"of store rewrap, one of:\n"
	"  --key-file FILE | --credential NAME | --tpm FILE\n"
	"\nA key is never taken from the command line.\n"
	"\nexit status: 0 done; 1 the gateway, or what was checked, says no; 2 wrong "
	"usage, or a file here that is not good; 3 no gateway reached\n";

static void usage(FILE *to)
{
	enum { COMMAND_WIDTH = 28 };
	(void)fprintf(to, "usage: lwgatectl [-s SOCKET] [--json] COMMAND\n\ncommands:\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		const struct command *k = &commands[i];
		char line[64];
		(void)snprintf(line, sizeof(line), "%s%s%s%s%s", k->group == NULL ? "" : k->group,
			k->group == NULL ? "" : " ", k->name, k->arg[0] == '\0' ? "" : " ", k->arg);
		(void)fprintf(to, "  %-*s %s\n", COMMAND_WIDTH, line, k->meaning);
	}
	(void)fprintf(to,
		"\noptions:\n"
		"  -s, --socket SOCKET  the gateway's control socket (%s)\n",
		default_path);
	(void)fputs(options_help, to);
}

static int wrong(const char *what, const char *detail)
{
	return cli_wrong(what, detail, "see lwgatectl --help");
}

static int refuse_key(void)
{
	return cli_wrong("a key on the command line is seen by everybody on this machine", "",
		"make a new one, put it into a file of mode 0600, and use --key-file FILE, or "
		"--key-file - for the standard input");
}

static const struct command *find(int argc, char *const argv[], int *words)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		const struct command *k = &commands[i];
		*words = k->group == NULL ? 1 : 2;
		if (argc >= *words && strcmp(argv[*words - 1], k->name) == 0 &&
			(k->group == NULL || strcmp(argv[0], k->group) == 0))
			return k;
	}
	return NULL;
}

static bool is_group(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (commands[i].group != NULL && strcmp(commands[i].group, word) == 0)
			return true;
	}
	return false;
}

static int no_command(int argc, char *const argv[])
{
	if (argc < 1)
		return wrong("a command is missing", "");
	if (argc < 2 && is_group(argv[0]))
		return wrong("a second word is missing after ", argv[0]);
	return wrong("no such command: ", is_group(argv[0]) ? argv[1] : argv[0]);
}

static int words_of(const char *arg)
{
	int n = arg[0] != '\0';
	for (const char *at = arg; *at != '\0'; at++)
		n += *at == ' ';
	return n;
}

static bool fits(const char *word)
{
	const size_t len = strlen(word);
	return len >= 1 && len <= CTL_ARG_MAX;
}

/* What stands behind the command. It may be a key that somebody took for an argument: not shown. */
static int check_args(const struct command *k, int argc, char *const argv[], struct cli *c)
{
	const int wanted = words_of(k->arg);
	if (argc < wanted)
		return strncmp(k->arg, "FILE", 4) == 0
			       ? wrong("a file is missing after ", k->name)
			       : wrong("an endpoint is missing after ", k->name);
	if (argc > wanted)
		return cli_wrong("too much said after ", k->name,
			k->options == BIT_PUT ? "keys are read from --key-file FILE, or \"-\""
					      : "see lwgatectl --help");
	for (size_t i = 0; i < CLI_OPTIONS; i++) {
		if (c->options[i] != NULL && (k->options >> i & 1) == 0)
			return wrong("an option does not belong to ", k->name);
	}
	for (int i = 0; i < wanted; i++) {
		if (!fits(argv[i]))
			return wrong(
				"an endpoint or a file has 1 to 255 bytes, not these: ", argv[i]);
	}
	c->arg = wanted > 0 ? argv[0] : NULL;
	c->second = wanted > 1 ? argv[1] : NULL;
	return CLI_DONE;
}

static int act(const struct command *k, struct cli *c)
{
	struct ctl_request q = { .form = c->form, .verb = (enum ctl_verb)k->verb };
	if (k->act != NULL)
		return k->act(c);
	struct cli_answer a;
	if (c->arg != NULL) {
		const int status = cli_one(
			c, (enum ctl_verb)k->verb, k->slow ? CLI_LONG_MS : CLI_SHORT_MS, &a);
		return status == CLI_DONE ? cli_print(c, &a) : status;
	}
	return cli_ask_print(c, &q, k->slow ? CLI_LONG_MS : CLI_SHORT_MS);
}

static bool has_option(const struct command *k, const struct option *o)
{
	return o->val >= FIRST_OPTION && o->val < KEY_IN_ARGV &&
	       (k->options >> (o->val - FIRST_OPTION) & 1) != 0;
}

static void name_of(const struct command *k, char out[COMMAND_MAX])
{
	(void)snprintf(out, COMMAND_MAX, "%s%s%s", k->group == NULL ? "" : k->group,
		k->group == NULL ? "" : " ", k->name);
}

static void complete_text(struct ctl_out *o, const struct command *k)
{
	char name[COMMAND_MAX];
	name_of(k, name);
	ctl_out_form(o, "%s\t%s\t", name, k->arg);
	for (const struct option *has = options; has->name != NULL; has++) {
		if (has_option(k, has))
			ctl_out_form(
				o, " --%s%s", has->name, has->has_arg == no_argument ? "" : "=");
	}
	ctl_out_text(o, "\n");
}

static void complete_json(struct ctl_json *j, const struct command *k)
{
	char name[COMMAND_MAX];
	name_of(k, name);
	ctl_json_begin(j, '{');
	ctl_json_key(j, "name");
	ctl_json_text(j, name);
	ctl_json_key(j, "arguments");
	ctl_json_text(j, k->arg);
	ctl_json_key(j, "options");
	ctl_json_begin(j, '[');
	for (const struct option *has = options; has->name != NULL; has++) {
		char word[COMMAND_MAX];
		(void)snprintf(word, sizeof(word), "--%s%s", has->name,
			has->has_arg == no_argument ? "" : "=");
		if (has_option(k, has))
			ctl_json_text(j, word);
	}
	ctl_json_end(j, ']');
	ctl_json_end(j, '}');
}

/* For programs: command, arguments and options of each, "=" behind those that have a word. */
static int completion(struct cli *c)
{
	struct ctl_out o = { 0 };
	struct ctl_json j = { .out = &o };
	const bool json = c->form == CTL_JSON;
	if (json)
		ctl_out_text(&o, "{\"commands\":[");
	else
		ctl_out_text(&o, "\t\t--socket= --json --help --version\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (json)
			complete_json(&j, &commands[i]);
		else
			complete_text(&o, &commands[i]);
	}
	if (json)
		ctl_out_text(&o, "]}\n");
	const int status = cli_put(&o);
	ctl_out_fini(&o);
	return status;
}

static int run(int argc, char *const argv[], struct cli *c)
{
	int words = 0;
	const struct command *k = find(argc, argv, &words);
	if (k == NULL && argc > 0 && strcmp(argv[0], "help") == 0) {
		usage(stdout);
		return CLI_DONE;
	}
	if (k == NULL)
		return no_command(argc, argv);
	int status = check_args(k, argc - words, argv + words, c);
	if (status == CLI_DONE)
		status = act(k, c);
	cli_end(c);
	return status;
}

/* True: it says something by itself, and *status is the program's. */
static bool is_last(int option, bool json, int *status)
{
	*status = CLI_DONE;
	switch (option) {
	case 'h':
		usage(stdout);
		return true;
	case 'V':
		(void)printf(json ? "{\"version\":\"%s\"}\n" : "lwgatectl %s\n", LWG_VERSION);
		return true;
	case KEY_IN_ARGV:
		*status = refuse_key();
		return true;
	case '?':
		*status = CLI_USAGE;
		if (json)
			*status = wrong("an option is not known, or lacks its word", "");
		else
			usage(stderr);
		return true;
	default:
		return false;
	}
}

static void take_option(int option, struct cli *c)
{
	if (option == 's') {
		c->path = optarg;
		c->socket_said = true;
	} else if (option == 'j') {
		c->form = CTL_JSON;
	} else if (option == 'c') {
		c->options[CLI_CONFIG] = optarg;
	} else {
		c->options[option - FIRST_OPTION] = optarg == NULL ? "" : optarg;
	}
}

/* Whatever stands before it: what is wrong there is said in JSON, too. */
static bool wants_json(int argc, char *const argv[])
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-j") == 0)
			return true;
	}
	return false;
}

int main(int argc, char *argv[])
{
	struct cli c = { .path = default_path, .form = CTL_TEXT };
	int status = CLI_DONE;
	const bool json = wants_json(argc, argv);
	cli_begin();
	cli_speak(json ? CTL_JSON : CTL_TEXT);
	opterr = !json;
	for (int option = 0; (option = getopt_long(argc, argv, "s:c:jhV", options, NULL)) != -1;) {
		if (is_last(option, json, &status))
			return status;
		take_option(option, &c);
	}
	return run(argc - optind, argv + optind, &c);
}
