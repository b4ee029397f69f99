/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/cli_doctor.h"

#include "ctl/cli.h"
#include "doctor/doctor.h"

static const char default_file[] = "/etc/lwgate/lwgate.conf";

int cli_doctor(struct cli *c)
{
	const char *const file = c->options[CLI_CONFIG];
	struct doctor *const d =
		doctor_new(file == NULL ? default_file : file, c->socket_said ? c->path : NULL);
	struct ctl_out out = { 0 };
	if (d == NULL)
		return cli_wrong("no memory", "", "free some");
	doctor_run(d);
	if (c->form == CTL_JSON)
		doctor_json(d, &out);
	else
		doctor_text(d, &out);
	const int status = cli_put(&out);
	const bool problems = doctor_count(d, DOCTOR_PROBLEM) > 0;
	ctl_out_fini(&out);
	doctor_free(d);
	return status != CLI_DONE ? status : problems ? CLI_REFUSED : CLI_DONE;
}
