/* SPDX-License-Identifier: BSD-2-Clause */
#include <argp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/filter.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/control_client.h"
#include "cli/event_view.h"
#include "cli/report.h"
#include "cli/values.h"
#include "store/flow_log.h"

/* What the table shows of one connection. */
struct flow {
	char first[32];
	char client[64], server[64];
	char end[16];
	uint64_t number;
	uint64_t duration_us;
	uint64_t segments[2], bytes[2];
	uint64_t retransmitted, out_of_order, zero_windows;
	uint64_t rtt_us[2]; /* smoothed; 0: none */
};

enum order { BY_START, BY_DURATION, BY_BYTES, BY_RETRANSMISSIONS };

struct flows_options {
	const char *dir; /* or NULL: the running recorder is asked */
	const char *socket, *id, *tag, *state;
	const char **words; /* the filter's */
	size_t word_count;
	bool json;
	enum order order;
	struct flow *flows;
	size_t count, room;
	bool no_memory;
};

enum { KEY_JSON = 0x100, KEY_SORT, KEY_SOCKET, KEY_ID, KEY_TAG, KEY_STATE };

static const struct argp_option own_options[] = {
	{ "json", KEY_JSON, NULL, 0, "Print JSON, one object a line", 0 },
	{ "id", KEY_ID, "ID", 0, "Of the recorder: with this ID; * and ? are wildcards", 0 },
	{ "tag", KEY_TAG, "TAG", 0, "Of the recorder: with this tag; wildcards too", 0 },
	{ "state", KEY_STATE, "STATE", 0,
	  "Of the recorder: with a side in this state (ESTABLISHED ...)", 0 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "The recorder's socket (default: $BBTAP_SOCKET, or " CONTROL_SOCKET ")", 0 },
	{ "sort", KEY_SORT, "BY", 0,
	  "Of a DIR: start, duration, bytes or retransmissions, the largest first (default: start, "
	  "the "
	  "earliest "
	  "first)",
	  0 },
	{ 0 },
};

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	static const char *const orders[] = { "start", "duration", "bytes", "retransmissions" };
	struct flows_options *o = state->input;

	switch (key) {
	case KEY_JSON:
		o->json = true;
		return 0;
	case KEY_SORT:
		for (int i = 0; i < 4; i++)
			if (strcmp(text, orders[i]) == 0) {
				o->order = (enum order)i;
				return 0;
			}
		argp_error(state, "--sort %s: start, duration, bytes or retransmissions", text);
		return 0;
	case ARGP_KEY_ARG:
		if (o->word_count == 0 && !o->dir && is_directory(text)) {
			o->dir = text;
			return 0;
		}
		if (o->dir)
			argp_error(state, "%s: one DIR, or a FILTER for the running recorder",
				   text);
		o->words[o->word_count++] = text;
		return 0;
	case KEY_SOCKET:
		o->socket = text;
		return 0;
	case KEY_ID:
		o->id = text;
		return 0;
	case KEY_TAG:
		o->tag = text;
		return 0;
	case KEY_STATE:
		o->state = text;
		return 0;
	case ARGP_KEY_END:
		if (o->dir && (o->id || o->tag || o->state || o->socket))
			argp_error(
				state,
				"--id, --tag, --state and --socket are for the running recorder, "
				"not for a DIR");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = own_options,
	.parser = parse,
	.args_doc = "DIR\n[FILTER]",
	.doc = "Lists the connections that the running recorder follows now; or those of which "
	       "`bbtap read` or `bbtap record` wrote logs below "
	       "DIR.\v"
	       "SEGMENTS and BYTES are client > server: what each sent, retransmissions included. "
	       "RETR "
	       "counts retransmitted segments, OOO segments that filled a hole, ZWIN closed "
	       "windows, of "
	       "both sides. RTT is the smoothed one from the tap to the server and to the client.",
};

static uint64_t number_of(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? (uint64_t)value : 0;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "?";
}

static void put_address(const json_t *side, char out[64])
{
	char address[48];

	plain_text(text_of(side, "address"), address, sizeof(address));
	snprintf(out, 64, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address,
		 (unsigned int)number_of(side, "port"));
}

static bool take_flow(void *context, json_t *object)
{
	struct flows_options *o = context;
	const json_t *sides[2] = { json_object_get(object, "client"),
				   json_object_get(object, "server") };
	struct flow *flow;

	if (o->json) {
		json_dumpf(object, stdout, JSON_COMPACT);
		putchar('\n');
		return true;
	}
	if (o->count == o->room) {
		size_t room = o->room ? 2 * o->room : 1024;
		struct flow *grown = realloc(o->flows, room * sizeof(*grown));

		if (!grown) {
			o->no_memory = true;
			return false;
		}
		o->flows = grown;
		o->room = room;
	}
	flow = &o->flows[o->count++];
	memset(flow, 0, sizeof(*flow));
	/* To the microsecond is enough for a table. */
	plain_text(text_of(object, "first"), flow->first, sizeof(flow->first));
	flow->first[strnlen(flow->first, 26)] = '\0';
	plain_text(text_of(object, "end"), flow->end, sizeof(flow->end));
	flow->number = number_of(object, "connection");
	flow->duration_us = number_of(object, "duration_us");
	put_address(sides[0], flow->client);
	put_address(sides[1], flow->server);
	for (int i = 0; i < 2; i++) {
		flow->segments[i] = number_of(sides[i], "segments");
		flow->bytes[i] = number_of(sides[i], "payload_bytes");
		flow->rtt_us[i] = number_of(sides[i], "srtt_us");
		flow->retransmitted += number_of(sides[i], "retransmitted_segments");
		flow->out_of_order += number_of(sides[i], "out_of_order_segments");
		flow->zero_windows += number_of(sides[i], "zero_windows");
	}
	return true;
}

static enum order sort_order;

static int compare(const void *a, const void *b)
{
	const struct flow *left = a, *right = b;
	uint64_t l = 0, r = 0;
	int order;

	switch (sort_order) {
	case BY_START:
		break;
	case BY_DURATION:
		l = left->duration_us, r = right->duration_us;
		break;
	case BY_BYTES:
		l = left->bytes[0] + left->bytes[1], r = right->bytes[0] + right->bytes[1];
		break;
	case BY_RETRANSMISSIONS:
		l = left->retransmitted, r = right->retransmitted;
		break;
	}
	if (l != r)
		return l < r ? 1 : -1;
	order = strcmp(left->first, right->first);
	return order ? order : (left->number > right->number) - (left->number < right->number);
}

static void put_duration(uint64_t us, char out[32])
{
	snprintf(out, 32, "%llu.%03llu s", (unsigned long long)(us / 1000000),
		 (unsigned long long)(us / 1000 % 1000));
}

static void put_rtt(uint64_t us, char out[32])
{
	if (us)
		snprintf(out, 32, "%llu.%03llu", (unsigned long long)(us / 1000),
			 (unsigned long long)(us % 1000));
	else
		strcpy(out, "-");
}

static int longest(const struct flows_options *o, size_t offset, const char *heading)
{
	size_t width = strlen(heading);

	for (size_t i = 0; i < o->count; i++) {
		size_t length = strlen((const char *)&o->flows[i] + offset);

		width = length > width ? length : width;
	}
	return (int)width;
}

static void print_table(const struct flows_options *o)
{
	int client = longest(o, offsetof(struct flow, client), "CLIENT");
	int server = longest(o, offsetof(struct flow, server), "SERVER");
	uint64_t segments = 0, bytes = 0, retransmitted = 0;
	char a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX], c[NUMBER_TEXT_MAX], d[NUMBER_TEXT_MAX];

	printf("%-26s  %13s  %-*s  %-*s  %-11s  %17s  %21s  %5s %4s %4s  %9s %9s\n", "FIRST (UTC)",
	       "DURATION", client, "CLIENT", server, "SERVER", "END", "SEGMENTS", "BYTES", "RETR",
	       "OOO", "ZWIN", "RTT>S ms", "RTT>C ms");
	for (size_t i = 0; i < o->count; i++) {
		const struct flow *flow = &o->flows[i];
		char duration[32], segment_pair[64], byte_pair[80], to_server[32], to_client[32];

		put_duration(flow->duration_us, duration);
		snprintf(segment_pair, sizeof(segment_pair), "%llu > %llu",
			 (unsigned long long)flow->segments[0],
			 (unsigned long long)flow->segments[1]);
		snprintf(byte_pair, sizeof(byte_pair), "%s > %s", bytes_text(flow->bytes[0], a),
			 bytes_text(flow->bytes[1], b));
		put_rtt(flow->rtt_us[0], to_server);
		put_rtt(flow->rtt_us[1], to_client);
		printf("%-26s  %13s  %-*s  %-*s  %-11s  %17s  %21s  %5llu %4llu %4llu  %9s %9s\n",
		       flow->first, duration, client, flow->client, server, flow->server, flow->end,
		       segment_pair, byte_pair, (unsigned long long)flow->retransmitted,
		       (unsigned long long)flow->out_of_order,
		       (unsigned long long)flow->zero_windows, to_server, to_client);
		segments += flow->segments[0] + flow->segments[1];
		bytes += flow->bytes[0] + flow->bytes[1];
		retransmitted += flow->retransmitted;
	}
	printf("%s connections, %s segments, %s, %s retransmissions\n", number_text(o->count, a),
	       number_text(segments, b), bytes_text(bytes, c), number_text(retransmitted, d));
}

/* One that is none may be a mistyped directory. */
static bool is_filter(const char *text)
{
	char error[512], message[1024];
	struct bpf_program *filter = filter_make(text, error, sizeof(error));
	bool is_one = filter;

	if (!is_one) {
		snprintf(message, sizeof(message), "%s: no such directory, and not a filter: %s", text,
			 error);
		report_message(message);
	}
	filter_free(&filter);
	return is_one;
}

/* What the running recorder follows now; it lays the table out. */
static int ask_recorder(const struct flows_options *o)
{
	json_t *request =
		json_pack("{s:s, s:s}", "cmd", "flows", "format", o->json ? "json" : "text");
	char *filter = o->word_count ? words_join(o->words, o->word_count) : NULL;

	if (filter && !is_filter(filter)) {
		free(filter);
		json_decref(request);
		return EXIT_USAGE;
	}
	if (filter)
		json_object_set_new(request, "filter", json_string(filter));
	if (o->id)
		json_object_set_new(request, "id", json_string(o->id));
	if (o->tag)
		json_object_set_new(request, "tag", json_string(o->tag));
	if (o->state)
		json_object_set_new(request, "state", json_string(o->state));
	free(filter);
	return control_client_ask(o->socket, request, NULL, NULL);
}

static int run(int argc, char **argv)
{
	struct flows_options o = { .words = calloc((size_t)argc + 1, sizeof(*o.words)) };
	char error[512];
	int status = EXIT_DONE;

	if (!o.words) {
		report_message("no memory");
		return EXIT_FAILED;
	}
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (!o.dir)
		status = ask_recorder(&o);
	free(o.words);
	if (!o.dir)
		return status;
	if (flow_log_read(o.dir, take_flow, &o, error, sizeof(error)) < 0) {
		report_message(error);
		status = EXIT_FAILED;
	}
	if (o.no_memory) {
		report_message("no memory for all connections: the table is not complete");
		status = EXIT_FAILED;
	}
	if (!o.json && (o.count || status == EXIT_DONE)) {
		sort_order = o.order;
		if (o.count)
			qsort(o.flows, o.count, sizeof(*o.flows), compare);
		print_table(&o);
	}
	free(o.flows);
	return fflush(stdout) == 0 ? status : EXIT_FAILED;
}

const struct command command_flows = {
	.name = "flows",
	.summary = "list connections with their counters",
	.run = run,
};
