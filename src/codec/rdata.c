/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/rdata.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	LABEL_MAX = 63,
	HOST_MAX = 253,  /* without the final dot */
	TXT_MAX = 65279, /* what fits in 65535 bytes as strings of 255, each with its length */
	TOKENS_MAX = 5,
};

/* Where the reason of a refusal goes. */
struct reason {
	char *text; /* borrowed; may be NULL */
	size_t size;
};

static int refuse(const struct reason *reason, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(const struct reason *reason, const char *fmt, ...)
{
	va_list args;

	if (reason->text && reason->size > 0) {
		va_start(args, fmt);
		(void)vsnprintf(reason->text, reason->size, fmt, args); /* cut is fine */
		va_end(args);
	}
	return -EINVAL;
}

/* A piece of the value. */
struct token {
	const char *text;
	size_t size;
};

/* Cuts at blanks and tabs; the last of max tokens is the rest of the value. Returns how many. */
static size_t split(const char *value, size_t size, struct token *tokens, size_t max)
{
	size_t count = 0;
	size_t at = 0;

	while (true) {
		size_t start;

		while (at < size && (value[at] == ' ' || value[at] == '\t')) {
			at++;
		}
		if (at == size) {
			return count;
		}
		start = at;
		while (at < size && ((value[at] != ' ' && value[at] != '\t') || count + 1 == max)) {
			at++;
		}
		tokens[count++] = (struct token){ value + start, at - start };
	}
}

/* A decimal number of at most max, no leading zeros. */
static bool is_number(const struct token *token, unsigned max)
{
	unsigned number = 0;

	if (token->size == 0 || token->size > 5 || (token->size > 1 && token->text[0] == '0')) {
		return false;
	}
	for (size_t i = 0; i < token->size; i++) {
		if (token->text[i] < '0' || token->text[i] > '9') {
			return false;
		}
		number = number * 10 + (unsigned)(token->text[i] - '0');
	}
	return number <= max;
}

static int check_address(int family, const char *value, size_t size, const struct reason *reason)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned char address[sizeof(struct in6_addr)];

	if (size < sizeof(text) && !memchr(value, '\0', size)) {
		memcpy(text, value, size);
		text[size] = '\0';
		if (inet_pton(family, text, address) == 1) {
			return 0;
		}
	}
	return family == AF_INET ? refuse(reason, "not an IPv4 address: it is like 192.0.2.10")
	                         : refuse(reason, "not an IPv6 address: it is like 2001:db8::10");
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_alnum(char byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static int check_label(const char *label, size_t size, bool underscore, const struct reason *reason)
{
	if (size == 0) {
		return refuse(reason,
		              "a label of the host name is empty: two dots, or one at its start");
	}
	if (size > LABEL_MAX) {
		return refuse(reason, "a label of the host name is over 63 bytes");
	}
	for (size_t i = 0; i < size; i++) {
		if (is_alnum(label[i]) || label[i] == '-' || (label[i] == '_' && underscore)) {
			continue;
		}
		if ((unsigned char)label[i] >= 0x80) {
			return refuse(reason,
			              "the host name is not ASCII: write it in its xn-- form");
		}
		if (label[i] <= ' ' || label[i] == 0x7F) {
			return refuse(reason, "a blank or control byte in the host name");
		}
		return refuse(reason, "'%c' in the host name: it has letters, digits and hyphens%s",
		              label[i], underscore ? " (and '_')" : "");
	}
	if (label[0] == '-' || label[size - 1] == '-') {
		return refuse(reason, "a label of the host name begins or ends with a hyphen");
	}
	return 0;
}

/* Labels and dots, a final dot allowed. */
static int check_name(const char *name, size_t size, bool underscore, const struct reason *reason)
{
	size_t start = 0;

	if (size > 0 && name[size - 1] == '.') {
		size--;
	}
	if (size == 0) {
		return refuse(reason, "the host name is missing");
	}
	if (size > HOST_MAX) {
		return refuse(reason, "the host name is over 253 bytes");
	}
	for (size_t i = 0; i <= size; i++) {
		int status;

		if (i < size && name[i] != '.') {
			continue;
		}
		status = check_label(name + start, i - start, underscore, reason);
		if (status != 0) {
			return status;
		}
		start = i + 1;
	}
	return 0;
}

/* A name that can be looked up: its last label is no number, or it would be read as an address. */
static int check_host(const char *name, size_t size, bool underscore, const struct reason *reason)
{
	int status = check_name(name, size, underscore, reason);
	size_t at = size;

	if (status != 0) {
		return status;
	}
	at -= name[size - 1] == '.' ? 1 : 0;
	while (at > 0 && is_digit(name[at - 1])) {
		at--;
	}
	return at > 0 && name[at - 1] != '.' ? 0
	                                     : refuse(reason, "an address or a number where a "
	                                                      "host name belongs");
}

int nv_rdata_host_check(const char *name, size_t size, bool underscore, char *ret_reason,
                        size_t reason_size)
{
	const struct reason reason = { ret_reason, reason_size };

	return check_name(name, size, underscore, &reason);
}

/* A host name, or "." for "no such service" (RFC 7505, RFC 2782). */
static int check_service_host(const struct token *token, const struct reason *reason)
{
	if (token->size == 1 && token->text[0] == '.') {
		return 0;
	}
	return check_host(token->text, token->size, false, reason);
}

static int check_alias(const char *value, size_t size, const struct reason *reason)
{
	/* Targets such as _x1.acm-validations.aws are everyday. */
	return check_host(value, size, true, reason);
}

static int check_ns(const char *value, size_t size, const struct reason *reason)
{
	return check_host(value, size, false, reason);
}

static int check_a(const char *value, size_t size, const struct reason *reason)
{
	return check_address(AF_INET, value, size, reason);
}

static int check_aaaa(const char *value, size_t size, const struct reason *reason)
{
	return check_address(AF_INET6, value, size, reason);
}

static int check_txt(const char *value, size_t size, const struct reason *reason)
{
	(void)value; /* any bytes */
	return size <= TXT_MAX
	               ? 0
	               : refuse(reason, "over %d bytes do not fit in a TXT record", TXT_MAX);
}

static int check_mx(const char *value, size_t size, const struct reason *reason)
{
	struct token tokens[TOKENS_MAX];
	size_t count = split(value, size, tokens, TOKENS_MAX);

	if (count == 1) {
		return check_service_host(&tokens[0], reason);
	}
	if (count != 2 || !is_number(&tokens[0], 65535)) {
		return refuse(reason, "not a mail exchanger: it is a host name, or a priority "
		                      "(0 to 65535) and a host name");
	}
	return check_service_host(&tokens[1], reason);
}

static int check_srv(const char *value, size_t size, const struct reason *reason)
{
	struct token tokens[TOKENS_MAX];
	size_t count = split(value, size, tokens, TOKENS_MAX);
	bool good = count == 3 || count == 4;

	for (size_t i = 0; good && i + 1 < count; i++) {
		good = is_number(&tokens[i], 65535);
	}
	if (!good) {
		return refuse(reason, "not a service: it is \"weight port target\" or \"priority "
		                      "weight port target\", numbers 0 to 65535");
	}
	return check_service_host(&tokens[count - 1], reason);
}

static bool token_is(const struct token *token, const char *text)
{
	return token->size == strlen(text) && strncasecmp(token->text, text, token->size) == 0;
}

static bool token_begins(const struct token *token, const char *text)
{
	return token->size > strlen(text) && strncasecmp(token->text, text, strlen(text)) == 0;
}

/* The CA of issue and issuewild: [host] [';' parameters]. */
static int check_issuer(const struct token *value, const struct reason *reason)
{
	const char *end = memchr(value->text, ';', value->size);
	struct token host = { value->text, end ? (size_t)(end - value->text) : value->size };

	while (host.size > 0 && host.text[host.size - 1] == ' ') {
		host.size--;
	}
	if (host.size == 0 && end) {
		return 0; /* ";" forbids every CA */
	}
	return check_host(host.text, host.size, false, reason);
}

static int check_caa(const char *value, size_t size, const struct reason *reason)
{
	struct token tokens[3];
	size_t count = split(value, size, tokens, 3);
	struct token *text = &tokens[2];

	if (count != 3 || !is_number(&tokens[0], 255)) {
		return refuse(reason,
		              "not a CAA record: it is \"flags tag value\" with flags 0 to 255, "
		              "like 0 issue \"letsencrypt.org\"");
	}
	for (size_t i = 0; i < tokens[1].size; i++) {
		if (!is_alnum(tokens[1].text[i])) {
			return refuse(reason, "the CAA tag has letters and digits only: issue, "
			                      "issuewild or iodef");
		}
	}
	while (text->text[text->size - 1] == ' ' || text->text[text->size - 1] == '\t') {
		text->size--;
	}
	if (text->text[0] == '"') {
		if (text->size < 2 || text->text[text->size - 1] != '"') {
			return refuse(
				reason,
				"the CAA value begins with a quote and does not end with one");
		}
		text->text++;
		text->size -= 2;
	}
	if (token_is(&tokens[1], "issue") || token_is(&tokens[1], "issuewild")) {
		return check_issuer(text, reason);
	}
	if (token_is(&tokens[1], "iodef") && !token_begins(text, "mailto:") &&
	    !token_begins(text, "http://") && !token_begins(text, "https://")) {
		return refuse(reason, "the value of iodef is a mailto:, http: or https: address");
	}
	return 0;
}

int nv_rdata_check(const char *type, const char *value, size_t size, char *ret_reason,
                   size_t reason_size)
{
	static const struct {
		const char *type;
		int (*check)(const char *value, size_t size, const struct reason *reason);
	} checks[] = {
		{ "A", check_a },     { "AAAA", check_aaaa }, { "CNAME", check_alias },
		{ "MX", check_mx },   { "TXT", check_txt },   { "NS", check_ns },
		{ "SRV", check_srv }, { "CAA", check_caa },   { "PTR", check_alias },
	};
	const struct reason reason = { ret_reason, reason_size };

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (strcasecmp(type, checks[i].type) == 0) {
			return checks[i].check(value, size, &reason);
		}
	}
	return -ENOTSUP;
}
