/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bootstrap server writes to the object 0. First octet: the format; second: the path that is
 * written to. What is read is bounded and the same each time; what is refused leaves nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "learn/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct learn_object *o)
{
	if (o->len > LEARN_ACCOUNTS)
		abort();
	for (size_t i = 0; i < o->len; i++) {
		const struct learn_account *const a = &o->accounts[i];
		if (memchr(a->uri, 0, sizeof(a->uri)) == NULL || a->mode > 4 ||
			a->instance == LEARN_NONE || a->identity.len > LEARN_OCTETS_MAX ||
			a->secret.len > LEARN_OCTETS_MAX || a->has >> LEARN_RESOURCES != 0 ||
			a->sms.params_len > LEARN_SMS_PARAMS_MAX ||
			a->sms.key_len > LEARN_SMS_KEYS_MAX ||
			memchr(a->sms.number, 0, sizeof(a->sms.number)) == NULL)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t formats[] = { LEARN_PLAIN, LEARN_OPAQUE, LEARN_TLV, LEARN_LWM2M_JSON,
		LEARN_SENML_JSON, LEARN_SENML_CBOR };
	static const struct learn_path paths[] = {
		{ 0, LEARN_NONE, LEARN_NONE, false },
		{ 0, 1, LEARN_NONE, false },
		{ 0, 2, LEARN_NONE, false },
		{ 0, 1, LEARN_SECRET, false },
		{ 0, 1, LEARN_SHORT_ID, false },
		{ 0, 1, LEARN_SERVER_URI, false },
		{ 1, 0, LEARN_NONE, false },
	};
	if (size < 2)
		return 0;
	struct learn_object *const one = calloc(1, sizeof(*one)), *const two =
									  calloc(1, sizeof(*two));
	struct learn_object *const none = calloc(1, sizeof(*none));
	/* Of its own length, so that a read past its end is seen. */
	uint8_t *const content = malloc(size - 2 + (size == 2));
	if (!one || !two || !none || !content)
		abort();
	memcpy(content, data + 2, size - 2);
	const struct learn_write w = {
		.format = formats[data[0] % (sizeof(formats) / sizeof(formats[0]))],
		.path = paths[data[1] % (sizeof(paths) / sizeof(paths[0]))],
		.content = content,
		.len = size - 2,
	};
	const bool ok = learn_read(&w, one);
	const uint8_t *const octets =
		(const uint8_t *)one; /* padding, too: nothing is left there */
	if (learn_read(&w, two) != ok || memcmp(octets, (const uint8_t *)two, sizeof(*one)) != 0 ||
		(!ok && memcmp(octets, (const uint8_t *)none, sizeof(*one)) != 0) ||
		(ok && w.path.object != 0))
		abort();
	check(one);
	free(one);
	free(two);
	free(none);
	free(content);
	return 0;
}
