/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "capture/filter.h"
#include "capture/source_live.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/report.h"
#include "cli/run_options.h"
#include "cli/values.h"

/* Headers of all layers that are decoded: tags, IP with options, TCP with options. */
#define ROTATE_NS	(UINT64_C(3600) * 1000000000)
#define SNAPLEN_HEADERS 256
#define SNAPLEN_MIN	96
#define NSEC_PER_SEC	UINT64_C(1000000000)

struct record_options {
	struct run_options run;
	const char *interfaces[PIPELINE_SOURCES_MAX];
	uint32_t interface_count;
	struct source_live_config live;
	bool snaplen_given;
	uint64_t duration_s;
	char *filter; /* all arguments, joined; NULL: none */
};

enum { KEY_PCAP = 0x200, KEY_XDP, KEY_DROP_OTHERS, KEY_DURATION, KEY_SOCKET };

static const struct argp_option own_options[] = {
	{ "interface", 'i', "IF", 0, "Record on this interface; more than once for several", 0 },
	{ "pcap", KEY_PCAP, NULL, 0, "Use libpcap, not AF_XDP", 0 },
	{ "xdp", KEY_XDP, "MODE", OPTION_ARG_OPTIONAL,
	  "Use AF_XDP also where it takes traffic away from the host itself, and no libpcap; with "
	  "MODE "
	  "(zero-copy, copy, generic) in this mode only",
	  0 },
	{ "snaplen", 's', "BYTES", 0,
	  "Take so many bytes of each frame (default: what --capture needs)", 0 },
	{ "drop-others", KEY_DROP_OTHERS, NULL, 0,
	  "AF_XDP: drop frames that are not TCP instead of passing them to the host", 0 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "Answer requests at PATH (default: " CONTROL_SOCKET "); none: at no socket", 0 },
	{ "duration", KEY_DURATION, "SECONDS", 0, "Stop after so long", 0 },
	{ 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct record_options *o = state->input;
	uint64_t number;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->run;
		return 0;
	case 'i':
		if (o->interface_count == PIPELINE_SOURCES_MAX)
			argp_error(state, "-i: at most %d interfaces", PIPELINE_SOURCES_MAX);
		o->interfaces[o->interface_count++] = text;
		return 0;
	case KEY_PCAP:
		o->live.force_pcap = true;
		return 0;
	case KEY_XDP:
		o->live.force_xdp = true;
		if (text && (o->live.mode = xsk_mode_of(text)) == XSK_ANY)
			argp_error(state, "--xdp=%s: zero-copy, copy or generic", text);
		return 0;
	case 's':
		if (!value_number(text, SNAPLEN_MIN, EVLOG_CAPLEN_MAX, &number))
			argp_error(state, "--snaplen %s: a number from %d to %d", text, SNAPLEN_MIN,
				   EVLOG_CAPLEN_MAX);
		o->live.snaplen_bytes = (uint32_t)number;
		o->snaplen_given = true;
		return 0;
	case KEY_DROP_OTHERS:
		o->live.drop_others = true;
		return 0;
	case KEY_SOCKET:
		o->run.no_socket = strcmp(text, "none") == 0;
		o->run.socket = o->run.no_socket ? NULL : text;
		return 0;
	case KEY_DURATION:
		if (!value_number(text, 1, 1000000000, &number))
			argp_error(state, "--duration %s: a number of seconds", text);
		o->duration_s = number;
		return 0;
	case ARGP_KEY_ARGS:
		o->filter = words_join((const char *const *)state->argv + state->next,
				       (size_t)(state->argc - state->next));
		return o->filter ? 0 : ENOMEM;
	case ARGP_KEY_END:
		if (o->interface_count == 0)
			argp_error(state, "which interface? (-i IF)");
		if (o->live.force_pcap && o->live.force_xdp)
			argp_error(state, "--pcap and --xdp: one or the other");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &run_options_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	.options = own_options,
	.parser = parse,
	.args_doc = "[FILTER]",
	.doc = "Records TCP connections live, on one or more interfaces that get a copy of the "
	       "traffic "
	       "(mirror ports, TAPs), until SIGINT or SIGTERM."
	       "\vAF_XDP is used where it can be had: zero-copy, copy or generic mode, whichever "
	       "works "
	       "first. It takes frames away from the host, so an interface that has an address, a "
	       "route "
	       "or a master is captured through libpcap instead, unless --xdp insists.\n\n"
	       "FILTER is a libpcap expression such as \"tcp port 443\", in one argument or "
	       "several, run on "
	       "the IP packet.",
	.children = children,
};

/* As much of each frame as the log will keep. */
static void choose_snaplen(struct record_options *o)
{
	uint32_t payload_bytes = run_options_capture_bytes(&o->run);

	if (o->snaplen_given || payload_bytes == CAPTURE_FULL)
		return;
	o->live.snaplen_bytes = SNAPLEN_HEADERS + payload_bytes;
}

static void say_ready(void *context)
{
	(void)context;
	fprintf(stderr, "bbtap: recording; Ctrl-C or SIGTERM ends it\n");
}

static int open_sources(struct record_options *o, struct source *sources[],
			struct iface_table *ifaces)
{
	for (uint32_t i = 0; i < o->interface_count; i++) {
		char notice[1024], error[1024];
		int result = source_live_open(&sources[i], o->interfaces[i], &o->live, ifaces,
					      notice, sizeof(notice), error, sizeof(error));

		if (notice[0])
			report_message(notice);
		if (result < 0) {
			report_message(error);
			return result;
		}
		report_message(sources[i]->description);
	}
	return 0;
}

static int record(struct record_options *o)
{
	static struct iface_table ifaces;
	struct source *sources[PIPELINE_SOURCES_MAX] = { NULL };
	struct bpf_program filter;
	struct pipeline_config config = { .sources = sources,
					  .source_count = o->interface_count,
					  .pin = true,
					  .ready = say_ready };
	char error[512];
	int status = EXIT_FAILED;

	if (o->filter && filter_compile(o->filter, &filter, error, sizeof(error)) < 0) {
		report_message(error);
		return EXIT_USAGE;
	}
	config.filter = o->filter ? &filter : NULL;
	choose_snaplen(o);
	/* Nobody outside may know which connections share a bucket. */
	if (getrandom(&config.hash_key, sizeof(config.hash_key), 0) != sizeof(config.hash_key)) {
		report_message("no random numbers to be had");
		return EXIT_FAILED;
	}
	run_options_catch_signals();
	if (open_sources(o, sources, &ifaces) == 0) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (o->duration_s)
			config.stop_at_ns = ((uint64_t)now.tv_sec + o->duration_s) * NSEC_PER_SEC +
					    (uint64_t)now.tv_nsec;
		status = run_options_run(&o->run, &config, &ifaces);
	}
	for (uint32_t i = 0; i < o->interface_count; i++)
		source_close(&sources[i]);
	if (o->filter)
		pcap_freecode(&filter);
	return status;
}

static int run(int argc, char **argv)
{
	struct record_options o = { .live = { .mode = XSK_ANY } };
	int status = EXIT_FAILED;

	run_options_init(&o.run);
	o.run.rotate_ns = ROTATE_NS;
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) == 0) {
		status = run_options_load_rules(&o.run);
		if (status == EXIT_DONE)
			status = record(&o);
	} else {
		report_message("no memory");
	}
	run_options_dispose(&o.run);
	free(o.filter);
	return status;
}

const struct command command_record = {
	.name = "record",
	.summary = "record connections live from mirror ports",
	.run = run,
};
