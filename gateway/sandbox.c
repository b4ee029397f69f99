/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sandbox.h"

#include "conf/config.h"
#include "confine/confine.h"

#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The folder of its name, and that of the file itself where the name is a link to elsewhere. */
static void add_read_file(struct confine_plan *p, const char *path)
{
	char *const file = path && path[0] != '\0' ? realpath(path, NULL) : NULL;
	confine_add_folder_of(p, CONFINE_READ, path);
	confine_add_folder_of(p, CONFINE_READ, file);
	free(file);
}

static void add_dtls(struct confine_plan *p, const struct conf_dtls *d)
{
	add_read_file(p, d->private_key_file);
	add_read_file(p, d->certificate_file);
	add_read_file(p, d->anchors_file);
	add_read_file(p, d->crl_file);
}

static void add_read(struct confine_plan *p, const struct conf_gateway *c)
{
	add_read_file(p, c->file);
	add_read_file(p, c->credentials);
	add_read_file(p, c->policy_file);
	add_read_file(p, c->sms_keys.card_file);
	add_read_file(p, c->repository.key_file);
	add_read_file(p, c->bsf.client_secret_file);
	add_read_file(p, c->bsf.ca_file);
	add_read_file(p, c->bsf.certificate_file);
	add_read_file(p, c->bsf.key_file);
	for (size_t i = 0; i < c->listeners_len; i++)
		add_dtls(p, &c->listener_dtls[i]);
	for (size_t i = 0; i < c->upstreams_len; i++) {
		add_dtls(p, &c->upstreams[i].dtls);
		add_read_file(p, c->upstreams[i].master_secret_file);
	}
}

static bool is_tpm(const char *anchor)
{
	return anchor && strncmp(anchor, "tpm:", 4) == 0;
}

static void add_written(struct confine_plan *p, const struct conf_gateway *c)
{
	confine_add(p, CONFINE_WRITE, c->store_path);
	confine_add(p, CONFINE_WRITE, c->store_hot);
	confine_add_folder_of(p, CONFINE_WRITE, c->store_token);
	if (!is_tpm(c->store_anchor))
		confine_add_folder_of(p, CONFINE_WRITE, c->store_anchor);
	confine_add(p, CONFINE_WRITE, c->repository.directory);
	confine_add_folder_of(p, CONFINE_WRITE, c->events_file);
	confine_add_folder_of(p, CONFINE_WRITE, c->events_path);
	confine_add_folder_of(p, CONFINE_WRITE, c->control_path);
	confine_add_folder_of(p, CONFINE_WRITE, c->sms.socket);
	if (c->store_key_tpm || is_tpm(c->store_anchor)) {
		add_read_file(p, c->store_key_tpm);
		confine_add(p, CONFINE_DEVICE, "/dev/tpmrm0");
		confine_add(p, CONFINE_DEVICE, "/dev/tpm0");
	}
}

/* The loader, which the kernel executes for a program, where its links lead to. Another may have
   its name by then. */
static int add_loader(struct dl_phdr_info *info, size_t size, void *plan)
{
	const char *const name = info->dlpi_name ? strrchr(info->dlpi_name, '/') : NULL;
	(void)size;
	if (!name || strncmp(name, "/ld", 3) != 0)
		return 0;
	char *const file = realpath(info->dlpi_name, NULL);
	confine_add_folder_of(plan, CONFINE_EXECUTE, file);
	free(file);
	return 0;
}

bool gw_sandbox_enter(const struct conf_gateway *conf, const char *program, const char *more,
	const struct log *log, struct conf_error *error)
{
	_Static_assert((int)CONF_SANDBOX_TRY == (int)CONFINE_TRY &&
			       (int)CONF_SANDBOX_ON == (int)CONFINE_ON &&
			       (int)CONF_SANDBOX_OFF == (int)CONFINE_OFF,
		"both are in one order");
	struct confine_plan *const p =
		confine_plan_new(CONFINE_GATEWAY, (enum confine_mode)conf->sandbox);
	if (!p) {
		(void)snprintf(error->text, sizeof(error->text), "memory is short");
		return false;
	}
	p->log = log;
	p->tcp_port = conf->web.family != 0 ? conf->web.port : 0;
	add_read(p, conf);
	add_written(p, conf);
	confine_add_folder_of(p, CONFINE_WRITE, more);
	confine_add_folder_of(p, CONFINE_EXECUTE, program);
	(void)dl_iterate_phdr(add_loader, p);
	const bool good = confine_enter(p, error->text, sizeof(error->text));
	free(p);
	return good;
}

const char *gw_sandbox_hint(const char *error)
{
	if (!strstr(error, strerror(EACCES)) || !confine_is_in_force())
		return "";
	return "; the sandbox reaches the folders that lwgate.conf named at the last start: "
	       "restart "
	       "for another";
}

bool gw_sandbox_fits(struct conf_error *error)
{
	if (!confine_lacks(CONFINE_GATEWAY))
		return true;
	(void)snprintf(error->text, sizeof(error->text),
		"this program makes system calls that the sandbox of the one that is running does "
		"not let pass, and that cannot be widened: restart lwgated (sessions are in the "
		"store)");
	return false;
}
