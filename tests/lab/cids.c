/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/cids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CCM_8 = 0xc0a8 }; /* TLS_PSK_WITH_AES_128_CCM_8 */

enum dtls_cid_use cids_option(const char *text)
{
	if (strcmp(text, "off") == 0)
		return DTLS_CID_NEVER;
	if (strcmp(text, "send") == 0)
		return DTLS_CID_SEND;
	if (strcmp(text, "both") == 0)
		return DTLS_CID_BOTH;
	(void)fprintf(stderr, "--cid %s: must be off, send or both\n", text);
	exit(2);
}

bool cids_profile(enum dtls_cid_use use, bool routability, struct dtls_profile **out)
{
	struct dtls_profile_settings s = dtls_profile_settings_default();
	const char *error = "";
	*out = NULL;
	if (use == DTLS_CID_NEVER)
		return true;
	s.suites[0] = CCM_8;
	s.suites_len = 1;
	s.cid = use;
	s.routability = routability;
	*out = dtls_profile_new(&s, &error);
	if (!*out)
		(void)fprintf(stderr, "no profile: %s\n", error);
	return *out != NULL;
}
