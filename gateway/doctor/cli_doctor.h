/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor/cli_doctor: "lwgatectl doctor".
 *
 * Errors:  an exit status: CLI_REFUSED when there is a problem, CLI_DONE else.
 */
#ifndef LWG_DOCTOR_CLI_DOCTOR_H
#define LWG_DOCTOR_CLI_DOCTOR_H

struct cli;

int cli_doctor(struct cli *c);

#endif
