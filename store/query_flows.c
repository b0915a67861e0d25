/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/flow_log.h"
#include "store/query_db.h"

/* As catalog_db.c has them, behind the file's. */
#define FLOW_COLUMNS "f.name AS file_name, c.*"

struct flows_query {
	const struct query *query;
	bool (*flow)(void *context, const char *path, const struct flow_row *flow);
	bool (*sum)(void *context, const struct query_sum *sum);
	void *context;
	uint64_t handed_out;
};

static void find_path(const struct query *query, const char *name, char out[LOG_NAME_MAX + 32])
{
	char whole[4096 + 512];

	snprintf(out, LOG_NAME_MAX + 32, "connections/%s", name);
	snprintf(whole, sizeof(whole), "%.*s/%s", 4000, query->dir, out);
	if (access(whole, F_OK) < 0)
		strcat(out, LOG_NAME_PART);
}

static void take_sides(sqlite3_stmt *statement, int at, struct flow_row *row)
{
	for (int i = 0; i < 2; i++) {
		struct flow_row_side *side = &row->side[i];

		row->ip_version = query_db_address(statement, at + 2 * i, side->address);
		side->port = (uint16_t)query_db_number(statement, at + 1 + 2 * i);
		side->state = (uint8_t)query_db_number(statement, at + 4 + i);
		side->segments = query_db_number(statement, at + 6 + i);
		side->payload_bytes = query_db_number(statement, at + 8 + i);
		side->retransmitted_segments = (uint32_t)query_db_number(statement, at + 10 + i);
		side->out_of_order_segments = (uint32_t)query_db_number(statement, at + 12 + i);
		side->zero_windows = (uint32_t)query_db_number(statement, at + 14 + i);
		side->rtt_min_us = (uint32_t)query_db_number(statement, at + 16 + i);
		side->rtt_median_us = (uint32_t)query_db_number(statement, at + 18 + i);
		side->rtt_max_us = (uint32_t)query_db_number(statement, at + 20 + i);
		side->srtt_us = (uint32_t)query_db_number(statement, at + 22 + i);
	}
}

static bool on_flow(void *context, sqlite3_stmt *statement)
{
	struct flows_query *q = context;
	char name[LOG_NAME_MAX], path[LOG_NAME_MAX + 32];
	struct flow_row row = { 0 };

	query_db_text(statement, 0, name, sizeof(name));
	find_path(q->query, name, path);
	row.frame_bytes = query_db_number(statement, 2);
	row.line = (uint32_t)query_db_number(statement, 3);
	row.connection = query_db_number(statement, 4);
	row.first_ns = query_db_number(statement, 5);
	row.last_ns = query_db_number(statement, 6);
	row.start = (uint8_t)query_db_number(statement, 7);
	row.end_reason = (uint8_t)query_db_number(statement, 8);
	row.sections = (uint32_t)query_db_number(statement, 9);
	take_sides(statement, 10, &row);
	query_db_text(statement, 34, row.id, sizeof(row.id));
	query_db_text(statement, 35, row.tag, sizeof(row.tag));
	query_db_text(statement, 36, row.rule, sizeof(row.rule));
	query_db_text(statement, 37, row.proto, sizeof(row.proto));
	query_db_text(statement, 38, row.host, sizeof(row.host));
	q->handed_out++;
	return q->flow(q->context, path, &row) &&
	       (!q->query->limit || q->handed_out < q->query->limit);
}

/*
 * What a log was written for stands with the section, which may be in a file of an hour before that in which
 * the connection ended: they are gathered first.
 */
static int add_reason(struct query_db *db, const struct query *query)
{
	static const struct query_statement sections = {
		.columns = "s.local AS local, s.local_port AS local_port, s.foreign_ AS foreign_, "
			   "s.foreign_port AS foreign_port, s.first_ns AS first_ns, "
			   "s.last_ns AS last_ns",
		.from = "FROM h.sections s",
		.sorted = "reasons",
	};
	int result;

	if (!query->reason)
		return 0;
	query_db_and_match(db, "s.reason", query->reason);
	if (query->since_ns)
		query_db_and_number(db, "s.last_ns >= ?", query->since_ns);
	result = query_db_gather(db, &sections);
	if (result == 1)
		result = query_db_exec(db, "CREATE INDEX temp.reasons_local ON reasons(local, "
					   "local_port, foreign_, foreign_port)");
	if (result < 0)
		return result;
	query_db_and(db,
		     "EXISTS (SELECT 1 FROM temp.reasons r WHERE r.local = c.client AND "
		     "r.local_port = c.client_port AND r.foreign_ = c.server AND r.foreign_port = "
		     "c.server_port AND r.first_ns <= c.last_ns AND r.last_ns >= c.first_ns) OR "
		     "EXISTS (SELECT 1 FROM temp.reasons r WHERE r.local = c.server AND "
		     "r.local_port = c.server_port AND r.foreign_ = c.client AND r.foreign_port = "
		     "c.client_port AND r.first_ns <= c.last_ns AND r.last_ns >= c.first_ns)");
	return 0;
}

static int add_conditions(struct query_db *db, const struct query *query)
{
	int result = add_reason(db, query);

	if (result < 0)
		return result;
	/* For the hour as a whole first: of a late hour with nothing from before until, one look is enough. */
	if (query->since_ns) {
		query_db_and_number(db, "f.last_ns >= ?", query->since_ns);
		query_db_and_number(db, "c.last_ns >= ?", query->since_ns);
	}
	if (query->until_ns != UINT64_MAX) {
		query_db_and_number(db, "f.first_ns <= ?", query->until_ns);
		query_db_and_number(db, "c.first_ns <= ?", query->until_ns);
	}
	query_db_and_match(db, "c.id", query->id);
	query_db_and_match(db, "c.tag", query->tag);
	query_db_and_match(db, "c.rule", query->rule);
	if (query->state >= 0) {
		char sql[96];

		snprintf(sql, sizeof(sql), "c.client_state = %d OR c.server_state = %d",
			 query->state, query->state);
		query_db_and(db, sql);
	}
	query_db_and_ends(db, "c.client", "c.client_port", "c.server", "c.server_port");
	return 0;
}

static const char *way_in(const struct query *query)
{
	bool by_time = query->since_ns || query->until_ns != UINT64_MAX;

	/* The order is given: what SQLite estimates is far off for conditions with OR. */
	if (query->terms.net_count || (query->id && !strpbrk(query->id, "*?[")))
		return "FROM h.connections c CROSS JOIN h.flow_files f ON f.id = c.file";
	return by_time ? "FROM h.flow_files f CROSS JOIN h.connections c ON c.file = f.id"
		       : "FROM h.connections c JOIN h.flow_files f ON f.id = c.file";
}

int query_flows(const struct query *query,
		bool (*row)(void *context, const char *path, const struct flow_row *flow),
		void *context, char *error, size_t error_bytes)
{
	static const char *const keys[] = {
		[BY_TIME] = "first_ns",
		[BY_DURATION] = "last_ns - first_ns",
		[BY_BYTES] = "client_bytes + server_bytes",
		[BY_SEGMENTS] = "client_segments + server_segments",
		[BY_RETRANSMISSIONS] = "client_retransmitted + server_retransmitted",
		[BY_RTT] = "max(client_rtt_median, server_rtt_median)",
		[BY_EVENTS] = "sections",
	};
	struct flows_query q = { .query = query, .flow = row, .context = context };
	struct query_statement statement = {
		.columns = FLOW_COLUMNS,
		.from = way_in(query),
		.select = "*",
	};
	char order[256];
	struct query_db db;
	int result = query_db_open(&db, query, error, error_bytes);

	if (result < 0)
		return result;
	if (query->order == BY_TIME && !query->descending) {
		statement.tail = "ORDER BY c.first_ns, c.connection";
	} else {
		snprintf(order, sizeof(order), "ORDER BY %s %s, first_ns, connection LIMIT %lld",
			 keys[query->order], query->descending ? "DESC" : "",
			 query->limit ? (long long)query->limit : -1LL);
		statement.sorted = order;
	}
	result = add_conditions(&db, query);
	if (result == 0)
		result = query_db_run(&db, &statement, on_flow, &q);
	query_db_close(&db);
	return result;
}

static bool on_sum(void *context, sqlite3_stmt *statement)
{
	struct flows_query *q = context;
	struct query_sum sum = { 0 };
	uint64_t medians;

	query_db_text(statement, 0, sum.key, sizeof(sum.key));
	if (!*sum.key)
		strcpy(sum.key, "-");
	sum.connections = query_db_number(statement, 1);
	sum.segments = query_db_number(statement, 2);
	sum.payload_bytes = query_db_number(statement, 3);
	sum.retransmitted_segments = query_db_number(statement, 4);
	sum.zero_windows = query_db_number(statement, 5);
	sum.resets = query_db_number(statement, 6);
	sum.rtt_min_us = (uint32_t)query_db_number(statement, 7);
	medians = query_db_number(statement, 9);
	sum.rtt_median_us = medians ? (uint32_t)(query_db_number(statement, 8) / medians) : 0;
	sum.first_ns = query_db_number(statement, 10);
	sum.last_ns = query_db_number(statement, 11);
	q->handed_out++;
	return q->sum(q->context, &sum);
}

int query_sums(const struct query *query, enum query_group group,
	       bool (*row)(void *context, const struct query_sum *sum), void *context, char *error,
	       size_t error_bytes)
{
	static const char *const groups[] = {
		[GROUP_SERVER] = "endpoint(c.server, c.server_port)",
		[GROUP_CLIENT] = "endpoint(c.client, -1)",
		[GROUP_PREFIX] = "prefix(c.client)",
		[GROUP_RULE] = "c.rule",
	};
	static const char *const keys[] = {
		[BY_TIME] = "min(first_ns)",
		[BY_DURATION] = "max(last_ns) - min(first_ns)",
		[BY_BYTES] = "sum(bytes)",
		[BY_SEGMENTS] = "sum(segments)",
		[BY_RETRANSMISSIONS] = "sum(retransmitted)",
		[BY_RTT] = "sum(medians) / max(sum(with_median), 1)",
		[BY_EVENTS] = "sum(connections)",
	};
	struct flows_query q = { .query = query, .sum = row, .context = context };
	char columns[1536], order[256];
	struct query_statement statement = {
		.columns = columns,
		.from = way_in(query),
		.tail = "GROUP BY 1",
		.select = "key, sum(connections), sum(segments), sum(bytes), sum(retransmitted), "
			  "sum(zero_windows), sum(resets), min(rtt_min), sum(medians), "
			  "sum(with_median), min(first_ns), max(last_ns)",
		.sorted = order,
	};
	struct query_db db;
	int result = query_db_open(&db, query, error, error_bytes);

	if (result < 0)
		return result;
	snprintf(
		columns, sizeof(columns),
		"%s AS key, count(*) AS connections, "
		"sum(c.client_segments + c.server_segments) AS segments, "
		"sum(c.client_bytes + c.server_bytes) AS bytes, "
		"sum(c.client_retransmitted + c.server_retransmitted) AS retransmitted, "
		"sum(c.client_zero_windows + c.server_zero_windows) AS zero_windows, "
		"sum(c.end = %d) AS resets, min(nullif(c.client_rtt_min, 0)) AS rtt_min, "
		"sum(c.client_rtt_median) AS medians, sum(c.client_rtt_median > 0) AS with_median, "
		"min(c.first_ns) AS first_ns, max(c.last_ns) AS last_ns",
		groups[group], END_RESET);
	snprintf(order, sizeof(order), "GROUP BY key ORDER BY %s %s, key LIMIT %lld",
		 keys[query->order], query->descending ? "DESC" : "",
		 query->limit ? (long long)query->limit : -1LL);
	result = add_conditions(&db, query);
	if (result == 0)
		result = query_db_run(&db, &statement, on_sum, &q);
	query_db_close(&db);
	return result;
}

/* Connections are asked for as they began, and stand as they ended: so some frames are kept at hand. */
#define FRAMES_MAX	 64
#define FRAMES_BYTES_MAX (32u << 20)

struct frame_lines {
	char path[LOG_NAME_MAX + 32];
	uint64_t frame_bytes; /* where the frame begins */
	uint64_t used;	      /* 0: free */
	char *text;
	size_t length, room;
	uint32_t *starts; /* of its lines in text; one more than there are */
	uint32_t count, starts_room;
};

struct flow_lines {
	char dir[4096];
	uint64_t clock;
	struct frame_lines *reading;
	bool no_memory;
	struct frame_lines frames[FRAMES_MAX];
};

int flow_lines_open(struct flow_lines **out, const char *dir)
{
	struct flow_lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	snprintf(lines->dir, sizeof(lines->dir), "%s", dir);
	*out = lines;
	return 0;
}

static void free_frame(struct frame_lines *frame)
{
	free(frame->text);
	free(frame->starts);
	*frame = (struct frame_lines){ 0 };
}

void flow_lines_close(struct flow_lines **lines)
{
	for (uint32_t i = 0; *lines && i < FRAMES_MAX; i++)
		free_frame(&(*lines)->frames[i]);
	free(*lines);
	*lines = NULL;
}

static bool make_room(struct frame_lines *frame, size_t bytes)
{
	if (frame->length + bytes > frame->room) {
		size_t room = 2 * (frame->length + bytes);
		char *grown = realloc(frame->text, room);

		if (!grown)
			return false;
		frame->text = grown;
		frame->room = room;
	}
	if (frame->count + 2 > frame->starts_room) {
		uint32_t room = 2 * (frame->count + 2);
		uint32_t *grown = realloc(frame->starts, room * sizeof(*grown));

		if (!grown)
			return false;
		frame->starts = grown;
		frame->starts_room = room;
	}
	return true;
}

/* Keeps the lines of the one frame; stops behind it. */
static bool keep_line(void *context, uint64_t frame_bytes, uint32_t number, const char *line,
		      size_t bytes)
{
	struct flow_lines *lines = context;
	struct frame_lines *frame = lines->reading;

	(void)number;
	if (frame_bytes != frame->frame_bytes)
		return false;
	lines->no_memory = !make_room(frame, bytes);
	if (lines->no_memory)
		return false;
	memcpy(frame->text + frame->length, line, bytes);
	frame->starts[frame->count++] = (uint32_t)frame->length;
	frame->length += bytes;
	frame->starts[frame->count] = (uint32_t)frame->length;
	return true;
}

/* Makes room for one more: those that were not used for longest go. */
static struct frame_lines *free_place(struct flow_lines *lines)
{
	for (;;) {
		struct frame_lines *oldest = NULL, *free = NULL;
		size_t bytes = 0;

		for (uint32_t i = 0; i < FRAMES_MAX; i++) {
			struct frame_lines *frame = &lines->frames[i];

			bytes += frame->room;
			if (!frame->used)
				free = frame;
			else if (!oldest || frame->used < oldest->used)
				oldest = frame;
		}
		if (free && (bytes < FRAMES_BYTES_MAX || !oldest))
			return free;
		free_frame(oldest);
	}
}

static int read_frame(struct flow_lines *lines, const char *path, uint64_t frame_bytes,
		      struct frame_lines **out, char *error, size_t error_bytes)
{
	struct frame_lines *frame = free_place(lines);
	char whole[4096 + LOG_NAME_MAX + 64];
	uint64_t end;
	int result;

	snprintf(frame->path, sizeof(frame->path), "%s", path);
	snprintf(whole, sizeof(whole), "%s/%s", lines->dir, path);
	frame->frame_bytes = frame_bytes;
	lines->reading = frame;
	lines->no_memory = false;
	result = flow_log_scan(whole, frame_bytes, keep_line, lines, &end, error, error_bytes);
	if (result == 0 && lines->no_memory) {
		snprintf(error, error_bytes, "no memory");
		result = -ENOMEM;
	}
	if (result < 0)
		free_frame(frame);
	else
		frame->used = ++lines->clock;
	*out = frame;
	return result;
}

static struct frame_lines *find_frame(struct flow_lines *lines, const char *path,
				      uint64_t frame_bytes)
{
	for (uint32_t i = 0; i < FRAMES_MAX; i++) {
		struct frame_lines *frame = &lines->frames[i];

		if (frame->used && frame->frame_bytes == frame_bytes &&
		    strcmp(frame->path, path) == 0) {
			frame->used = ++lines->clock;
			return frame;
		}
	}
	return NULL;
}

int flow_lines_get(struct flow_lines *lines, const char *path, const struct flow_row *flow,
		   const char **line, size_t *bytes, char *error, size_t error_bytes)
{
	struct frame_lines *frame = find_frame(lines, path, flow->frame_bytes);

	if (!frame) {
		int result = read_frame(lines, path, flow->frame_bytes, &frame, error, error_bytes);

		if (result < 0)
			return result;
	}
	if (flow->line >= frame->count) {
		snprintf(error, error_bytes,
			 "%s: the line is not there: `bbtap reindex` mends that", path);
		return -EBADMSG;
	}
	*line = frame->text + frame->starts[flow->line];
	*bytes = frame->starts[flow->line + 1] - frame->starts[flow->line];
	return 0;
}
