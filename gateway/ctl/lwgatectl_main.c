/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/build.h"
#include "ctl/cli.h"

static const char default_path[] = "/run/lwgate/control";

enum {
	BIT_PUT = 1 << CLI_IDENTITY | 1 << CLI_IDENTITY_HEX | 1 << CLI_KEY_FILE |
		  1 << CLI_UPSTREAM_IDENTITY | 1 << CLI_UPSTREAM_KEY_FILE | 1 << CLI_PUBLIC_KEY |
		  1 << CLI_CERTIFICATE_NAME | 1 << CLI_PIN | 1 << CLI_LABELS |
		  1 << CLI_VALID_UNTIL | 1 << CLI_OVERLAP | 1 << CLI_PURPOSE | 1 << CLI_REPOSITORY |
		  1 << CLI_NO_REPOSITORY | 1 << CLI_NOSEC | 1 << CLI_SMS,
	BIT_IMPORT = 1 << CLI_CSV | 1 << CLI_REPLACE | 1 << CLI_SECURITY_OBJECT |
		     1 << CLI_ENDPOINT | 1 << CLI_LABELS | 1 << CLI_VALID_UNTIL | 1 << CLI_OVERLAP |
		     1 << CLI_PURPOSE | 1 << CLI_REPOSITORY | 1 << CLI_NO_REPOSITORY
};

struct command {
	const char *group, *name; /* group NULL: a word alone */
	const char *arg, *meaning;
	enum ctl_verb verb;
	int (*act)(struct cli *c); /* NULL: asks and prints */
	unsigned options;          /* that it has */
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
	{ NULL, "upgrade", "", "go on as the program that is installed now", CTL_UPGRADE, NULL, 0,
		true },
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
	{ NULL, "events", "", "follow what is decided of sessions, as JSON lines", CTL_VERBS,
		cli_events, 0, false },
	{ "key", "new", "FILE", "make a key pair for the gateway", CTL_VERBS, cli_key_new, 0,
		false },
	{ "key", "csr", "FILE OUT", "ask for a certificate for it", CTL_VERBS, cli_key_csr,
		1 << CLI_DNS, false },
	{ "key", "show", "FILE", "a public key and its digest", CTL_VERBS, cli_key_show, 0, false },
};

enum { FIRST_OPTION = 256, KEY_IN_ARGV = FIRST_OPTION + CLI_OPTIONS };

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
	/* What somebody may try: they are told why not. */
	{ "key", required_argument, NULL, KEY_IN_ARGV },
	{ "psk", required_argument, NULL, KEY_IN_ARGV },
	{ "upstream-key", required_argument, NULL, KEY_IN_ARGV },
	{ NULL, 0, NULL, 0 },
};

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
		"  -s, --socket SOCKET  the gateway's control socket (%s)\n"
		"  -j, --json           answer in JSON\n"
		"  -h, --help           print this\n"
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
		"  --security-object [--endpoint NAME]  FILE has resources of LwM2M Security "
		"Objects\n"
		"of credential export:\n"
		"  --with-secrets FILE  with the keys, into a new file of mode 0600\n"
		"of policy explain:\n"
		"  --endpoint NAME --event EVENT  whose session, and what would have happened\n"
		"of policy explain, test and diff:\n"
		"  --policy FILE  instead of the policy in force\n"
		"of key csr:\n"
		"  --dns NAME  the name by which devices or the server know this gateway\n"
		"of store rewrap, one of:\n"
		"  --key-file FILE | --credential NAME | --tpm FILE\n"
		"\nA key is never taken from the command line.\n"
		"\nexit status: 0 done; 1 the gateway says no; 2 wrong usage, or no gateway "
		"reached\n",
		default_path);
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
	struct ctl_request q = { .form = c->form, .verb = k->verb };
	if (k->act != NULL)
		return k->act(c);
	struct cli_answer a;
	if (c->arg != NULL) {
		const int status = cli_one(c, k->verb, k->slow ? CLI_LONG_MS : CLI_SHORT_MS, &a);
		return status == CLI_DONE ? cli_print(c, &a) : status;
	}
	return cli_ask_print(c, &q, k->slow ? CLI_LONG_MS : CLI_SHORT_MS);
}

static int run(int argc, char *const argv[], struct cli *c)
{
	int words = 0;
	const struct command *k = find(argc, argv, &words);
	if (k == NULL)
		return no_command(argc, argv);
	int status = check_args(k, argc - words, argv + words, c);
	if (status == CLI_DONE)
		status = act(k, c);
	cli_end(c);
	return status;
}

/* True: it says something by itself, and *status is the program's. */
static bool is_last(int option, int *status)
{
	*status = CLI_DONE;
	switch (option) {
	case 'h':
		usage(stdout);
		return true;
	case 'V':
		(void)printf("lwgatectl %s\n", LWG_VERSION);
		return true;
	case KEY_IN_ARGV:
		*status = refuse_key();
		return true;
	case '?':
		usage(stderr);
		*status = CLI_USAGE;
		return true;
	default:
		return false;
	}
}

static void take_option(int option, struct cli *c)
{
	if (option == 's')
		c->path = optarg;
	else if (option == 'j')
		c->form = CTL_JSON;
	else
		c->options[option - FIRST_OPTION] = optarg == NULL ? "" : optarg;
}

int main(int argc, char *argv[])
{
	struct cli c = { .path = default_path, .form = CTL_TEXT };
	int status = CLI_DONE;
	cli_begin();
	for (int option = 0; (option = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1;) {
		if (is_last(option, &status))
			return status;
		take_option(option, &c);
	}
	return run(argc - optind, argv + optind, &c);
}
