/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/credentials_parts: what the files of gateway/credentials_ops share, and nobody else sees.
 */
#ifndef LWG_GATEWAY_CREDENTIALS_PARTS_H
#define LWG_GATEWAY_CREDENTIALS_PARTS_H

#include "base/attr.h"
#include "conf/cred_build.h"
#include "ctl/store_source.h"
#include "gateway/credentials_ops.h"
#include "gateway/credentials_plan.h"

#include <stdbool.h>

struct gw_credentials {
	struct gw_credentials_settings s;
	struct store_reader *reader;
	bool told_export; /* of the one that is going on */
};

struct cred_plan_by gw_cred_plan_by(
	const struct gw_credentials *c, const char *name, enum cred_plan_mode mode);
void gw_cred_log_made(
	const struct gw_credentials *c, const char *name, const struct cred_plan_made *m);
void gw_cred_said_error(struct ctl_said *said, const struct conf_error *e);
MUST_USE bool gw_cred_add_to(
	struct cred_build *b, const struct ctl_cred *c, struct conf_error *error);
/* Of one; name: for errors. */
MUST_USE struct cred_set *gw_cred_set_of(const struct gw_credentials *c, const char *name,
	const struct ctl_cred *one, struct conf_error *error);

/* credentials_import.c: members of struct ctl_store_source. */
MUST_USE void *gw_cred_import_begin(
	void *ctx, const char *name, bool with_replace, struct ctl_said *said);
MUST_USE enum ctl_status gw_cred_import_stage(
	void *ctx, void *import, const struct ctl_cred *one, struct ctl_said *said);
MUST_USE enum ctl_status gw_cred_import_commit(void *ctx, void *import, struct ctl_said *said);
void gw_cred_import_abort(void *ctx, void *import);
void gw_cred_import_dry(void *ctx, void *import);
MUST_USE enum ctl_status gw_cred_import_try(
	void *ctx, void *import, struct ctl_out *out, struct ctl_said *said);

#endif
