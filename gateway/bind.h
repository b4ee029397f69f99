/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/bind: every symbol of every library is bound before main() goes on.
 *
 * A library that is bound lazily saves all vector registers on the stack when it calls a function
 * for the first time (_dl_runtime_resolve), below everything that wipes itself. What memcpy() has
 * last moved is in these registers, and that may have been a key (I5): it was found so, in core
 * dumps, with an OpenSSL that was not linked with -z now. The flag in our own programs covers their
 * own calls only.
 *
 * Promise: returns with LD_BIND_NOW in effect, or, where /proc is not there, as it was called.
 * Errors:  none. Threads: before there are any.
 * Source:  ld.so(8).
 */
#ifndef LWG_GATEWAY_BIND_H
#define LWG_GATEWAY_BIND_H

/* Runs the program anew, in the same process, unless that was done. */
void gw_bind_now(char **argv);

#endif
