/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/counter.h"

enum sms_counted sms_count(enum sms_count rule, uint64_t counter, uint64_t *last)
{
	if (rule == SMS_COUNT_NONE || rule == SMS_COUNT_UNCHECKED)
		return SMS_COUNTED; /* *last stays */
	if (*last >= SMS_COUNTER_MAX)
		return SMS_BLOCKED;
	if (counter <= *last)
		return SMS_LOW;
	if (rule == SMS_COUNT_NEXT && counter != *last + 1)
		return SMS_HIGH;
	*last = counter;
	return SMS_COUNTED;
}

bool sms_next(enum sms_count rule, uint64_t last, uint64_t *next)
{
	*next = 0;
	if (rule == SMS_COUNT_NONE)
		return true;
	if (last >= SMS_COUNTER_MAX)
		return false;
	*next = last + 1;
	return true;
}
