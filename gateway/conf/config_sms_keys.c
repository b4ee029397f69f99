/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config_sms_keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/fail.h"
#include "conf/text.h"

static bool is_wanted(const struct conf_draft *d)
{
	for (enum conf_key k = KEY_SMS_KEYS_OVERLAP; k <= KEY_SMS_KEYS_CARD_FILE; k++)
		if (d->values[k].line != 0)
			return conf_fail(d->error, d->name, d->values[k].line,
				"%s: there is no sms.socket, without which there are no short "
				"messages; add: sms = { socket = \"/run/lwgate/sms\"; };",
				conf_rows[k].path);
	return true;
}

static bool fits_longest(const struct conf_draft *d)
{
	const struct conf_value *const v = d->values;
	const uint64_t most_s = v[KEY_SMS_KEYS_MOST].number;
	for (enum conf_key k = KEY_SMS_KEYS_RETRY; k <= KEY_SMS_KEYS_BACKOFF; k++)
		if (v[k].number > most_s)
			return conf_fail(d->error, d->name,
				v[k].line != 0 ? v[k].line : v[KEY_SMS_KEYS_MOST].line,
				"%s: %" PRIu64 " s is more than sms_keys.most_s, %" PRIu64
				" s; lower the one or raise the other",
				conf_rows[k].path, v[k].number, most_s);
	return true;
}

/* Else each question would be asked twice, and each answer costs the card a sequence number. */
static bool waits_for_answer(const struct conf_draft *d, const struct conf_gateway *c)
{
	const struct conf_value *const v = &d->values[KEY_SMS_KEYS_ANSWER];
	return !c->bsf.url || v->number > c->bsf.timeout_s ||
	       conf_fail(d->error, d->name,
		       v->line != 0 ? v->line : d->values[KEY_BSF_TIMEOUT].line,
		       "sms_keys.answer_s: %" PRIu64 " s is not more than bsf.timeout_s, %" PRIu32
		       " s, and what is still under way would be asked for again; raise the one or "
		       "lower the other",
		       v->number, c->bsf.timeout_s);
}

bool conf_fill_sms_keys(const struct conf_draft *d, struct conf_gateway *out)
{
	const struct conf_value *const v = d->values;
	out->sms_keys = (struct conf_sms_keys){
		.overlap_s = (uint32_t)v[KEY_SMS_KEYS_OVERLAP].number,
		.early_s = (uint32_t)v[KEY_SMS_KEYS_EARLY].number,
		.answer_s = (uint32_t)v[KEY_SMS_KEYS_ANSWER].number,
		.retry_s = (uint32_t)v[KEY_SMS_KEYS_RETRY].number,
		.backoff_s = (uint32_t)v[KEY_SMS_KEYS_BACKOFF].number,
		.most_s = (uint32_t)v[KEY_SMS_KEYS_MOST].number,
		.rest_s = (uint32_t)v[KEY_SMS_KEYS_REST].number,
		.refreshes_an_hour = (uint32_t)v[KEY_SMS_KEYS_AN_HOUR].number,
		.tries = (uint32_t)v[KEY_SMS_KEYS_TRIES].number,
	};
	const char *const card = v[KEY_SMS_KEYS_CARD_FILE].text;
	if (!out->sms.socket)
		return is_wanted(d);
	out->sms_keys.card_file = card[0] != '\0' ? conf_path(d->folder, card) : NULL;
	if (card[0] != '\0' && !out->sms_keys.card_file)
		return conf_fail(d->error, d->name, 0, "no memory; free some");
	return fits_longest(d) && waits_for_answer(d, out);
}

bool conf_same_sms_keys(const struct conf_gateway *now, const struct conf_gateway *next)
{
	const struct conf_sms_keys *const a = &now->sms_keys, *const b = &next->sms_keys;
	return a->overlap_s == b->overlap_s && a->early_s == b->early_s &&
	       a->answer_s == b->answer_s && a->retry_s == b->retry_s &&
	       a->backoff_s == b->backoff_s && a->most_s == b->most_s && a->rest_s == b->rest_s &&
	       a->refreshes_an_hour == b->refreshes_an_hour && a->tries == b->tries &&
	       (a->card_file && b->card_file ? strcmp(a->card_file, b->card_file) == 0
					     : a->card_file == b->card_file);
}

void conf_free_sms_keys(struct conf_gateway *c)
{
	free(c->sms_keys.card_file);
	c->sms_keys.card_file = NULL;
}
