/* SPDX-License-Identifier: Apache-2.0 */
#include "web/page.h"

/* The file as it is: nothing has to be run to build it. */
__asm__(".pushsection .rodata\n"
	".global lwg_web_page\n"
	"lwg_web_page:\n"
	".incbin \"gateway/web/page.html\"\n"
	".global lwg_web_page_end\n"
	"lwg_web_page_end:\n"
	".byte 0\n"
	".popsection\n");

extern const char lwg_web_page[], lwg_web_page_end[];

const char *web_page(size_t *len)
{
	*len = (size_t)(lwg_web_page_end - lwg_web_page);
	return lwg_web_page;
}

/* tests/unit/web/test_page says what the digests have to be. */
const char *web_page_csp(void)
{
	return "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; "
	       "form-action 'none'; "
	       "frame-ancestors 'none'; "
	       "style-src 'sha256-tzWu6kHuKo2XM1XHkvY8DqEGJBtkXXbfV96r29KVHTY='; "
	       "script-src 'sha256-tkc8WL9iVTW5VasiW42D0Oj30/Q2Suosrqx7Yj/YXNw='";
}
