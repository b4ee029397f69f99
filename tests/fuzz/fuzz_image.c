/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device asks the repository. The input: four bytes (what is there of the image, and the room for
 * the answer), then its message.
 *
 * What must hold: what is ours is below the prefix and nowhere else; what is answered is sound
 * CoAP, fits, and has no octet that is not there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 4, CONTENT = 0x45, ROOM_LEAST = 56 };
static const char prefix[] = "a/fw";

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_image: %s\n", what);
	abort();
}

static void look_at_path(const struct pdu *m, const char *path)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	must(strncmp(path, "a/fw/", 5) == 0, "below the prefix");
	must(strlen(path) <= PULL_PATH_MAX, "a path that fits");
	must(!strpbrk(path, "%\\\" ") && !strstr(path, "//"), "no quotes, no empty segment");
	must(!strstr(path, "/../") && !strstr(path, "/./"), "no way out");
	while (pdu_next_of(&it, PDU_URI_PATH, &o)) {
		must(strncmp(path, (const char *)o.value, o.len) == 0, "as it was said");
		path += o.len;
		must(*path == '/' || *path == '\0', "segment by segment");
		path += *path == '/';
	}
	must(*path == '\0', "all of it");
}

static void look_at_answer(const struct image *image, const struct image_request *r,
	const struct image_part *p, size_t room)
{
	static const uint8_t octets[IMAGE_BLOCK_MAX];
	static uint8_t out[IMAGE_MESSAGE_MAX];
	struct pdu m;
	must(p->len <= IMAGE_BLOCK_MAX && p->len <= image->have, "no more than there is");
	must(p->offset <= image->have - p->len, "nothing beyond it");
	must(p->szx <= r->szx, "no larger than asked for");
	must(p->more || image->whole || p->code != CONTENT, "the end is known");
	must(p->more == (p->offset + p->len < image->have) || p->code != CONTENT, "more is there");
	if (p->code >= PDU_BAD_REQUEST) {
		must(p->why != NULL, "a refusal has words");
		return;
	}
	const size_t len = image_write(image, r, p, octets, out);
	must(len > 0 && (len <= room || room < ROOM_LEAST), "it fits");
	must(pdu_parse(out, len, &m) == PDU_OK, "it is CoAP");
	must(m.payload_len == p->len && pdu_same_token(&m, r->token, r->token_len), "the answer");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pull_entity entity = {
		.format = 42, .size = 70000, .etag_len = 4, .etag = "etag"
	};
	static uint8_t out[IMAGE_MESSAGE_MAX];
	struct image_request r;
	struct image_part part;
	struct pdu m;
	uint8_t code = 0;
	const char *why = NULL;
	if (size < HEAD || pdu_parse(data + HEAD, size - HEAD, &m) != PDU_OK)
		return 0;
	const struct image image = { .entity = &entity,
		.have = (uint64_t)(data[0] & 0x7f) << 8 | data[1],
		.whole = data[0] >= 0x80,
		.max_age_s = data[1] };
	const size_t room = (size_t)data[2] << 8 | data[3];
	switch (image_read(&m, prefix, &r, &code, &why)) {
	case IMAGE_NOT_OURS:
		break;
	case IMAGE_REFUSED:
		must(code >> 5 == 4 && why != NULL, "a refusal has words");
		if (image_refuse(&r, code, why, 0, out) > 0)
			must(pdu_parse(out, image_refuse(&r, code, why, 0, out), &m) == PDU_OK,
				"it is CoAP");
		break;
	case IMAGE_ASKED:
		must(m.code == 1 && m.type <= PDU_NON && !m.proxying, "a GET of ours");
		look_at_path(&m, r.path);
		if (image_part(&image, &r, room, &part))
			look_at_answer(&image, &r, &part, room);
		break;
	}
	return 0;
}
