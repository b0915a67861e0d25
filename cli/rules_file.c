/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/rules_file.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/filter.h"
#include "cli/trigger_text.h"
#include "cli/values.h"

#define SECOND_NS     UINT64_C(1000000000)
#define LIMIT_MAX     1000000
#define LINGER_MAX_NS (3600 * SECOND_NS)
#define AFTER_MAX     1000000

/* What a rule and the default have in common. */
#define ACTION_OPTIONS                                                                             \
	"id", "tag", "mode", "limit", "ratio", "view", "capture", "dump-on", "dump", "after",      \
		"rearm", "linger"

static const char *const limits_options[] = {
	"events-per-connection", "log-memory", "connections", "ids",
	"connections-per-id",	 "linger",     NULL
};
static const char *const default_options[] = { ACTION_OPTIONS, NULL };
static const char *const rule_options[] = { "match", "vlan", "tunnel",	     "iface",
					    "proto", "host", ACTION_OPTIONS, NULL };
static const char *const trace_point_options[] = { "count", "mode", NULL };

static const struct rules_words words = { {
	[SECTION_LIMITS] = limits_options,
	[SECTION_DEFAULT] = default_options,
	[SECTION_RULE] = rule_options,
	[SECTION_TRACE_POINT] = trace_point_options,
} };

/* Every value is read as text, so that we can say what would be right. */
#define TEXT(name) CFG_STR(name, NULL, CFGF_NONE)
#define ACTIONS                                                                                    \
	TEXT("id"), TEXT("tag"), TEXT("mode"), TEXT("limit"), TEXT("ratio"), TEXT("view"),         \
		TEXT("capture"), CFG_STR_LIST("dump-on", NULL, CFGF_NODEFAULT), TEXT("dump"),      \
		TEXT("after"), TEXT("rearm"), TEXT("linger")

/* A section while it is read. */
struct reading {
	struct rules *rules;
	struct rules_messages *messages;
	const struct rules_scan *scan;
	cfg_t *section;
	enum rules_section kind;
	uint32_t nth;
};

static void complain(const struct reading *r, const char *option, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void complain(const struct reading *r, const char *option, const char *format, ...)
{
	char text[360];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	rules_messages_add(r->messages, rules_scan_line(r->scan, r->kind, r->nth, option), "%s",
			   text);
}

/* NULL: it is not there. */
static const char *text_of(const struct reading *r, const char *option)
{
	return cfg_getstr(r->section, option);
}

static void read_text(const struct reading *r, const char *option, char *out, size_t bytes,
		      size_t useful)
{
	const char *text = text_of(r, option);

	if (!text)
		return;
	if (strlen(text) > useful || strlen(text) >= bytes) {
		complain(r, option, "%s = \"%.40s...\" is too long: at most %zu bytes", option,
			 text, useful);
		return;
	}
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < ' ') {
			complain(r, option, "%s has a control character in it", option);
			return;
		}
	memset(out, 0, bytes);
	strcpy(out, text);
}

static bool read_number(const struct reading *r, const char *option, uint64_t min, uint64_t max,
			uint64_t *out)
{
	const char *text = text_of(r, option);

	if (!text)
		return false;
	if (value_number(text, min, max, out))
		return true;
	complain(r, option, "%s = %s: a number from %llu to %llu", option, text,
		 (unsigned long long)min, (unsigned long long)max);
	return false;
}

static bool read_duration(const struct reading *r, const char *option, uint64_t max_ns,
			  uint64_t *out)
{
	const char *text = text_of(r, option);

	if (!text)
		return false;
	if (value_duration(text, out) && *out <= max_ns)
		return true;
	complain(r, option,
		 "%s = \"%s\": a time such as \"500ms\", \"60s\" or \"10m\", at most %llus", option,
		 text, (unsigned long long)(max_ns / SECOND_NS));
	return false;
}

static void read_mode(const struct reading *r, int8_t *mode)
{
	const char *text = text_of(r, "mode");
	int8_t read;

	if (!text)
		return;
	if (log_mode_parse(text, &read) && read != LOG_CLEAR)
		*mode = read;
	else
		complain(r, "mode",
			 "mode = %s: off, tail, head, head-auto, continual or tail-auto%s", text,
			 strcmp(text, "clear") == 0 ? "; clear is an order at run time" : "");
}

static void read_id(const struct reading *r, char id[RULE_TEXT_MAX])
{
	int wrong;

	read_text(r, "id", id, RULE_TEXT_MAX, RULE_TEXT_MAX - 1);
	wrong = rules_template_error(id);
	if (wrong >= 0)
		complain(r, "id",
			 "id = \"%s\": \"%.12s\" is none of {client}, {server}, {sport}, {dport}, "
			 "{vlan}, {tunnel}, {host}, {proto}, {iface}",
			 id, id + wrong);
}

static void read_dump_on(const struct reading *r, struct trigger_set *set)
{
	unsigned int count = cfg_size(r->section, "dump-on");

	for (unsigned int i = 0; i < count; i++) {
		const char *text = cfg_getnstr(r->section, "dump-on", i);
		struct trigger trigger;
		char error[300];

		if (!text || !trigger_parse(text, &trigger, error, sizeof(error)))
			complain(r, "dump-on", "dump-on: %s", text ? error : "an empty entry");
		else if (set->count >= TRIGGERS_MAX - TRACE_POINTS_MAX)
			complain(r, "dump-on", "dump-on: at most %d triggers",
				 TRIGGERS_MAX - TRACE_POINTS_MAX);
		else if (!trigger_set_add(set, &trigger))
			complain(r, "dump-on",
				 "dump-on: \"%s\" is the second of its kind; one is "
				 "possible",
				 text);
	}
}

static void read_actions(const struct reading *r, struct rule *rule)
{
	struct log_policy *policy = &rule->policy;
	struct trigger_set *set = &policy->triggers;
	const char *text;
	uint64_t number;
	bool own_triggers = cfg_size(r->section, "dump-on") > 0;

	read_id(r, rule->id);
	read_text(r, "tag", policy->tag, LOG_TAG_MAX, LOG_TAG_MAX - 1);
	read_mode(r, &policy->mode);
	if (read_number(r, "limit", 1, LIMIT_MAX, &number))
		policy->limit = (uint32_t)number;
	if (read_number(r, "ratio", 1, 1000000000, &number))
		rule->ratio = (uint32_t)number;
	text = text_of(r, "view");
	if (text) {
		policy->sender_view = strcmp(text, "sender") == 0;
		if (policy->sender_view)
			policy->views = VIEW_BOTH;
		else if (!value_view(text, &policy->views))
			complain(r, "view", "view = %s: server, client, sender or both", text);
	}
	text = text_of(r, "capture");
	if (text && !value_capture(text, &policy->capture_payload_bytes))
		complain(r, "capture", "capture = %s: headers, full, or a number of payload bytes",
			 text);
	if (own_triggers)
		*set = (struct trigger_set){ .group = set->group,
					     .after_events = set->after_events,
					     .rearm_ns = set->rearm_ns };
	read_dump_on(r, set);
	text = text_of(r, "dump");
	if (text) {
		set->group = strcmp(text, "id") == 0;
		if (!set->group && strcmp(text, "connection") != 0)
			complain(r, "dump", "dump = %s: connection or id", text);
	}
	if (read_number(r, "after", 0, AFTER_MAX, &number))
		set->after_events = (uint32_t)number;
	if (read_duration(r, "rearm", 24 * 3600 * SECOND_NS, &number))
		set->rearm_ns = number;
	if (read_duration(r, "linger", LINGER_MAX_NS, &number))
		policy->linger_ns = number;
	if (set->group && !*rule->id)
		complain(r, "dump", "dump = id, but there is no id");
	if (own_triggers && policy->mode == LOG_OFF)
		complain(r, "dump-on",
			 "mode = off logs nothing that dump-on could hand over; mode = tail does");
	policy->from_ratio = rule->ratio > 1 && !*rule->id;
}

static void read_limits(struct reading *r, cfg_t *file, struct log_policy *base)
{
	const char *text;
	uint64_t number;

	r->kind = SECTION_LIMITS;
	r->nth = 0;
	if (!cfg_size(file, "limits"))
		return;
	r->section = cfg_getsec(file, "limits");
	if (read_number(r, "events-per-connection", 1, LIMIT_MAX, &number))
		base->limit = (uint32_t)number;
	if (read_number(r, "connections", 64, (1 << 24) - 1, &number))
		r->rules->connections_max = (uint32_t)number;
	if (read_number(r, "ids", 1, 1 << 24, &number))
		r->rules->ids_max = (uint32_t)number;
	if (read_number(r, "connections-per-id", 1, 1 << 24, &number))
		r->rules->per_id_max = (uint32_t)number;
	if (read_duration(r, "linger", LINGER_MAX_NS, &number))
		base->linger_ns = number;
	text = text_of(r, "log-memory");
	if (text && (!value_size(text, &r->rules->log_memory_bytes) ||
		     r->rules->log_memory_bytes < 1 << 20 || r->rules->log_memory_bytes >> 40))
		complain(r, "log-memory",
			 "log-memory = \"%s\": a size such as \"512M\" or \"2G\", "
			 "at least 1M",
			 text);
}

static void read_trace_points(struct reading *r, cfg_t *file)
{
	unsigned int count = cfg_size(file, "tracepoint");

	r->kind = SECTION_TRACE_POINT;
	for (unsigned int i = 0; i < count; i++) {
		struct trace_point *point = &r->rules->trace_points[r->rules->trace_point_count];
		char error[300];
		uint64_t number = 1;

		r->nth = i;
		r->section = cfg_getnsec(file, "tracepoint", i);
		if (i >= TRACE_POINTS_MAX) {
			complain(r, NULL, "at most %d trace points", TRACE_POINTS_MAX);
			return;
		}
		*point = (struct trace_point){ .mode = LOG_CONTINUAL };
		if (!trigger_parse(cfg_title(r->section), &point->trigger, error, sizeof(error)))
			complain(r, NULL, "tracepoint: %s", error);
		read_mode(r, &point->mode);
		read_number(r, "count", 1, UINT32_MAX, &number);
		point->count = (uint32_t)number;
		atomic_init(&point->left, point->count);
		point->trigger.trace_point = (uint8_t)++r->rules->trace_point_count;
	}
}

static void read_default(struct reading *r, cfg_t *file, const struct log_policy *base)
{
	struct rule *fallback = &r->rules->fallback;

	fallback->policy = *base;
	fallback->ratio = 1;
	memset(fallback->policy.rule, 0, sizeof(fallback->policy.rule));
	strcpy(fallback->policy.rule, "default");
	r->kind = SECTION_DEFAULT;
	r->nth = 0;
	fallback->line = rules_scan_line(r->scan, SECTION_DEFAULT, 0, NULL);
	if (!cfg_size(file, "default"))
		return;
	r->section = cfg_getsec(file, "default");
	read_actions(r, fallback);
}

static bool takes_all(const struct rule *rule)
{
	return !rule->match && !rule->vlan[0] && !rule->tunnel[0] && !rule->iface[0] &&
	       !rule->proto[0] && !rule->host[0];
}

static void read_rule(struct reading *r, const struct log_policy *base, struct rule *rule)
{
	const char *title = cfg_title(r->section);
	char error[300];

	rule->policy = *base;
	rule->ratio = 1;
	rule->line = rules_scan_line(r->scan, SECTION_RULE, r->nth, NULL);
	if (strlen(title) >= RULE_NAME_MAX || strcmp(title, "default") == 0)
		complain(r, NULL, "rule \"%.40s\": a name of at most %d bytes, and not \"default\"",
			 title, RULE_NAME_MAX - 1);
	memset(rule->policy.rule, 0, sizeof(rule->policy.rule));
	snprintf(rule->policy.rule, sizeof(rule->policy.rule), "%s", title);
	read_text(r, "match", rule->match_text, sizeof(rule->match_text),
		  sizeof(rule->match_text) - 1);
	if (*rule->match_text) {
		rule->match = filter_make(rule->match_text, error, sizeof(error));
		if (!rule->match)
			complain(r, "match", "match: %s", error);
	}
	read_text(r, "vlan", rule->vlan, sizeof(rule->vlan), 9);
	if (*rule->vlan && strcmp(rule->vlan, "none") != 0 &&
	    rule->vlan[strspn(rule->vlan, "0123456789.")])
		complain(r, "vlan",
			 "vlan = \"%s\": \"100\", \"100.200\" (the outer one first), or "
			 "\"none\"",
			 rule->vlan);
	read_text(r, "tunnel", rule->tunnel, sizeof(rule->tunnel), sizeof(rule->tunnel) - 1);
	read_text(r, "iface", rule->iface, sizeof(rule->iface), sizeof(rule->iface) - 1);
	read_text(r, "proto", rule->proto, sizeof(rule->proto), sizeof(rule->proto) - 1);
	read_text(r, "host", rule->host, sizeof(rule->host), sizeof(rule->host) - 1);
	read_actions(r, rule);
}

static void read_rules(struct reading *r, cfg_t *file, const struct log_policy *base)
{
	struct rules *rules = r->rules;
	unsigned int count = cfg_size(file, "rule");
	const struct rule *all = NULL;

	r->kind = SECTION_RULE;
	if (count > RULES_MAX) {
		r->nth = RULES_MAX;
		complain(r, NULL, "at most %d rules", RULES_MAX);
		return;
	}
	rules->rules = calloc(count ? count : 1, sizeof(*rules->rules));
	if (!rules->rules) {
		complain(r, NULL, "no memory for %u rules", count);
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		struct rule *rule = &rules->rules[i];

		r->nth = i;
		r->section = cfg_getnsec(file, "rule", i);
		rules->count++;
		read_rule(r, base, rule);
		if (all)
			complain(r, NULL,
				 "rule \"%s\" is never reached: \"%s\" in line %u has no condition "
				 "and "
				 "takes everything",
				 rule->policy.rule, all->policy.rule, all->line);
		else if (takes_all(rule) && !*rule->match_text)
			all = rule;
	}
}

/* Trace points are looked at in all connections. */
static void add_trace_points(struct rules *rules, struct rule *rule)
{
	rule->policy.generation = rules->generation;
	for (uint32_t i = 0; i < rules->trace_point_count; i++)
		trigger_set_add(&rule->policy.triggers, &rules->trace_points[i].trigger);
}

/* libConfuse puts the environment in for ${NAME}; here a $ is a $. In memory of its own. */
static char *escape_dollars(const char *text)
{
	char *out = malloc(2 * strlen(text) + 1), *to = out;
	char quote = '\0';

	for (; out && *text; text++) {
		if (quote && *text == '\\' && text[1]) {
			*to++ = *text++;
		} else if (!quote && (*text == '"' || *text == '\'')) {
			quote = *text;
		} else if (quote == *text) {
			quote = '\0';
		} else if (*text == '$' && quote != '\'') {
			*to++ = '\\';
		}
		*to++ = *text;
	}
	if (out)
		*to = '\0';
	return out;
}

/* libConfuse hands its words over through a callback that knows only the section. */
static _Thread_local struct rules_messages *error_messages;

static void on_error(cfg_t *section, const char *format, va_list arguments)
{
	char text[300];

	vsnprintf(text, sizeof(text), format, arguments);
	rules_messages_add(error_messages, section ? (uint32_t)section->line : 0, "%s", text);
}

static void read_file(struct reading *r, cfg_t *file, const struct log_policy *base)
{
	struct log_policy begin = *base;

	read_limits(r, file, &begin);
	read_trace_points(r, file);
	read_default(r, file, &begin);
	read_rules(r, file, &begin);
	for (uint32_t i = 0; i < r->rules->count; i++)
		add_trace_points(r->rules, &r->rules->rules[i]);
	add_trace_points(r->rules, &r->rules->fallback);
}

static uint32_t next_generation(void)
{
	static atomic_uint_least32_t generation;

	return (uint32_t)atomic_fetch_add(&generation, 1) + 1;
}

static void parse(struct reading *r, char *text, const struct log_policy *base)
{
	cfg_opt_t limits[] = { TEXT("events-per-connection"),
			       TEXT("log-memory"),
			       TEXT("connections"),
			       TEXT("ids"),
			       TEXT("connections-per-id"),
			       TEXT("linger"),
			       CFG_END() };
	cfg_opt_t fallback[] = { ACTIONS, CFG_END() };
	cfg_opt_t rule[] = { TEXT("match"), TEXT("vlan"), TEXT("tunnel"), TEXT("iface"),
			     TEXT("proto"), TEXT("host"), ACTIONS,	  CFG_END() };
	cfg_opt_t trace_point[] = { TEXT("count"), TEXT("mode"), CFG_END() };
	cfg_opt_t options[] = { CFG_SEC("limits", limits, CFGF_NODEFAULT),
				CFG_SEC("default", fallback, CFGF_NODEFAULT),
				CFG_SEC("rule", rule, CFGF_MULTI | CFGF_TITLE),
				CFG_SEC("tracepoint", trace_point, CFGF_MULTI | CFGF_TITLE),
				CFG_END() };
	cfg_t *file = cfg_init(options, CFGF_NONE);
	char *escaped = escape_dollars(text);
	uint32_t told = r->messages->count;

	error_messages = r->messages;
	if (file && escaped) {
		cfg_set_error_function(file, on_error);
		if (cfg_parse_buf(file, escaped) == CFG_SUCCESS)
			read_file(r, file, base);
		else if (told)
			r->messages->count = told; /* it stumbled over what is told already */
		else if (r->messages->count == 0)
			rules_messages_add(r->messages, 0, "it can't be read");
	} else {
		rules_messages_add(r->messages, 0, "no memory");
	}
	free(escaped);
	cfg_free(file);
}

struct rules *rules_file_parse(const char *text, const struct log_policy *base,
			       struct rules_messages *messages)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	char *copy = malloc(strlen(text) + 2); /* one byte for the scan */
	struct rules_scan scan = { 0 };
	struct reading r = { .rules = rules, .messages = messages, .scan = &scan };

	*messages = (struct rules_messages){ 0 };
	if (!rules || !copy) {
		rules_messages_add(messages, 0, "no memory");
	} else {
		rules->generation = next_generation();
		strcpy(copy, text);
		rules_scan(&scan, copy, &words, messages);
		if (scan.no_memory)
			rules_messages_add(messages, 0, "no memory");
		else
			parse(&r, copy, base);
	}
	rules_scan_dispose(&scan);
	free(copy);
	rules_messages_sort(messages);
	if (messages->count)
		rules_free(&rules);
	return rules;
}

/* The text of a file, with a NUL behind it; NULL: the words are in messages. */
static char *read_whole(const char *path, struct rules_messages *messages)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = malloc(RULES_FILE_MAX + 1);
	size_t length = 0;

	if (in && text)
		length = fread(text, 1, RULES_FILE_MAX + 1, in);
	if (!text)
		rules_messages_add(messages, 0, "no memory");
	else if (!in || ferror(in))
		rules_messages_add(messages, 0, "can't be read: %s", strerror(errno));
	else if (length > RULES_FILE_MAX)
		rules_messages_add(messages, 0, "is larger than %u bytes", RULES_FILE_MAX);
	else if (memchr(text, '\0', length))
		rules_messages_add(messages, 0, "is no text: there is a NUL in it");
	if (in && in != stdin)
		fclose(in);
	if (messages->count) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}

struct rules *rules_file_load(const char *path, const struct log_policy *base,
			      struct rules_messages *messages)
{
	struct rules *rules;
	char *text;

	*messages = (struct rules_messages){ 0 };
	text = read_whole(path, messages);
	if (!text)
		return NULL;
	rules = rules_file_parse(text, base, messages);
	free(text);
	return rules;
}

void rules_file_complain(const char *path, const struct rules_messages *messages)
{
	for (uint32_t i = 0; i < messages->count; i++) {
		if (messages->items[i].line)
			fprintf(stderr, "%s:%u: %s\n", path, messages->items[i].line,
				messages->items[i].text);
		else
			fprintf(stderr, "%s: %s\n", path, messages->items[i].text);
	}
}
