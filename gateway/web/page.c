/* SPDX-License-Identifier: Apache-2.0 */
#include "web/page.h"

#include <stdint.h>

/* The file as it is: nothing has to be run to build it. */
__asm__(".pushsection .rodata\n"
	".global lwg_web_page\n"
	"lwg_web_page:\n"
	".incbin \"gateway/web/page.html\"\n"
	"lwg_web_page_end:\n"
	".byte 0\n"
	".balign 8\n"
	".global lwg_web_page_len\n"
	"lwg_web_page_len:\n"
	".quad lwg_web_page_end - lwg_web_page\n"
	".popsection\n");

extern const char lwg_web_page[];
extern const uint64_t lwg_web_page_len;

const char *web_page(size_t *len)
{
	*len = (size_t)lwg_web_page_len;
	return lwg_web_page;
}

/* tests/unit/web/test_page says what the digests have to be. */
const char *web_page_csp(void)
{
	return "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; "
	       "form-action 'none'; "
	       "frame-ancestors 'none'; "
	       "style-src 'sha256-AFeER0x7MnWwSXzSYNw9IluIymhaDTvwIM4XvXNuSwo='; "
	       "script-src 'sha256-iTaizT6qWLBmLG0mLgXWPBPGYi+NjLlGEKmy4jJNuiE='";
}
