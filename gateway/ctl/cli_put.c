/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli.h"

#include <string.h>

#include "base/wipe.h"
#include "base/wr.h"
#include "conf/hex.h"
#include "conf/spki.h"
#include "ctl/credential.h"
#include "ctl/store_source.h"
#include "ctl/terms.h"

static int text_identity(
	const char *option, const char *text, uint8_t out[CTL_NAME_MAX], uint8_t *len)
{
	const size_t n = strnlen(text, CTL_NAME_MAX + 1);
	if (n < 1 || n > CTL_NAME_MAX)
		return cli_wrong(option, " has a wrong length", "write 1 to 128 octets");
	memcpy(out, text, n);
	*len = (uint8_t)n;
	return CLI_DONE;
}

static int hex_identity(const char *text, struct ctl_cred *d)
{
	const size_t digits = strlen(text);
	if (digits < 2 || digits / 2 > CTL_NAME_MAX || !conf_hex_read(text, digits, d->identity))
		return cli_wrong("--identity-hex is not hexadecimal of 1 to 128 octets", "",
			"write two digits 0-9, a-f an octet");
	d->identity_len = (uint8_t)(digits / 2);
	return CLI_DONE;
}

static int identities(const struct cli *c, struct ctl_cred *d)
{
	const char *text = c->options[CLI_IDENTITY], *hex = c->options[CLI_IDENTITY_HEX];
	const char *upstream = c->options[CLI_UPSTREAM_IDENTITY];
	int status = CLI_DONE;
	if (text != NULL && hex != NULL)
		return cli_wrong("--identity and --identity-hex are two ways to say one thing", "",
			"leave one");
	if (text != NULL)
		status = text_identity("--identity", text, d->identity, &d->identity_len);
	if (hex != NULL)
		status = hex_identity(hex, d);
	if (status == CLI_DONE && upstream != NULL)
		status = text_identity("--upstream-identity", upstream, d->upstream_identity,
			&d->upstream_identity_len);
	return status;
}

static int messages(const char *text, struct ctl_cred *d)
{
	char number[CRED_SMS_NUMBER_MAX + 1];
	const char *const why = cred_sms_read(text, &d->sms, number);
	if (why != NULL)
		return cli_wrong("--sms", " is not good", why);
	if (d->sms.renew.ota.key_len > 0)
		return cli_wrong("--sms",
			": an OTA key is not for the command line, where others "
			"can see it",
			"put it into a CSV file and import that");
	d->kind = CTL_CRED_SMS;
	d->identity_len = (uint8_t)strlen(number);
	memcpy(d->identity, number, d->identity_len);
	return CLI_DONE;
}

/* Its raw public key, or the name in its certificate; a pin alone is of the name that it has. */
static int proof(const struct cli *c, struct ctl_cred *d)
{
	const char *key = c->options[CLI_PUBLIC_KEY], *cn = c->options[CLI_CERTIFICATE_NAME];
	const char *pin = c->options[CLI_PIN];
	struct conf_spki spki;
	int status = CLI_DONE;
	if (c->options[CLI_NOSEC] != NULL)
		d->kind = CTL_CRED_NOSEC;
	if (c->options[CLI_SMS] != NULL)
		return messages(c->options[CLI_SMS], d);
	if (key != NULL) {
		status = cli_public_key(key, "--public-key", false, &spki);
		if (status != CLI_DONE)
			return status;
		ctl_cred_by_raw_key(d, &spki);
		return CLI_DONE;
	}
	if (cn != NULL) {
		d->kind = CTL_CRED_CERTIFICATE;
		status = text_identity("--certificate-name", cn, d->identity, &d->identity_len);
	}
	if (status == CLI_DONE && pin != NULL) {
		d->kind = CTL_CRED_CERTIFICATE;
		d->pinned = true;
		status = cli_public_key(pin, "--pin", true, &spki);
		if (status == CLI_DONE)
			memcpy(d->pin, spki.digest, sizeof(d->pin));
	}
	return status;
}

/* A device proves itself in one way. */
static int check_proof(const struct cli *c, enum ctl_verb verb)
{
	const bool sms = c->options[CLI_SMS] != NULL;
	const bool psk = c->options[CLI_IDENTITY] != NULL || c->options[CLI_IDENTITY_HEX] != NULL ||
			 (c->options[CLI_KEY_FILE] != NULL && !sms);
	const bool key = c->options[CLI_PUBLIC_KEY] != NULL;
	const bool cn = c->options[CLI_CERTIFICATE_NAME] != NULL, pin = c->options[CLI_PIN] != NULL;
	const bool nosec = c->options[CLI_NOSEC] != NULL;
	if (psk + key + (cn || pin) + nosec + sms > 1)
		return cli_wrong("--key-file with an identity, --public-key, --certificate-name, "
				 "--nosec and --sms exclude one another",
			"", "leave one");
	if (verb == CTL_CRED_ADD && pin && !cn)
		return cli_wrong("--pin goes with --certificate-name", "", "write both");
	return CLI_DONE;
}

static int read_key(const char *file, const char *what, uint8_t key[CTL_KEY_MAX], uint8_t *key_len)
{
	size_t len = 0;
	const int status = cli_key(file, what, key, CTL_KEY_MAX, &len);
	*key_len = status == CLI_DONE ? (uint8_t)len : 0;
	return status;
}

/* To add a PSK needs a key, from the standard input if not from a file; to replace one, what is
   named is replaced. */
static int keys(const struct cli *c, enum ctl_verb verb, struct ctl_cred *d)
{
	const char *file = c->options[CLI_KEY_FILE], *upstream = c->options[CLI_UPSTREAM_KEY_FILE];
	const bool other = c->options[CLI_IDENTITY] != NULL ||
			   c->options[CLI_IDENTITY_HEX] != NULL || upstream != NULL ||
			   c->options[CLI_UPSTREAM_IDENTITY] != NULL ||
			   c->options[CLI_LABELS] != NULL || c->options[CLI_VALID_UNTIL] != NULL ||
			   c->options[CLI_REPOSITORY] != NULL ||
			   c->options[CLI_NO_REPOSITORY] != NULL || c->options[CLI_SMS] != NULL;
	const bool keyed = d->kind == CTL_CRED_PSK ||
			   (d->kind == CTL_CRED_SMS && d->sms.profile != CRED_SMS_DTLS &&
				   d->sms.renew.how == CRED_RENEW_NEVER);
	const bool wanted = (keyed || (d->kind == CTL_CRED_SMS && file != NULL)) &&
			    (file != NULL || verb == CTL_CRED_ADD || !other);
	int status = CLI_DONE;
	if (upstream != NULL && strcmp(upstream, "-") == 0 && wanted &&
		(file == NULL || strcmp(file, "-") == 0))
		return cli_wrong(
			"both keys cannot come from the standard input", "", "put one into a file");
	if (wanted)
		status = read_key(file, "the device's key", d->key, &d->key_len);
	if (status == CLI_DONE && upstream != NULL)
		status = read_key(
			upstream, "the upstream key", d->upstream_key, &d->upstream_key_len);
	return status;
}

/* Also the word for one that is there and comes by short messages. */
static const char *read_purpose(struct ctl_cred *d, const char *text)
{
	if (strcmp(text, "sms") != 0)
		return ctl_terms_purpose(d, text);
	d->purpose = CTL_FOR_SMS;
	return NULL;
}

int cli_purpose(const struct cli *c, enum ctl_purpose *out)
{
	const char *const text = c->options[CLI_PURPOSE];
	struct ctl_cred said = { .purpose = CTL_FOR_UNSAID };
	const char *const why = text != NULL ? read_purpose(&said, text) : NULL;
	*out = said.purpose;
	return why == NULL ? CLI_DONE : cli_wrong("--purpose", "", why);
}

/* By itself: it takes no word. */
static int repository(const struct cli *c, struct ctl_cred *d)
{
	const bool yes = c->options[CLI_REPOSITORY] != NULL;
	const bool no = c->options[CLI_NO_REPOSITORY] != NULL;
	if (yes && no)
		return cli_wrong(
			"--repository and --no-repository exclude one another", "", "leave one");
	if ((yes || no) && !d->says_repository) {
		d->says_repository = true;
		d->repository = yes;
	}
	return CLI_DONE;
}

int cli_terms(const struct cli *c, struct ctl_cred *d)
{
	const struct {
		enum cli_option option;
		bool said;
		const char *name;
		const char *(*read)(struct ctl_cred *c, const char *text);
	} all[] = {
		{ CLI_LABELS, d->says_labels, "--labels", ctl_terms_labels },
		{ CLI_VALID_UNTIL, d->says_until, "--valid-until", ctl_terms_until },
		{ CLI_OVERLAP, d->says_overlap, "--overlap", ctl_terms_overlap },
		{ CLI_PURPOSE, d->purpose != CTL_FOR_UNSAID, "--purpose", read_purpose },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		const char *const text = c->options[all[i].option];
		if (text == NULL || all[i].said)
			continue;
		const char *const why = all[i].read(d, text);
		if (why != NULL)
			return cli_wrong(all[i].name, "", why);
	}
	return repository(c, d);
}

int cli_cred_put(struct cli *c, enum ctl_verb verb)
{
	struct ctl_request q = { .form = c->form, .verb = verb };
	struct ctl_cred d = { .has_keys = true };
	uint8_t body[CTL_CRED_MAX];
	struct wr w = wr_into(body, sizeof(body));
	if (strlen(c->arg) > CTL_NAME_MAX)
		return cli_wrong("an endpoint has at most 128 bytes", "", "name a shorter one");
	memcpy(d.endpoint, c->arg, strlen(c->arg));
	int status = check_proof(c, verb);
	if (status == CLI_DONE)
		status = identities(c, &d);
	if (status == CLI_DONE)
		status = proof(c, &d);
	if (status == CLI_DONE)
		status = cli_terms(c, &d);
	if (status == CLI_DONE)
		status = keys(c, verb, &d);
	if (status == CLI_DONE) {
		ctl_cred_write(&w, &d);
		q.body = body;
		q.body_len = w.len;
		status = cli_ask_print(c, &q, CLI_LONG_MS);
	}
	wipe(&d, sizeof(d));
	wipe(body, sizeof(body));
	return status;
}

int cli_rewrap(struct cli *c)
{
	const char *file = c->options[CLI_KEY_FILE], *credential = c->options[CLI_CREDENTIAL],
		   *tpm = c->options[CLI_TPM];
	struct ctl_request q = { .form = c->form, .verb = CTL_STORE_REWRAP };
	uint8_t body[1 + CTL_KEK_LEN] = { CTL_KEK_KEY };
	int status = CLI_DONE;
	if ((file != NULL) + (credential != NULL) + (tpm != NULL) != 1)
		return cli_wrong("the new key's place is missing, or there are two", "",
			"name one: --key-file FILE, --credential NAME or --tpm FILE");
	const char *name = credential != NULL ? credential : tpm != NULL ? tpm : "";
	if (strlen(name) > CTL_ARG_MAX)
		return cli_wrong("the name is too long", "", "use at most 255 bytes");
	(void)snprintf(q.arg, sizeof(q.arg), "%s", name);
	q.body = body;
	q.body_len = 1;
	if (file != NULL) {
		q.body_len = sizeof(body);
		status = cli_store_key(file, body + 1);
	} else {
		body[0] = credential != NULL ? CTL_KEK_CREDENTIAL : CTL_KEK_TPM;
	}
	if (status == CLI_DONE)
		status = cli_ask_print(c, &q, CLI_LONG_MS);
	wipe(body, sizeof(body));
	return status;
}
