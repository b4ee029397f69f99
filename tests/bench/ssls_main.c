/* SPDX-License-Identifier: Apache-2.0 */
/* bench-ssls: what a gateway pays that holds its sessions as SSL objects: N DTLS 1.2 PSK sessions
   on the server's side, their handshakes done over memory, their clients gone. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/loop.h"

enum { KEY = 16, ROUNDS = 16, MTU = 1400 };

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "bench-ssls: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static unsigned server_psk(SSL *ssl, const char *identity, unsigned char *psk, unsigned max)
{
	(void)ssl;
	(void)identity;
	memset(psk, 'k', KEY);
	return max >= KEY ? KEY : 0;
}

static unsigned client_psk(SSL *ssl, const char *hint, char *identity, unsigned max_identity,
	unsigned char *psk, unsigned max)
{
	(void)hint;
	(void)snprintf(identity, max_identity, "device");
	return server_psk(ssl, identity, psk, max);
}

static SSL_CTX *context(bool server)
{
	SSL_CTX *c = SSL_CTX_new(server ? DTLS_server_method() : DTLS_client_method());
	if (!c || SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) != 1)
		die("SSL_CTX_new");
	SSL_CTX_set_security_level(c, 0); /* OpenSSL has had CCM_8 there since 3.2 */
	if (SSL_CTX_set_cipher_list(c, "PSK-AES128-CCM8") != 1)
		die("the suite is not there");
	if (server)
		SSL_CTX_set_psk_server_callback(c, server_psk);
	else
		SSL_CTX_set_psk_client_callback(c, client_psk);
	/* The kindest settings to it: buffers are freed when idle, no ticket, no cache. */
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	return c;
}

static SSL *side(SSL_CTX *c, BIO *in, BIO *out, bool server)
{
	SSL *ssl = SSL_new(c);
	if (!ssl || BIO_up_ref(in) != 1 || BIO_up_ref(out) != 1)
		die("SSL_new");
	SSL_set_bio(ssl, in, out);
	(void)SSL_set_mtu(ssl, MTU);
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

static BIO *pipe_end(void)
{
	BIO *b = BIO_new(BIO_s_mem());
	if (!b)
		die("BIO_new");
	(void)BIO_set_mem_eof_return(b, -1);
	return b;
}

/* A server's SSL object with its handshake done. A memory BIO is no datagram one, but what goes
   through it whole comes out whole records. */
static SSL *shaken(SSL_CTX *servers, SSL_CTX *clients)
{
	BIO *up = pipe_end(), *down = pipe_end();
	SSL *server = side(servers, up, down, true);
	SSL *client = side(clients, down, up, false);
	for (int i = 0;
		i < ROUNDS && !(SSL_is_init_finished(server) && SSL_is_init_finished(client));
		i++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
		ERR_clear_error();
	}
	if (!SSL_is_init_finished(server) || !SSL_is_init_finished(client))
		die("a handshake did not finish");
	SSL_free(client);
	BIO_free(up);
	BIO_free(down);
	return server;
}

static long resident_kb(void)
{
	static const char name[] = "RssAnon:";
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "re");
	while (f && kb == 0 && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, sizeof(name) - 1) == 0)
			kb = strtol(line + sizeof(name) - 1, NULL, 10);
	}
	if (f)
		(void)fclose(f);
	return kb;
}

int main(int argc, char **argv)
{
	const uint32_t count = argc == 2 ? option_number("count", argv[1], 1, 1000000) : 10000;
	SSL_CTX *servers = context(true), *clients = context(false);
	SSL **all = calloc(count, sizeof(SSL *));
	if (!all)
		die("memory");
	SSL_free(shaken(servers, clients)); /* what the library needs once */
	const long before = resident_kb();
	for (uint32_t i = 0; i < count; i++)
		all[i] = shaken(servers, clients);
	const long after = resident_kb();
	(void)printf("{\"event\":\"held\",\"sessions\":%u,\"anonymous_bytes\":%ld}\n", count,
		1024 * (after - before));
	for (uint32_t i = 0; i < count; i++)
		SSL_free(all[i]);
	free(all);
	SSL_CTX_free(servers);
	SSL_CTX_free(clients);
	return fflush(stdout) == 0 ? 0 : 1;
}
