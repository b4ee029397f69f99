/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/line_parts: what the files of smsd/line share: descriptors, and TLS over one.
 *
 * Threads: one.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_LINE_PARTS_H
#define LWG_SMS_BRIDGE_SMSD_LINE_PARTS_H

#include "base/attr.h"
#include "sms-bridge/smsd/settings.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct addrinfo;
enum { LINE_WHY_MAX = 320 }; /* a host's name, too */

/* A descriptor that does not block, to the first address that lets us begin; *pending: connect()
   goes on. -1: errno. */
MUST_USE int line_connect(const struct addrinfo *found, bool *pending);
/* Of a connect() that went on: 0, or its errno. */
int line_connected(int fd);
/* Raw and ours alone; -1: *why says it. */
MUST_USE int line_open_tty(const char *device, uint32_t speed, char why[LINE_WHY_MAX]);

enum line_io { LINE_WAITS = 0, LINE_ENDED = -1 }; /* or how many octets */

/* NULL: *error is filled. */
MUST_USE SSL_CTX *line_tls_context(const char *anchors, struct conf_error *error);
/* A client over fd, which stays the caller's; NULL: memory is short. */
MUST_USE SSL *line_tls_new(SSL_CTX *c, int fd, const char *server_name);
/* LINE_ENDED: *why says it; *writes: it waits for room, not for octets. 1: it is done. */
int line_tls_handshake(SSL *s, bool *writes, char why[LINE_WHY_MAX]);
ssize_t line_tls_read(SSL *s, uint8_t *out, size_t cap, bool *writes, char why[LINE_WHY_MAX]);
ssize_t line_tls_write(
	SSL *s, const uint8_t *data, size_t len, bool *writes, char why[LINE_WHY_MAX]);
/* Says goodbye, as far as there is room. */
void line_tls_free(SSL *s);

#endif
