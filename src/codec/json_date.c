/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dates of documents: milliseconds since 1970 and their text, in the proleptic Gregorian calendar.
 * No time zone database, no locale.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "codec/json_int.h"

static const int64_t day_ms = 86400000;
static const int64_t year_0_ms = INT64_C(-62167219200000);
static const int64_t year_10000_ms = INT64_C(253402300800000);

/* Days since 1970-01-01; months from March, so that the leap day is a year's last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static void date_of(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	*ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (int)(month < 10 ? month + 3 : month - 9);
	*ret_year = (int)(year_of_era + era * 400) + (*ret_month <= 2 ? 1 : 0);
}

bool nv_json_date_format(int64_t ms, char ret_text[32])
{
	if (ms < year_0_ms || ms >= year_10000_ms) {
		return false;
	}
	int64_t days = ms / day_ms - (ms % day_ms < 0 ? 1 : 0);
	int rest = (int)(ms - days * day_ms);
	int year = 0;
	int month = 0;
	int day = 0;
	date_of(days, &year, &month, &day);
	int used = snprintf(ret_text, 32, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
	                    rest / 3600000, rest / 60000 % 60, rest / 1000 % 60);
	if (rest % 1000 != 0) {
		used += snprintf(ret_text + used, (size_t)(32 - used), ".%03d", rest % 1000);
	}
	(void)snprintf(ret_text + used, (size_t)(32 - used), "Z");
	return true;
}

/* Reads the digits that stand for the letter `field` in pattern ("YYYY-MM-DDThh:mm:ss"). */
static int number_at(const char *text, const char *pattern, char field)
{
	int value = 0;
	for (size_t i = 0; pattern[i]; i++) {
		if (pattern[i] == field) {
			value = value * 10 + (text[i] - '0');
		}
	}
	return value;
}

/* True when text has a digit for each letter of pattern but T, and pattern's other bytes as they
 * are. */
static bool has_shape(const char *text, size_t size, const char *pattern)
{
	if (size < strlen(pattern)) {
		return false;
	}
	for (size_t i = 0; pattern[i]; i++) {
		bool digit = strchr("YMDhms", pattern[i]) != NULL;
		if (digit ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i]) {
			return false;
		}
	}
	return true;
}

/* Minutes east of Greenwich from what follows the seconds. */
static bool parse_zone(const char *text, size_t size, int *ret_minutes)
{
	if (size == 1 && *text == 'Z') {
		*ret_minutes = 0;
		return true;
	}
	if (size != 6 || (*text != '+' && *text != '-') ||
	    !has_shape(text + 1, size - 1, "hh:mm")) {
		return false;
	}
	int hours = number_at(text + 1, "hh:mm", 'h');
	int minutes = number_at(text + 1, "hh:mm", 'm');
	*ret_minutes = (hours * 60 + minutes) * (*text == '-' ? -1 : 1);
	return hours <= 23 && minutes <= 59;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool nv_json_date_parse(const char *text, size_t size, int64_t *ret_ms, const char **ret_why)
{
	static const char shape[] = "YYYY-MM-DDThh:mm:ss";
	*ret_why = "write it as 2026-11-24T13:31:01.123Z";
	if (!has_shape(text, size, shape)) {
		return false;
	}
	size_t pos = strlen(shape);
	int ms = 0;
	if (pos < size && text[pos] == '.') {
		int scale = 100;
		for (pos++; pos < size && text[pos] >= '0' && text[pos] <= '9'; pos++) {
			if (scale == 0) {
				*ret_why =
					"a date holds milliseconds, at most three digits after the seconds";
				return false;
			}
			ms += (text[pos] - '0') * scale;
			scale /= 10;
		}
		if (scale == 100) {
			return false;
		}
	}
	int zone = 0;
	if (!parse_zone(text + pos, size - pos, &zone)) {
		*ret_why = "it ends with its zone: Z, or hours and minutes such as +02:00";
		return false;
	}
	int year = number_at(text, shape, 'Y');
	int month = number_at(text, shape, 'M');
	int day = number_at(text, shape, 'D');
	int hour = number_at(text, shape, 'h');
	int minute = number_at(text, shape, 'm');
	int second = number_at(text, shape, 's');
	*ret_why = "no such day or time of day";
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
	    minute > 59 || second > 59) {
		return false;
	}
	int64_t seconds = (hour * 60 + minute - zone) * INT64_C(60) + second;
	*ret_ms = days_of(year, month, day) * day_ms + seconds * 1000 + ms;
	return true;
}
