/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/events_rows: the parts of the table of base/events. For its files only.
 */
#ifndef LWG_BASE_EVENTS_ROWS_H
#define LWG_BASE_EVENTS_ROWS_H

#include "base/attr.h"
#include "base/events.h"

extern const struct event_rows events_a_to_l; /* lwgated */
extern const struct event_rows events_m_to_z; /* lwgated */
extern const struct event_rows events_bsf;    /* lwgated, of keys by GBA Push */
extern const struct event_rows events_smsd;   /* lwgate-smsd */
extern const struct event_rows events_both;
extern const struct event_rows events_json;

#endif
