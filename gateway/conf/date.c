/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/date.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, FEBRUARY = 2, MONTHS = 12, YEAR_FIRST = 1970 };

static const uint64_t last_ms = UINT64_C(253402300799000); /* 9999-12-31T23:59:59Z */

static const char bad_date[] = "is no time; write it in UTC as 2027-01-31T00:00:00Z, or: never";
static const char bad_span[] = "is no span of time up to a year; write it as 90s, 30m, 24h or 7d";

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_of(unsigned year, unsigned month)
{
	static const uint8_t days[MONTHS] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	return (unsigned)days[month - 1] + (month == FEBRUARY && is_leap(year) ? 1U : 0U);
}

/* Digits where the form has a 0, the rest as it is there. */
static bool has_form(const char *text, const char *form)
{
	for (; *form != '\0'; form++, text++) {
		if (*form == '0' ? *text < '0' || *text > '9' : *text != *form)
			return false;
	}
	return *text == '\0';
}

static unsigned number(const char *digits, size_t len)
{
	unsigned n = 0;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (unsigned)(digits[i] - '0');
	return n;
}

const char *conf_date_read(const char *text, uint64_t *ms)
{
	if (strcmp(text, "never") == 0) {
		*ms = 0;
		return NULL;
	}
	if (!has_form(text, "0000-00-00T00:00:00Z"))
		return bad_date;
	const unsigned year = number(text, 4), month = number(text + 5, 2),
		       day = number(text + 8, 2), hour = number(text + 11, 2),
		       minute = number(text + 14, 2), second = number(text + 17, 2);
	if (year < YEAR_FIRST || month < 1 || month > MONTHS || day < 1 ||
		day > days_of(year, month) || hour > 23 || minute > 59 || second > 59)
		return bad_date;
	uint64_t days = day - 1;
	for (unsigned y = YEAR_FIRST; y < year; y++)
		days += is_leap(y) ? 366U : 365U;
	for (unsigned m = 1; m < month; m++)
		days += days_of(year, m);
	const unsigned of_day = hour * HOUR + minute * MINUTE + second;
	*ms = (days * DAY + of_day) * 1000;
	/* 0 would be never. */
	return *ms > 0 ? NULL : bad_date;
}

const char *conf_date_text(uint64_t ms, char out[CONF_DATE_TEXT])
{
	if (ms == 0)
		return memcpy(out, "never", sizeof("never"));
	const uint64_t s = (ms < last_ms ? ms : last_ms) / 1000;
	const unsigned of_day = (unsigned)(s % DAY);
	unsigned days = (unsigned)(s / DAY), year = YEAR_FIRST, month = 1;
	for (; days >= (is_leap(year) ? 366U : 365U); year++)
		days -= is_leap(year) ? 366U : 365U;
	for (; days >= days_of(year, month); month++)
		days -= days_of(year, month);
	(void)snprintf(out, CONF_DATE_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ", year % 10000,
		month % 100, (days + 1) % 100, of_day / HOUR, of_day % HOUR / MINUTE,
		of_day % MINUTE);
	return out;
}

const char *conf_span_read(const char *text, uint32_t *s)
{
	static const struct {
		char letter;
		uint32_t s;
	} units[] = { { '\0', 1 }, { 's', 1 }, { 'm', MINUTE }, { 'h', HOUR }, { 'd', DAY } };
	const size_t digits = strspn(text, "0123456789"), len = strlen(text);
	if (digits < 1 || digits > 8 || len > digits + 1)
		return bad_span;
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		const uint64_t n = (uint64_t)number(text, digits) * units[i].s;
		if (text[digits] != units[i].letter || n > CONF_SPAN_MAX_S)
			continue;
		*s = (uint32_t)n;
		return NULL;
	}
	return bad_span;
}
