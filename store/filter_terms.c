/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/filter_terms.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX  64
#define WORDS_MAX 256

struct words {
	char word[WORDS_MAX][WORD_MAX];
	size_t count;
};

/* Words, and parentheses and operators as words of their own. False: not a filter of the simple kind. */
static bool split(const char *text, struct words *out)
{
	out->count = 0;
	while (*text) {
		size_t length = 0;
		char *word = out->word[out->count];

		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			break;
		if (out->count == WORDS_MAX)
			return false;
		if (strchr("()!", *text)) {
			length = 1;
		} else if ((text[0] == '&' && text[1] == '&') ||
			   (text[0] == '|' && text[1] == '|')) {
			length = 2;
		} else {
			while (text[length] && !isspace((unsigned char)text[length]) &&
			       !strchr("()!&|", text[length]))
				length++;
			if (length == 0 || length >= WORD_MAX)
				return false;
		}
		memcpy(word, text, length);
		word[length] = '\0';
		out->count++;
		text += length;
	}
	return true;
}

static bool is(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || (b && strcmp(word, b) == 0);
}

static bool parse_address(const char *text, uint8_t *ip_version, uint8_t out[16])
{
	memset(out, 0, 16);
	*ip_version = strchr(text, ':') ? 6 : 4;
	return *ip_version == 6 ? inet_pton(AF_INET6, text, out) == 1
				: inet_pton(AF_INET, text, out + 12) == 1;
}

/* "10", "10.1" and "10.1.2" are networks for libpcap. */
static bool parse_short_net(const char *text, uint8_t out[16], int *bits)
{
	unsigned long part;
	char *end;

	memset(out, 0, 16);
	for (int i = 0; i < 4; i++) {
		if (!isdigit((unsigned char)*text))
			return false;
		part = strtoul(text, &end, 10);
		if (part > 255)
			return false;
		out[12 + i] = (uint8_t)part;
		*bits = 8 * (i + 1);
		if (!*end)
			return true;
		if (*end != '.')
			return false;
		text = end + 1;
	}
	return false;
}

static void add_net(struct query_terms *terms, uint8_t ip_version, const uint8_t address[16],
		    int bits)
{
	int skip = ip_version == 4 ? 96 : 0;
	uint8_t *first, *last;

	if (terms->net_count == QUERY_TERMS_MAX)
		return;
	first = terms->nets[terms->net_count].first;
	last = terms->nets[terms->net_count].last;
	terms->nets[terms->net_count++].ip_version = ip_version;
	memcpy(first, address, 16);
	memcpy(last, address, 16);
	for (int bit = skip + bits; bit < 128; bit++) {
		first[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
}

/* "net 10.0.0.0/8", "net 10", without "mask". */
static bool take_net(const char *text, struct query_terms *terms)
{
	char copy[WORD_MAX], *slash, *end;
	uint8_t ip_version, address[16];
	int bits;
	long length;

	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash) {
		*slash = '\0';
		length = strtol(slash + 1, &end, 10);
		if (!isdigit((unsigned char)slash[1]) || *end)
			return false;
		/* "10.1/16": the missing parts are 0. */
		if (!parse_address(copy, &ip_version, address)) {
			if (!parse_short_net(copy, address, &bits))
				return false;
			ip_version = 4;
		}
		if (length > (ip_version == 4 ? 32 : 128))
			return false;
		add_net(terms, ip_version, address, (int)length);
		return true;
	}
	if (strchr(copy, ':')) {
		if (!parse_address(copy, &ip_version, address))
			return false;
		add_net(terms, 6, address, 128);
		return true;
	}
	if (!parse_short_net(copy, address, &bits))
		return false;
	add_net(terms, 4, address, bits);
	return true;
}

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*port = (uint16_t)number;
	return isdigit((unsigned char)*text) && !*end && number <= UINT16_MAX;
}

static bool take_ports(const char *text, bool range, struct query_terms *terms)
{
	char copy[WORD_MAX], *dash;
	uint16_t first, last;

	strcpy(copy, text);
	dash = range ? strchr(copy, '-') : NULL;
	if (dash)
		*dash = '\0';
	if (!parse_port(copy, &first) || !parse_port(dash ? dash + 1 : copy, &last))
		return false;
	if (terms->port_count < QUERY_TERMS_MAX) {
		terms->ports[terms->port_count].first = first < last ? first : last;
		terms->ports[terms->port_count++].last = first < last ? last : first;
	}
	return true;
}

/* The words [from, to) are one primitive, if it is one that is understood. */
static void take_primitive(const struct words *words, size_t from, size_t to,
			   struct query_terms *terms)
{
	uint8_t ip_version, address[16];

	while (from < to &&
	       (is(words->word[from], "tcp", "ip") || is(words->word[from], "ip6", "src") ||
		is(words->word[from], "dst", NULL)))
		from++;
	if (from + 1 == to && parse_address(words->word[from], &ip_version, address)) {
		add_net(terms, ip_version, address, ip_version == 4 ? 32 : 128);
		return;
	}
	if (from + 2 != to)
		return;
	if (is(words->word[from], "host", NULL) &&
	    parse_address(words->word[from + 1], &ip_version, address))
		add_net(terms, ip_version, address, ip_version == 4 ? 32 : 128);
	else if (is(words->word[from], "net", NULL))
		take_net(words->word[from + 1], terms);
	else if (is(words->word[from], "port", NULL))
		take_ports(words->word[from + 1], false, terms);
	else if (is(words->word[from], "portrange", NULL))
		take_ports(words->word[from + 1], true, terms);
}

/*
 * The terms of the words [from, to). `and` and `or` have the same precedence in libpcap: an `or` anywhere on this level
 * and nothing is demanded. What a `not` stands in front of demands nothing either.
 */
static void take_terms(const struct words *words, size_t from, size_t to, struct query_terms *terms)
{
	size_t start = from;
	int depth = 0;

	for (size_t i = from; i < to; i++) {
		depth += is(words->word[i], "(", NULL);
		depth -= is(words->word[i], ")", NULL);
		if (depth < 0 || (depth == 0 && is(words->word[i], "or", "||")))
			return;
	}
	for (size_t i = from; i <= to; i++) {
		if (i < to) {
			depth += is(words->word[i], "(", NULL);
			depth -= is(words->word[i], ")", NULL);
			if (depth || !is(words->word[i], "and", "&&"))
				continue;
		}
		if (start < i && is(words->word[start], "(", NULL) &&
		    is(words->word[i - 1], ")", NULL))
			take_terms(words, start + 1, i - 1, terms);
		else if (start < i)
			take_primitive(words, start, i, terms);
		start = i + 1;
	}
}

void filter_terms(const char *expression, struct query_terms *out)
{
	struct words *words = malloc(sizeof(*words));

	memset(out, 0, sizeof(*out));
	if (words && expression && split(expression, words))
		take_terms(words, 0, words->count, out);
	free(words);
}
