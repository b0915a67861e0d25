/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "capture/filter.h"
#include "cli/control_private.h"
#include "cli/control_store.h"
#include "cli/rules_file.h"
#include "store/flow_log.h"

#define WRITTEN_WAIT_NS (UINT64_C(10) * 1000000000)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void send_bytes(struct control *c, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (!c->gone && length) {
		ssize_t count = send(c->client->fd, at, length, MSG_NOSIGNAL);

		if (count > 0) {
			at += count;
			length -= (size_t)count;
		} else if (count < 0 && errno != EINTR) {
			c->gone = true; /* closed, or it took nothing for SEND_TIMEOUT_S */
		}
	}
}

static void flush_out(struct control *c)
{
	send_bytes(c, c->out, c->out_used);
	c->out_used = 0;
}

/* A JSON object as a line; takes it over. */
static void answer(struct control *c, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	size_t length = text ? strlen(text) : 0;

	json_decref(object);
	if (length + 1 > CONTROL_OUT_BYTES - c->out_used)
		flush_out(c);
	if (text && length + 1 <= CONTROL_OUT_BYTES) {
		memcpy(c->out + c->out_used, text, length);
		c->out_used += (uint32_t)length;
		c->out[c->out_used++] = '\n';
	}
	free(text);
}

static void refuse(struct control *c, const char *error)
{
	answer(c, json_pack("{s:b, s:s}", "ok", 0, "error", error));
}

void control_refuse(struct control *c, const char *error)
{
	c->gone = false;
	refuse(c, error);
	flush_out(c);
}

/* Sections with what is new for this client: a line that says how many bytes follow it, and these. */
static void show_events(struct control *c, const struct job_block *block)
{
	static const char *const views[2] = { "client", "server" };

	for (uint32_t i = 0; i < block->count; i++) {
		/* The block is this thread's until it goes back. */
		struct chunk *chain = (struct chunk *)&block->chunks[i];

		follow_session_take(c->client->follow, chain, block->begun_ns, c->config.ifaces,
				    c->sections);
		for (int side = 0; side < 2; side++) {
			const struct pcapng_buffer *section = &c->sections[side];

			if (section->no_memory)
				c->totals.failed++;
			if (section->length == 0 || section->no_memory)
				continue;
			answer(c, json_pack("{s:s, s:I}", "view", views[side], "pcapng",
					    (json_int_t)section->length));
			flush_out(c);
			send_bytes(c, section->bytes, section->length);
		}
		while (block->chunks[i].next)
			i++;
	}
}

static bool take_block(void *context, const struct job_block *block)
{
	struct control *c = context;

	job_totals_add(&c->totals, block);
	if (c->job.kind == JOB_EVENTS) {
		show_events(c, block);
		return !c->gone;
	}
	for (uint32_t i = 0; i < block->count; i++) {
		if (c->job.kind == JOB_IDS) {
			control_rows_add_id(c->ids, &block->rows[i]);
			continue;
		}
		if (CONTROL_OUT_BYTES - c->out_used < FLOW_LINE_MAX)
			flush_out(c);
		if (c->job.kind == JOB_SUMMARIES) {
			c->out_used += (uint32_t)flow_line_write(
				c->out + c->out_used, &block->summaries[i], NULL, c->config.ifaces);
			continue;
		}
		c->out_used += c->as_text ? control_row_text(&block->rows[i], c->out + c->out_used)
					  : control_row_json(&block->rows[i], c->out + c->out_used);
	}
	return !c->gone;
}

static int run_job(struct control *c)
{
	memset(&c->totals, 0, sizeof(c->totals));
	return job_desk_run(c->config.desk, &c->job, take_block, c);
}

/* A member of the request that is a string; empty if it is not there. False: it is none, or too long. */
static bool copy_text(struct control *c, const json_t *request, const char *name, char *out,
		      size_t bytes)
{
	const json_t *value = json_object_get(request, name);
	char error[128];

	memset(out, 0, bytes);
	if (!value)
		return true;
	if (json_is_string(value) && json_string_length(value) < bytes) {
		strncpy(out, json_string_value(value), bytes - 1);
		return true;
	}
	snprintf(error, sizeof(error), "%s: a string of at most %zu bytes", name, bytes - 1);
	refuse(c, error);
	return false;
}

static bool set_state(struct control *c, const json_t *request)
{
	char name[24];

	if (!copy_text(c, request, "state", name, sizeof(name)))
		return false;
	for (int i = TCPS_CLOSED; *name && i <= TCPS_TIME_WAIT; i++)
		if (strcasecmp(name, tcp_state_name((uint32_t)i)) == 0)
			c->job.state = i;
	if (*name && c->job.state < 0) {
		refuse(c, "state: one of CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, ESTABLISHED, "
			  "CLOSE_WAIT, FIN_WAIT_1, CLOSING, LAST_ACK, FIN_WAIT_2, TIME_WAIT");
		return false;
	}
	return true;
}

/* Which connections are meant. */
static bool set_conditions(struct control *c, const json_t *request)
{
	char filter[4096], error[512];

	if (!copy_text(c, request, "filter", filter, sizeof(filter)) ||
	    !copy_text(c, request, "id", c->job.id, sizeof(c->job.id)) ||
	    !copy_text(c, request, "tag", c->job.tag, sizeof(c->job.tag)) || !set_state(c, request))
		return false;
	if (!*filter)
		return true;
	c->job.filter = filter_make(filter, error, sizeof(error));
	if (!c->job.filter)
		refuse(c, error);
	return c->job.filter;
}

static void finish_count(struct control *c, const char *what, int result)
{
	if (result < 0)
		refuse(c, "the recorder is ending");
	else
		answer(c, json_pack("{s:b, s:I, s:I}", "ok", 1, what, (json_int_t)c->totals.done,
				    "failed", (json_int_t)c->totals.failed));
}

static void do_flows(struct control *c, const json_t *request)
{
	char format[8];

	if (!set_conditions(c, request) || !copy_text(c, request, "format", format, sizeof(format)))
		return;
	c->job.kind = strcmp(format, "line") == 0 ? JOB_SUMMARIES : JOB_FLOWS;
	c->as_text = strcmp(format, "text") == 0;
	if (c->as_text)
		c->out_used += control_row_titles(c->out + c->out_used);
	finish_count(c, "flows", run_job(c));
}

static void do_ids(struct control *c, const json_t *request)
{
	const char *id;
	json_t *row;
	int result;

	if (!set_conditions(c, request))
		return;
	c->job.kind = JOB_IDS;
	c->ids = json_object();
	result = run_job(c);
	json_object_foreach(c->ids, id, row) answer(c, json_incref(row));
	c->totals.done = json_object_size(c->ids);
	json_decref(c->ids);
	c->ids = NULL;
	finish_count(c, "ids", result);
}

static void do_stats(struct control *c, const json_t *request)
{
	(void)request;
	c->job.kind = JOB_STATS;
	json_t *stats;

	if (run_job(c) < 0) {
		refuse(c, "the recorder is ending");
		return;
	}
	stats = control_stats(&c->totals.counters, job_desk_sources(c->config.desk),
			      now_ns() - c->config.started_ns);
	pthread_mutex_lock(&c->store_lock);
	if (c->config.store)
		control_stats_add_store(stats, c->config.store, c->config.dir);
	pthread_mutex_unlock(&c->store_lock);
	answer(c, stats);
}

/*
 * An answer that says that logs were handed over is a promise: they are written. Returns false if that could
 * not be waited for; *failed is how many sections could not be.
 */
static bool wait_written(struct control *c, uint64_t failed_before, uint64_t *failed)
{
	struct store_counters counters = { 0 };
	bool written = true;

	pthread_mutex_lock(&c->store_lock);
	if (c->config.store) {
		written = store_wait_written(c->config.store, WRITTEN_WAIT_NS);
		store_get_counters(c->config.store, &counters);
	}
	pthread_mutex_unlock(&c->store_lock);
	*failed = counters.sections_failed > failed_before
			  ? counters.sections_failed - failed_before
			  : 0;
	return written;
}

static uint64_t sections_failed(struct control *c)
{
	struct store_counters counters = { 0 };

	pthread_mutex_lock(&c->store_lock);
	if (c->config.store)
		store_get_counters(c->config.store, &counters);
	pthread_mutex_unlock(&c->store_lock);
	return counters.sections_failed;
}

static void finish_dump(struct control *c, int result, uint64_t failed_before)
{
	uint64_t failed;
	bool written;

	if (result < 0) {
		refuse(c, "the recorder is ending");
		return;
	}
	written = wait_written(c, failed_before, &failed);
	answer(c, json_pack("{s:b, s:I, s:I, s:b, s:I}", "ok", 1, "dumped",
			    (json_int_t)c->totals.done, "failed", (json_int_t)c->totals.failed,
			    "written", (int)written, "sections_failed", (json_int_t)failed));
}

static void do_dump(struct control *c, const json_t *request)
{
	const json_t *filter = json_object_get(request, "filter");
	uint64_t failed_before;

	if (!set_conditions(c, request) ||
	    !copy_text(c, request, "reason", c->job.reason, sizeof(c->job.reason)))
		return;
	if (!*c->job.reason)
		strcpy(c->job.reason, "dump");
	/* An ID as it is reaches the logs that linger, too. */
	c->job.kind = c->job.id[0] && !filter && !c->job.tag[0] && c->job.state < 0 &&
				      !strpbrk(c->job.id, "*?[")
			      ? JOB_DUMP_ID
			      : JOB_DUMP;
	failed_before = sections_failed(c);
	finish_dump(c, run_job(c), failed_before);
}

static bool set_order(struct control *c, const json_t *set)
{
	struct log_order *order = &c->job.order;
	const json_t *mode = json_object_get(set, "mode"), *limit = json_object_get(set, "limit");
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)set, name,
			    value) if (strcmp(name, "mode") != 0 && strcmp(name, "limit") != 0 &&
				       strcmp(name, "tag") != 0 && strcmp(name, "id") != 0)
	{
		refuse(c, "set: mode, limit, tag and id can be set");
		return false;
	}
	if (!copy_text(c, set, "tag", c->job.order_tag, sizeof(c->job.order_tag)) ||
	    !copy_text(c, set, "id", c->job.order_id, sizeof(c->job.order_id)))
		return false;
	order->has_mode = mode != NULL;
	if (mode &&
	    (!json_is_string(mode) || !log_mode_parse(json_string_value(mode), &order->mode))) {
		refuse(c, "mode: " LOG_MODE_NAMES);
		return false;
	}
	order->has_limit = limit != NULL;
	if (limit && (!json_is_integer(limit) || json_integer_value(limit) < 1 ||
		      json_integer_value(limit) > 1000000)) {
		refuse(c, "limit: a number from 1 to 1000000");
		return false;
	}
	order->limit = (uint32_t)json_integer_value(limit);
	order->tag = json_object_get(set, "tag") ? c->job.order_tag : NULL;
	order->id = json_object_get(set, "id") ? c->job.order_id : NULL;
	return true;
}

static void do_set(struct control *c, const json_t *request)
{
	const json_t *set = json_object_get(request, "set");

	if (!set_conditions(c, request))
		return;
	if (!json_is_object(set) || json_object_size(set) == 0) {
		refuse(c, "set: an object with mode, limit, tag or id");
		return;
	}
	if (!set_order(c, set))
		return;
	c->job.kind = JOB_ORDER;
	finish_count(c, "changed", run_job(c));
}

static void do_clear(struct control *c, const json_t *request)
{
	if (!set_conditions(c, request))
		return;
	c->job.kind = JOB_ORDER;
	c->job.order = (struct log_order){ .has_mode = true, .mode = LOG_CLEAR };
	finish_count(c, "changed", run_job(c));
}

static json_t *messages_as_json(const struct rules_messages *messages)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < messages->count; i++)
		json_array_append_new(list,
				      json_pack("{s:i, s:s}", "line", (int)messages->items[i].line,
						"text", messages->items[i].text));
	return list;
}

/* Reads the file again; a bad one changes nothing. Returns the answer. */
json_t *control_reload(struct control *c)
{
	struct rules_messages messages;
	struct rules *rules, *old;
	json_t *result;

	if (!c->config.rules_path)
		return json_pack("{s:b, s:s}", "ok", 0, "error",
				 "the recorder was started without a rules file (-c FILE)");
	rules = rules_file_load(c->config.rules_path, c->config.policy, &messages);
	if (!rules) {
		fprintf(stderr, "bbtap: the rules are not changed:\n");
		rules_file_complain(c->config.rules_path, &messages);
		result = json_pack("{s:b, s:s, s:s, s:o}", "ok", 0, "error",
				   "the file has mistakes; the rules are not changed", "file",
				   c->config.rules_path, "mistakes", messages_as_json(&messages));
		rules_messages_dispose(&messages);
		return result;
	}
	rules_messages_dispose(&messages);
	memset(&c->job, 0, sizeof(c->job));
	c->job.kind = JOB_RULES;
	c->job.state = -1;
	c->job.rules = rules;
	if (run_job(c) < 0 || c->totals.failed) {
		/* Some worker may have them already: they stay until the end. */
		return json_pack("{s:b, s:s}", "ok", 0, "error",
				 c->totals.failed ? "too many different rules are in use"
						  : "the recorder is ending");
	}
	old = *c->config.rules;
	*c->config.rules = rules;
	rules_free(&old);
	result = json_pack("{s:b, s:I}", "ok", 1, "rules", (json_int_t)rules->count);
	if (rules_capture_bytes(rules) > c->config.capture_bytes_max)
		json_object_set_new(
			result, "warning",
			json_string("the new rules keep more of each packet than frames are "
				    "cut to since the start; a restart is needed for that"));
	fprintf(stderr, "bbtap: %s: %u rules\n", c->config.rules_path, rules->count);
	return result;
}

static void do_reload(struct control *c, const json_t *request)
{
	(void)request;
	answer(c, control_reload(c));
}

static void switch_all(struct control *c, bool disabled)
{
	c->job.kind = JOB_DISABLE;
	c->job.disabled = disabled;
	if (run_job(c) < 0)
		refuse(c, "the recorder is ending");
	else
		answer(c, json_pack("{s:b, s:b}", "ok", 1, "disabled", disabled));
}

static void do_disable(struct control *c, const json_t *request)
{
	(void)request;
	switch_all(c, true);
}

static void do_enable(struct control *c, const json_t *request)
{
	(void)request;
	switch_all(c, false);
}

void control_end_follow(struct control *c, struct client *client)
{
	if (!client->follow)
		return;
	filter_free(&c->job.filter);
	memset(&c->job, 0, sizeof(c->job));
	c->job.kind = JOB_FOLLOW;
	c->job.place = follow_session_job(client->follow)->place;
	if (run_job(c) == 0) {
		follow_session_close(&client->follow);
		return;
	}
	/* The recorder is ending: workers may look at the conditions until they have ended. */
	c->left[c->job.place] = client->follow;
	client->follow = NULL;
}

static uint32_t free_place(const struct control *c)
{
	uint32_t used = 0, place = 0;

	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->clients[i] && c->clients[i]->follow)
			used |= 1u << follow_session_job(c->clients[i]->follow)->place;
	while (used & 1u << place)
		place++;
	return place;
}

/* From now on; `events` then asks for what has come. */
static void do_follow(struct control *c, const json_t *request)
{
	struct follow_session *session;
	struct job *job;
	uint32_t place;

	if (!set_conditions(c, request))
		return;
	place = free_place(c);
	if (c->client->follow) {
		refuse(c, "follow: this connection follows already");
		return;
	}
	if (place >= FOLLOWERS_MAX) {
		refuse(c, "follow: there are 4 others who follow");
		return;
	}
	session = follow_session_open(place);
	if (!session) {
		refuse(c, "no memory");
		return;
	}
	/* The conditions are the session's from now on; workers look at them. */
	job = follow_session_job(session);
	job->filter = c->job.filter;
	job->state = c->job.state;
	memcpy(job->id, c->job.id, sizeof(job->id));
	memcpy(job->tag, c->job.tag, sizeof(job->tag));
	c->job.filter = NULL;
	c->job.kind = JOB_FOLLOW;
	c->job.place = place;
	c->job.followed = job;
	c->client->follow = session;
	if (run_job(c) < 0)
		refuse(c, "the recorder is ending");
	else
		answer(c, json_pack("{s:b}", "ok", 1));
}

static void do_events(struct control *c, const json_t *request)
{
	int result;

	(void)request;
	if (!c->client->follow) {
		refuse(c, "events: `follow` comes first, on the same connection");
		return;
	}
	c->job.kind = JOB_EVENTS;
	c->job.place = follow_session_job(c->client->follow)->place;
	result = run_job(c);
	if (result < 0)
		refuse(c, "the recorder is ending");
	else
		answer(c, json_pack("{s:b, s:I}", "ok", 1, "logs_missed",
				    (json_int_t)c->totals.failed));
}

static const struct request_kind {
	const char *name;
	void (*run)(struct control *c, const json_t *request);
	const char *members; /* that it knows, besides cmd */
} kinds[] = {
	{ "flows", do_flows, " filter id tag state format " },
	{ "ids", do_ids, " id " },
	{ "stats", do_stats, " " },
	{ "dump", do_dump, " filter id tag state reason " },
	{ "set", do_set, " filter id tag state set " },
	{ "clear", do_clear, " filter id tag state " },
	{ "reload", do_reload, " " },
	{ "disable", do_disable, " " },
	{ "enable", do_enable, " " },
	{ "follow", do_follow, " filter id tag state " },
	{ "events", do_events, " " },
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static const struct request_kind *kind_of(const char *name)
{
	for (size_t i = 0; name && i < KIND_COUNT; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static bool knows_members(struct control *c, const struct request_kind *kind, json_t *request)
{
	const char *name;
	json_t *value;

	json_object_foreach(request, name, value)
	{
		char word[32], error[200];

		snprintf(word, sizeof(word), " %.28s ", name);
		if (strcmp(name, "cmd") == 0 || strstr(kind->members, word))
			continue;
		snprintf(error, sizeof(error), "%s has no \"%.28s\"; it has:%s", kind->name, name,
			 kind->members);
		refuse(c, error);
		return false;
	}
	return true;
}

void control_request(struct control *c, const char *line, size_t length)
{
	json_error_t where;
	json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
	const struct request_kind *kind =
		kind_of(json_string_value(json_object_get(request, "cmd")));

	filter_free(&c->job.filter);
	memset(&c->job, 0, sizeof(c->job));
	c->job.state = -1;
	c->job.now_ns = now_ns();
	c->gone = c->as_text = false;
	if (!request) {
		char error[256];

		snprintf(error, sizeof(error), "no JSON: %.200s", where.text);
		refuse(c, error);
	} else if (!kind) {
		refuse(c, "cmd: flows, ids, stats, dump, set, clear, reload, disable, enable, "
			  "follow or events");
	} else if (knows_members(c, kind, request)) {
		kind->run(c, request);
	}
	json_decref(request);
	flush_out(c);
}
