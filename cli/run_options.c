/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/run_options.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/control.h"
#include "cli/report.h"
#include "cli/retain_text.h"
#include "cli/rules_file.h"
#include "cli/values.h"

#define DEFAULT_DIR	 "bbtap.out"
#define RING_CHAINS	 65536
#define LOG_MEMORY_MIN	 (1u << 20) /* of each worker */
#define ROTATE_BYTES_MIN 4096
#define ROTATE_NS_MIN	 UINT64_C(1000000000)
#define COMPRESS_LEVEL	 3

volatile sig_atomic_t run_stop;

enum {
	KEY_NO_STORE = 0x100,
	KEY_JSON,
	KEY_CAPTURE,
	KEY_VIEW,
	KEY_CONNECTIONS,
	KEY_LOG_MEMORY,
	KEY_EVENTS,
	KEY_ROTATE,
	KEY_NO_CHECKSUMS,
	KEY_NO_MODELS,
	KEY_ROTATE_TIME,
	KEY_FSYNC,
	KEY_FLOW_LOG,
	KEY_COMPRESS,
	KEY_KEEP_SIZE,
	KEY_KEEP_AGE,
	KEY_KEEP_FREE,
	KEY_RETAIN,
};

static const struct argp_option options[] = {
	{ "output", 'o', "DIR", 0, "Write below DIR (default: " DEFAULT_DIR ")", 0 },
	{ "rules", 'c', "FILE", 0,
	  "Which connections are logged how (bbtap-rules(5)); default: all, in mode continual", 0 },
	{ "no-store", KEY_NO_STORE, NULL, 0, "Write nothing: track and count only", 0 },
	{ "workers", 'w', "N", 0, "Track in N threads (default: 1)", 0 },
	{ "view", KEY_VIEW, "VIEW", 0, "Whose log to write: server, client or both (default: both)",
	  0 },
	{ "capture", KEY_CAPTURE, "WHAT", 0,
	  "What to keep of each packet: headers, a number of payload bytes, or full "
	  "(default: headers)",
	  0 },
	{ "events", KEY_EVENTS, "N", 0, "Events of each endpoint that a log holds (default: 5000)",
	  0 },
	{ "connections", KEY_CONNECTIONS, "N", 0,
	  "Follow at most N connections at once (default: 1000000)", 0 },
	{ "log-memory", KEY_LOG_MEMORY, "SIZE", 0,
	  "Memory for all logs that are not written yet (default: 2G)", 0 },
	{ "rotate-size", KEY_ROTATE, "SIZE", 0,
	  "Begin another log file when one has this size (default: 1G)", 0 },
	{ "rotate-time", KEY_ROTATE_TIME, "TIME", 0,
	  "And when this span of time is over, counted from 00:00 UTC (default: 1h for record, 0 "
	  "for read: never)",
	  0 },
	{ "fsync", KEY_FSYNC, "WHEN", 0,
	  "When logs are on the medium for sure: none, rotate (when a file is complete; the "
	  "default), or "
	  "dump (before a section counts as written)",
	  0 },
	{ "flow-log", KEY_FLOW_LOG, "WHICH", 0,
	  "Which ended connections have a line in the flow log: all (default), logged, or none",
	  0 },
	{ "compress", KEY_COMPRESS, "LEVEL", OPTION_ARG_OPTIONAL,
	  "Compress complete log files with zstd, at level 1 to 19 (default: 3)", 0 },
	{ "keep-size", KEY_KEEP_SIZE, "SIZE", 0,
	  "Remove the oldest files when DIR would become larger", 1 },
	{ "keep-age", KEY_KEEP_AGE, "TIME", 0, "Remove files that are older, such as 7d", 1 },
	{ "keep-free", KEY_KEEP_FREE, "SIZE", 0,
	  "Remove the oldest files when less than this would be free on the file system", 1 },
	{ "retain", KEY_RETAIN, "TAG:LIMIT=N,...", 0,
	  "For the files of one tag: bytes=SIZE, age=TIME, priority=N (those with the lowest go "
	  "first; "
	  "default: 0). TAG may have * and ?; :connections is the flow log. May be given more than "
	  "once",
	  1 },
	{ "no-checksums", KEY_NO_CHECKSUMS, NULL, 0, "Do not check TCP checksums", 0 },
	{ "no-models", KEY_NO_MODELS, NULL, 0,
	  "Do not model senders: no causes of retransmissions, fewer RTT samples", 0 },
	{ "json", KEY_JSON, NULL, 0, "Print the report as JSON", 0 },
	{ "quiet", 'q', NULL, 0, "Print no report", 0 },
	{ 0 },
};

static const char *const fsync_words[] = {
	[SYNC_NONE] = "none", [SYNC_ROTATE] = "rotate", [SYNC_DUMP] = "dump", NULL
};
static const char *const flow_words[] = {
	[FLOWS_ALL] = "all", [FLOWS_LOGGED] = "logged", [FLOWS_NONE] = "none", NULL
};

static bool parse_word(const char *text, const char *const words[], uint64_t *index)
{
	for (*index = 0; words[*index]; ++*index)
		if (strcmp(words[*index], text) == 0)
			return true;
	return false;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct run_options *o = state->input;
	uint64_t number;

	switch (key) {
	case 'o':
		if (!*text)
			argp_error(state, "-o: an empty name is no directory");
		o->dir = text;
		o->dir_given = true;
		return 0;
	case 'c':
		o->rules_path = text;
		return 0;
	case KEY_NO_STORE:
		o->no_store = true;
		return 0;
	case 'w':
		if (!value_number(text, 1, PIPELINE_WORKERS_MAX, &number))
			argp_error(state, "--workers %s: a number from 1 to %d", text,
				   PIPELINE_WORKERS_MAX);
		o->workers = (uint32_t)number;
		return 0;
	case KEY_VIEW:
		if (!value_view(text, &o->tracker.policy.views))
			argp_error(state, "--view %s: server, client or both", text);
		return 0;
	case KEY_CAPTURE:
		if (!value_capture(text, &o->tracker.policy.capture_payload_bytes))
			argp_error(state, "--capture %s: headers, full, or a number up to %d", text,
				   EVLOG_CAPLEN_MAX);
		return 0;
	case KEY_EVENTS:
		if (!value_number(text, 1, 1000000, &number))
			argp_error(state, "--events %s: a number from 1 to 1000000", text);
		o->tracker.policy.limit = (uint32_t)number;
		return 0;
	case KEY_CONNECTIONS:
		if (!value_number(text, 64, (1 << 24) - 1, &number))
			argp_error(state, "--connections %s: a number from 64 to %d", text,
				   (1 << 24) - 1);
		o->tracker.connections_max = (uint32_t)number;
		o->connections_given = true;
		return 0;
	case KEY_LOG_MEMORY:
		if (!value_size(text, &number) || number < LOG_MEMORY_MIN || number >> 40)
			argp_error(state, "--log-memory %s: a size such as 512M or 2G, at least 1M",
				   text);
		o->tracker.log_memory_bytes = number;
		o->log_memory_given = true;
		return 0;
	case KEY_ROTATE:
		if (!value_size(text, &number) || number < ROTATE_BYTES_MIN)
			argp_error(state, "--rotate-size %s: a size such as 100M, at least 4K",
				   text);
		o->rotate_bytes = number;
		return 0;
	case KEY_ROTATE_TIME:
		if (!value_duration(text, &o->rotate_ns) ||
		    (o->rotate_ns && o->rotate_ns < ROTATE_NS_MIN))
			argp_error(state,
				   "--rotate-time %s: a time such as 15m or 1h, at least 1s; or 0",
				   text);
		return 0;
	case KEY_FSYNC:
		if (!parse_word(text, fsync_words, &number))
			argp_error(state, "--fsync %s: none, rotate or dump", text);
		o->sync = (enum store_sync)number;
		return 0;
	case KEY_FLOW_LOG:
		if (!parse_word(text, flow_words, &number))
			argp_error(state, "--flow-log %s: all, logged or none", text);
		o->flows = (enum flow_choice)number;
		return 0;
	case KEY_COMPRESS:
		number = COMPRESS_LEVEL;
		if (text && !value_number(text, 1, 19, &number))
			argp_error(state, "--compress=%s: a level from 1 to 19", text);
		o->compress_level = (int)number;
		return 0;
	case KEY_KEEP_SIZE:
		if (!value_size(text, &o->retention.bytes) || !o->retention.bytes)
			argp_error(state, "--keep-size %s: a size such as 100G", text);
		return 0;
	case KEY_KEEP_AGE:
		if (!value_duration(text, &o->retention.age_ns) || !o->retention.age_ns)
			argp_error(state, "--keep-age %s: a time such as 12h or 7d", text);
		return 0;
	case KEY_KEEP_FREE:
		if (!value_size(text, &o->retention.free_bytes) || !o->retention.free_bytes)
			argp_error(state, "--keep-free %s: a size such as 10G", text);
		return 0;
	case KEY_RETAIN: {
		char error[256];

		if (!retain_text_parse(text, &o->retention, error, sizeof(error)))
			argp_error(state, "--retain %s: %s", text, error);
		return 0;
	}
	case KEY_NO_CHECKSUMS:
		o->no_checksums = true;
		return 0;
	case KEY_NO_MODELS:
		o->tracker.no_models = true;
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case ARGP_KEY_END:
		if (o->tracker.log_memory_bytes / o->workers < LOG_MEMORY_MIN)
			argp_error(state, "--log-memory: at least 1M for each worker");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp run_options_argp = { .options = options, .parser = parse };

void run_options_init(struct run_options *o)
{
	*o = (struct run_options){
		.dir = DEFAULT_DIR, .workers = 1, .rotate_bytes = 1u << 30, .sync = SYNC_ROTATE
	};
	tracker_config_default(&o->tracker);
}

int run_options_load_rules(struct run_options *o)
{
	struct rules_messages messages;
	struct tracker_config *tracker = &o->tracker;

	if (!o->rules_path)
		return EXIT_DONE;
	o->rules = rules_file_load(o->rules_path, &tracker->policy, &messages);
	rules_file_complain(o->rules_path, &messages);
	rules_messages_dispose(&messages);
	if (!o->rules)
		return EXIT_USAGE;
	tracker->rules = o->rules;
	if (o->rules->connections_max && !o->connections_given)
		tracker->connections_max = o->rules->connections_max;
	if (o->rules->log_memory_bytes && !o->log_memory_given)
		tracker->log_memory_bytes = o->rules->log_memory_bytes;
	if (o->rules->ids_max)
		tracker->ids_max = o->rules->ids_max;
	if (o->rules->per_id_max)
		tracker->per_id_max = o->rules->per_id_max;
	return EXIT_DONE;
}

void run_options_dispose(struct run_options *o)
{
	rules_free(&o->rules);
}

uint32_t run_options_capture_bytes(const struct run_options *o)
{
	return o->rules ? rules_capture_bytes(o->rules) : o->tracker.policy.capture_payload_bytes;
}

static void on_signal(int signal_number)
{
	(void)signal_number;
	run_stop = 1;
}

void run_options_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void on_hangup(int signal_number)
{
	(void)signal_number;
	control_ask_reload();
}

/* Without a socket recording goes on, unless this very socket was asked for. */
static int open_control(struct run_options *o, struct store *store,
			const struct iface_table *ifaces, struct job_desk **desk,
			struct control **control)
{
	struct sigaction action = { .sa_handler = on_hangup, .sa_flags = SA_RESTART };
	struct timespec now;
	struct control_config config = {
		.path = o->socket ? o->socket : CONTROL_SOCKET,
		.rules_path = o->rules_path,
		.rules = &o->rules,
		.policy = &o->tracker.policy,
		.capture_bytes_max = run_options_capture_bytes(o),
		.store = store,
		.dir = o->dir,
		.ifaces = ifaces,
	};
	char error[512];

	clock_gettime(CLOCK_REALTIME, &now);
	config.started_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	sigaction(SIGHUP, &action, NULL);
	if (o->no_socket)
		config.path = NULL;
	*desk = config.desk = job_desk_open(o->workers);
	if (!*desk) {
		report_message("no memory");
		return -1;
	}
	if (control_open(control, &config, error, sizeof(error)) == 0)
		return 0;
	report_message(error);
	if (!o->socket) {
		config.path = NULL;
		if (control_open(control, &config, error, sizeof(error)) == 0)
			return 0;
	}
	job_desk_close(desk);
	return -1;
}

/* An earlier run had no time to end. */
static void tell_mended(void *context, const char *words)
{
	(void)context;
	report_message(words);
}

int run_options_run(struct run_options *o, struct pipeline_config *config,
		    const struct iface_table *ifaces)
{
	struct pipeline_stats stats;
	struct store *store = NULL;
	struct control *control = NULL;
	struct job_desk *desk = NULL;
	char error[512];
	int result, status = EXIT_DONE;

	if (!o->no_store) {
		struct store_config store_config = {
			.dir = o->dir,
			.version = BBTAP_VERSION,
			.ifaces = ifaces,
			.workers = o->workers,
			.ring_chains = RING_CHAINS,
			.rotate_bytes = o->rotate_bytes,
			.rotate_ns = o->rotate_ns,
			.sync = o->sync,
			.flows = o->flows,
			.compress_level = o->compress_level,
			.retention = o->retention,
			.live = !config->lossless,
			.tell = tell_mended,
		};

		if (store_open(&store, &store_config, error, sizeof(error)) < 0) {
			report_message(error);
			return EXIT_FAILED;
		}
	}
	if (!config->lossless && open_control(o, store, ifaces, &desk, &control) < 0) {
		if (store)
			store_finish(&store, NULL, NULL);
		return EXIT_FAILED;
	}
	config->desk = desk;
	config->store_ends = control_forget_store;
	config->store_ends_context = control;
	config->workers = o->workers;
	config->tracker = o->tracker;
	config->tracker.ifaces = ifaces;
	config->tracker.other_rules_later = !config->lossless && o->rules_path;
	config->check_checksums = !o->no_checksums;
	config->store = store;
	config->stop = &run_stop;
	config->error = report_message;
	result = pipeline_run(config, &stats, error, sizeof(error));
	control_close(&control);
	job_desk_close(&desk);
	report_progress_end();
	if (result < 0) {
		report_message(error);
		status = EXIT_FAILED;
	}
	if (stats.store.first_errno) {
		snprintf(error, sizeof(error), "%s: not everything could be written: %s", o->dir,
			 strerror(stats.store.first_errno));
		report_message(error);
		status = EXIT_FAILED;
	}
	if (result < 0)
		return status;
	if (stats.source_errors || !pipeline_stats_add_up(&stats))
		status = EXIT_FAILED;
	if (o->json)
		report_json(stdout, &stats, o->no_store ? NULL : o->dir);
	else if (!o->quiet)
		report_text(stdout, &stats, o->no_store ? NULL : o->dir);
	if (fflush(stdout) != 0)
		status = EXIT_FAILED;
	return status;
}
