/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/line_parts.h"

#include "conf/fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

SSL_CTX *line_tls_context(const char *anchors, struct conf_error *error)
{
	SSL_CTX *const c = SSL_CTX_new(TLS_client_method());
	if (c && SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
		SSL_CTX_load_verify_file(c, anchors) == 1) {
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_mode(
			c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		return c;
	}
	ERR_clear_error();
	SSL_CTX_free(c);
	(void)conf_fail(error, anchors, 0, "is no file of certificates (PEM) that can be read");
	return NULL;
}

/* An address is looked for among the addresses of the certificate, not among its names. */
static bool expect(SSL *s, const char *name)
{
	uint8_t address[sizeof(struct in6_addr)];
	char host[SETTINGS_HOST_MAX]; /* OpenSSL's macro takes the const away */
	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s), name) == 1;
	SSL_set_hostflags(s, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	(void)snprintf(host, sizeof(host), "%s", name);
	return SSL_set1_host(s, name) == 1 && SSL_set_tlsext_host_name(s, host) == 1;
}

SSL *line_tls_new(SSL_CTX *c, int fd, const char *server_name)
{
	SSL *const s = SSL_new(c);
	if (s && SSL_set_fd(s, fd) == 1 && expect(s, server_name)) {
		SSL_set_connect_state(s);
		return s;
	}
	ERR_clear_error();
	SSL_free(s);
	return NULL;
}

static ssize_t judge(SSL *s, int n, bool *writes, char why[LINE_WHY_MAX])
{
	const int error = SSL_get_error(s, n);
	*writes = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return LINE_WAITS;
	const long refused = SSL_get_verify_result(s);
	const unsigned long code = ERR_peek_last_error();
	if (refused != X509_V_OK)
		(void)snprintf(why, LINE_WHY_MAX,
			"its certificate is refused: %s; see anchors_file and server_name",
			X509_verify_cert_error_string(refused));
	else if (error == SSL_ERROR_ZERO_RETURN || code == 0)
		(void)snprintf(why, LINE_WHY_MAX, "it has hung up");
	else
		(void)snprintf(why, LINE_WHY_MAX, "TLS: %s", ERR_reason_error_string(code));
	ERR_clear_error();
	return LINE_ENDED;
}

int line_tls_handshake(SSL *s, bool *writes, char why[LINE_WHY_MAX])
{
	ERR_clear_error();
	const int n = SSL_do_handshake(s);
	*writes = false;
	return n == 1 ? 1 : (int)judge(s, n, writes, why);
}

ssize_t line_tls_read(SSL *s, uint8_t *out, size_t cap, bool *writes, char why[LINE_WHY_MAX])
{
	ERR_clear_error();
	const int n = SSL_read(s, out, cap > INT_MAX ? INT_MAX : (int)cap);
	return n > 0 ? n : judge(s, n, writes, why);
}

ssize_t line_tls_write(
	SSL *s, const uint8_t *data, size_t len, bool *writes, char why[LINE_WHY_MAX])
{
	ERR_clear_error();
	const int n = SSL_write(s, data, len > INT_MAX ? INT_MAX : (int)len);
	*writes = false;
	return n > 0 ? n : judge(s, n, writes, why);
}

void line_tls_free(SSL *s)
{
	if (s && SSL_is_init_finished(s))
		(void)SSL_shutdown(s);
	ERR_clear_error();
	SSL_free(s);
}
