/* SPDX-License-Identifier: Apache-2.0 */
/* wolfssl-peer: a DTLS 1.2 client, or a server that echoes, on wolfSSL, which installs no such
   tools. A peer of the tests; says what happens as JSON lines. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/settings.h>

enum { TEXT_MAX = 1024, KEY_MAX = 64, DATAGRAM_MAX = 2048, GIVE_UP_S = 60, HANDSHAKE = 22 };

struct plan {
	bool server, raw, no_etm;
	uint16_t port;
	const char *suite, *identity, *key, *certificate, *anchors, *name, *text;
	unsigned char psk[KEY_MAX];
	size_t psk_len;
	int rounds;
	uint8_t fragment_code;
};

static _Noreturn void give_up(const char *what)
{
	(void)fprintf(stderr, "wolfssl-peer: %s\n", what);
	exit(1);
}

static void need(int result, const char *what)
{
	if (result != WOLFSSL_SUCCESS)
		give_up(what);
}

static unsigned int psk_client(WOLFSSL *ssl, const char *hint, char *identity,
	unsigned int identity_max, unsigned char *key, unsigned int key_max)
{
	const struct plan *plan = wolfSSL_get_psk_callback_ctx(ssl);
	(void)hint;
	if (strlen(plan->identity) >= identity_max || plan->psk_len > key_max)
		return 0;
	memcpy(identity, plan->identity, strlen(plan->identity) + 1);
	memcpy(key, plan->psk, plan->psk_len);
	return (unsigned int)plan->psk_len;
}

static unsigned int psk_server(
	WOLFSSL *ssl, const char *identity, unsigned char *key, unsigned int key_max)
{
	const struct plan *plan = wolfSSL_get_psk_callback_ctx(ssl);
	if (strcmp(identity, plan->identity) != 0 || plan->psk_len > key_max)
		return 0;
	memcpy(key, plan->psk, plan->psk_len);
	return (unsigned int)plan->psk_len;
}

static void prove_ourselves(WOLFSSL_CTX *ctx, const struct plan *plan)
{
	need(wolfSSL_CTX_use_PrivateKey_file(ctx, plan->key, WOLFSSL_FILETYPE_PEM), "--key");
	/* A raw public key is a file like a certificate's: its SubjectPublicKeyInfo. */
	need(wolfSSL_CTX_use_certificate_file(ctx, plan->certificate,
		     plan->raw ? WOLFSSL_FILETYPE_ASN1 : WOLFSSL_FILETYPE_PEM),
		"--certificate");
	if (!plan->raw)
		need(wolfSSL_CTX_load_verify_locations(ctx, plan->anchors, NULL), "--anchors");
	if (plan->raw) {
		char types[] = { WOLFSSL_CERT_TYPE_RPK };
		need(wolfSSL_CTX_set_client_cert_type(ctx, types, 1), "client_certificate_type");
		need(wolfSSL_CTX_set_server_cert_type(ctx, types, 1), "server_certificate_type");
	}
	wolfSSL_CTX_set_verify(
		ctx, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static WOLFSSL_CTX *make_context(struct plan *plan)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(
		plan->server ? wolfDTLSv1_2_server_method() : wolfDTLSv1_2_client_method());
	if (!ctx)
		give_up("no context");
	need(wolfSSL_CTX_set_cipher_list(ctx, plan->suite), "--suite is not in this build");
	(void)wolfSSL_CTX_set_timeout(ctx, GIVE_UP_S);
	need(wolfSSL_CTX_AllowEncryptThenMac(ctx, !plan->no_etm), "--no-etm");
	if (!plan->identity) {
		prove_ourselves(ctx, plan);
		return ctx;
	}
	(void)wolfSSL_CTX_set_psk_callback_ctx(ctx, plan);
	if (plan->server) {
		wolfSSL_CTX_set_psk_server_callback(ctx, psk_server);
		return ctx;
	}
	wolfSSL_CTX_set_psk_client_callback(ctx, psk_client);
	return ctx;
}

static void say_error(WOLFSSL *ssl, const char *event, int result)
{
	char why[WOLFSSL_MAX_ERROR_SZ];
	const int error = wolfSSL_get_error(ssl, result);
	(void)printf("{\"event\":\"%s\",\"error\":%d,\"why\":\"%s\"}\n", event, error,
		wolfSSL_ERR_error_string((unsigned long)error, why));
}

static void say_up(WOLFSSL *ssl)
{
	(void)printf("{\"event\":\"up\",\"suite\":\"%s\",\"resumed\":%s}\n",
		wolfSSL_get_cipher_name(ssl), wolfSSL_session_reused(ssl) ? "true" : "false");
}

/* The length, 0 at the peer's close_notify, -1 when something failed; says what it was. */
static int take(WOLFSSL *ssl, char text[TEXT_MAX])
{
	const int n = wolfSSL_read(ssl, text, TEXT_MAX);
	if (n > 0) {
		(void)printf("{\"event\":\"message\",\"len\":%d,\"hex\":\"", n);
		for (int i = 0; i < n; i++)
			(void)printf("%02x", (unsigned char)text[i]);
		(void)printf("\"}\n");
		return n;
	}
	if (wolfSSL_get_error(ssl, n) == WOLFSSL_ERROR_ZERO_RETURN) {
		(void)printf("{\"event\":\"down\",\"why\":\"close_notify\"}\n");
		return 0;
	}
	say_error(ssl, "down", n);
	return -1;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int open_socket(const struct plan *plan)
{
	const struct sockaddr_in here = loopback(plan->server ? plan->port : 0);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&here, sizeof(here)) != 0)
		give_up(strerror(errno));
	return fd;
}

static WOLFSSL *make_connection(WOLFSSL_CTX *ctx, const struct plan *plan, int fd)
{
	WOLFSSL *ssl = wolfSSL_new(ctx);
	if (!ssl)
		give_up("no connection");
	need(wolfSSL_set_dtls_fd_connected(ssl, fd), "socket");
	need(wolfSSL_dtls_set_timeout_max(ssl, GIVE_UP_S), "timer");
	if (plan->fragment_code)
		need(wolfSSL_UseMaxFragment(ssl, plan->fragment_code), "--fragment");
	return ssl;
}

/* One session as a client; *session is resumed, and replaced. */
static bool meet(WOLFSSL_CTX *ctx, const struct plan *plan, WOLFSSL_SESSION **session)
{
	const struct sockaddr_in there = loopback(plan->port);
	const int fd = open_socket(plan);
	if (connect(fd, (const struct sockaddr *)&there, sizeof(there)) != 0)
		give_up(strerror(errno));
	WOLFSSL *ssl = make_connection(ctx, plan, fd);
	char text[TEXT_MAX];
	bool good = false;
	if (plan->name && !plan->raw) {
		need(wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, plan->name,
			     (unsigned short)strlen(plan->name)),
			"server name");
		need(wolfSSL_check_domain_name(ssl, plan->name), "server name");
	}
	if (*session)
		need(wolfSSL_set_session(ssl, *session), "session");
	const int result = wolfSSL_connect(ssl);
	if (result != WOLFSSL_SUCCESS) {
		say_error(ssl, "failed", result);
	} else {
		say_up(ssl);
		const int len = (int)strlen(plan->text);
		good = wolfSSL_write(ssl, plan->text, len) == len && take(ssl, text) > 0;
		wolfSSL_SESSION_free(*session);
		*session = wolfSSL_get1_session(ssl);
		(void)wolfSSL_shutdown(ssl);
	}
	wolfSSL_free(ssl);
	close(fd);
	return good;
}

static int be_client(WOLFSSL_CTX *ctx, const struct plan *plan)
{
	WOLFSSL_SESSION *session = NULL;
	bool good = true;
	for (int i = 0; i < plan->rounds && good; i++)
		good = meet(ctx, plan, &session);
	wolfSSL_SESSION_free(session);
	return good ? 0 : 1;
}

static void serve(WOLFSSL_CTX *ctx, const struct plan *plan, int fd)
{
	WOLFSSL *ssl = make_connection(ctx, plan, fd);
	char text[TEXT_MAX];
	const int result = wolfSSL_accept(ssl);
	if (result != WOLFSSL_SUCCESS) {
		say_error(ssl, "failed", result);
		wolfSSL_free(ssl);
		return;
	}
	say_up(ssl);
	for (int n; (n = take(ssl, text)) > 0;) {
		if (wolfSSL_write(ssl, text, n) != n)
			break;
	}
	(void)wolfSSL_shutdown(ssl);
	wolfSSL_free(ssl);
}

/* Connects the socket to whom sent the first handshake record that has come. */
static void await_client(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t datagram[DATAGRAM_MAX];
	(void)connect(fd, &none, sizeof(none));
	for (;;) {
		const ssize_t n = recvfrom(fd, datagram, sizeof(datagram), MSG_PEEK,
			(struct sockaddr *)&from, &from_len);
		if (n > 0 && datagram[0] == HANDSHAKE &&
			connect(fd, (struct sockaddr *)&from, from_len) == 0)
			return;
		/* an ICMP error, or what an old client has left */
		if (n >= 0)
			(void)recv(fd, datagram, sizeof(datagram), 0);
		from_len = sizeof(from);
	}
}

static _Noreturn void be_server(WOLFSSL_CTX *ctx, const struct plan *plan)
{
	const int fd = open_socket(plan);
	(void)printf("{\"event\":\"listening\",\"port\":%u}\n", plan->port);
	for (;;) {
		await_client(fd);
		serve(ctx, plan, fd);
	}
}

static long number(const char *text, int base, long most)
{
	char *end;
	errno = 0;
	const long value = strtol(text, &end, base);
	if (errno != 0 || end == text || *end != 0 || value < 0 || value > most)
		give_up("no such number");
	return value;
}

static size_t from_hex(const char *text, unsigned char out[KEY_MAX])
{
	size_t len = 0;
	for (; len < KEY_MAX && text[2 * len] && text[2 * len + 1]; len++) {
		const char octet[] = { text[2 * len], text[2 * len + 1], 0 };
		out[len] = (unsigned char)number(octet, 16, UINT8_MAX);
	}
	return len;
}

static const struct option options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "suite", required_argument, NULL, 's' },
	{ "identity", required_argument, NULL, 'i' },
	{ "psk", required_argument, NULL, 'k' },
	{ "key", required_argument, NULL, 'K' },
	{ "certificate", required_argument, NULL, 'c' },
	{ "raw", no_argument, NULL, 'r' },
	{ "anchors", required_argument, NULL, 'a' },
	{ "name", required_argument, NULL, 'n' },
	{ "text", required_argument, NULL, 't' },
	{ "rounds", required_argument, NULL, 'R' },
	{ "fragment", required_argument, NULL, 'f' },
	{ "no-etm", no_argument, NULL, 'e' },
	{ NULL, 0, NULL, 0 },
};

static void take_option(struct plan *plan, int id)
{
	switch (id) {
	case 'p':
		plan->port = (uint16_t)number(optarg, 10, UINT16_MAX);
		break;
	case 's':
		plan->suite = optarg;
		break;
	case 'i':
		plan->identity = optarg;
		break;
	case 'k':
		plan->psk_len = from_hex(optarg, plan->psk);
		break;
	case 'K':
		plan->key = optarg;
		break;
	case 'c':
		plan->certificate = optarg;
		break;
	case 'r':
		plan->raw = true;
		break;
	case 'a':
		plan->anchors = optarg;
		break;
	case 'n':
		plan->name = optarg;
		break;
	case 't':
		plan->text = optarg;
		break;
	case 'R':
		plan->rounds = (int)number(optarg, 10, 1000);
		break;
	case 'e':
		plan->no_etm = true;
		break;
	case 'f':
		plan->fragment_code = (uint8_t)number(optarg, 10, 4);
		break;
	default:
		give_up("usage: wolfssl-peer client|server --port N --suite NAME --identity TEXT "
			"--psk HEX |"
			" --key FILE --certificate FILE [--raw | --anchors FILE]");
	}
}

int main(int argc, char **argv)
{
	struct plan plan = { .rounds = 1, .text = "a message of wolfSSL" };
	if (argc < 2)
		take_option(&plan, '?');
	plan.server = strcmp(argv[1], "server") == 0;
	for (int id; (id = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1;)
		take_option(&plan, id);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	need(wolfSSL_Init(), "wolfSSL_Init");
	if (getenv("WOLFSSL_TRACE"))
		(void)wolfSSL_Debugging_ON();
	WOLFSSL_CTX *ctx = make_context(&plan);
	if (plan.server)
		be_server(ctx, &plan);
	const int status = be_client(ctx, &plan);
	wolfSSL_CTX_free(ctx);
	(void)wolfSSL_Cleanup();
	return status;
}
