/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/labels.h"

#include <stdbool.h>
#include <string.h>

static const char *wrong(const char *label, size_t len)
{
	if (len < 1)
		return "a label is empty; write 1 to 32 octets, or leave it out";
	if (len > CONF_LABEL_MAX)
		return "a label is too long; use 1 to 32 octets";
	if (label[0] == ' ' || label[len - 1] == ' ')
		return "a label begins or ends with a blank; take it away";
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)label[i] < 0x20 || label[i] == 0x7f)
			return "a label holds a control character; use plain text";
		if (label[i] == ',')
			return "a label holds a comma; use another letter";
	}
	return NULL;
}

const char *conf_labels_add(struct conf_labels *l, const char *label, size_t len)
{
	const char *const why = wrong(label, len);
	char text[CONF_LABEL_MAX + 1];
	size_t at = l->len;
	if (why != NULL)
		return why;
	memcpy(text, label, len);
	text[len] = '\0';
	for (size_t i = 0; i < l->len; i++) {
		if (strcmp(l->at[i], text) == 0)
			return "a label stands there twice; leave one";
	}
	if (l->len == CONF_LABELS_MAX)
		return "there are too many labels; use at most 16";
	for (; at > 0 && strcmp(l->at[at - 1], text) > 0; at--)
		memcpy(l->at[at], l->at[at - 1], sizeof(l->at[at]));
	memcpy(l->at[at], text, len + 1);
	l->len++;
	return NULL;
}

const char *conf_labels_read(const char *text, struct conf_labels *out)
{
	const char *why = NULL;
	*out = (struct conf_labels){ 0 };
	for (bool more = text[0] != '\0'; why == NULL && more;) {
		const size_t len = strcspn(text, ",");
		why = conf_labels_add(out, text, len);
		more = text[len] == ',';
		text += len + more;
	}
	return why;
}

const char *conf_labels_text(const struct conf_labels *l, char out[CONF_LABELS_TEXT])
{
	size_t at = 0;
	for (size_t i = 0; i < l->len; i++) {
		const size_t len = strlen(l->at[i]);
		memcpy(out + at, l->at[i], len);
		at += len;
		out[at++] = ',';
	}
	out[at > 0 ? at - 1 : 0] = '\0';
	return out;
}
