/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config.h"
#include "gateway/sms_keeper.h"
#include "gateway/sms_keys_run.h"

enum { SECOND = 1000 };

void gw_keys_settings_of(const struct conf_gateway *conf, struct gw_keys_settings *out)
{
	const struct conf_sms_keys *const k = &conf->sms_keys;
	*out = (struct gw_keys_settings){
		.rules = { .overlap_ms = k->overlap_s * SECOND,
			.early_ms = k->early_s * SECOND,
			.answer_ms = k->answer_s * SECOND,
			.retry_ms = k->retry_s * SECOND,
			.backoff_ms = k->backoff_s * SECOND,
			.most_ms = k->most_s * SECOND,
			.rest_ms = k->rest_s * SECOND,
			.an_hour = k->refreshes_an_hour,
			.tries = (uint8_t)k->tries },
		.valid_s = conf->sms.valid_s,
		.a_day = conf->sms.segments_a_day,
		.tag = conf->sms.tag,
		.allow_3des = conf->sms.allow_3des,
	};
}
