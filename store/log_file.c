/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/disk.h"

#define SETS_MAX     32 /* tags and link types with open files; two files each */
#define NUMBER_MAX   1000000
#define NSEC_PER_SEC UINT64_C(1000000000)
#define FLUSH_BYTES  (512u << 10) /* of one file: written together */
#define WAITING_MAX  256	  /* sections of one file */
/* A buffer that one huge section has grown is given back. */
#define BUFFER_KEEP_BYTES (4u << 20)

struct waiting {
	struct section_row row;
	uint64_t connection;
	size_t end; /* in the buffer */
};

struct view_file {
	int fd;		/* -1: not begun */
	bool is_named;	/* its name is on the medium */
	bool is_torn;	/* half a section behind `bytes` could not be cut away */
	uint64_t bytes; /* written */
	struct pcapng_buffer buffer;
	size_t begun; /* where the section that is being appended begins */
	uint32_t count;
	struct waiting *waiting;
};

/* The files of one tag and link type: of both views, begun together. */
struct set {
	bool open;
	struct log_name name; /* side: changes */
	uint64_t span;	      /* of time, that it began in */
	uint64_t used; /* when it was last, to find the one that was not for the longest time */
	char folder[PATH_MAX];
	struct view_file view[2]; /* by enum side */
};

struct log_files {
	char dir[PATH_MAX];
	struct log_files_config config;
	uint64_t clock;
	int failed; /* first failure of a close */
	struct set sets[SETS_MAX];
};

static void path_of(const struct set *set, enum side side, const char *suffix, char out[PATH_MAX])
{
	struct log_name name = set->name;
	char text[LOG_NAME_MAX];

	name.side = side;
	log_name_make(&name, text);
	snprintf(out, PATH_MAX, "%.*s/%s%s", PATH_MAX - LOG_NAME_MAX - 16, set->folder, text,
		 suffix);
}

int log_files_open(struct log_files **out, const struct log_files_config *config)
{
	struct log_files *files;
	char logs[PATH_MAX];
	int result;

	if (snprintf(logs, sizeof(logs), "%s/logs", config->dir) >= (int)sizeof(logs) - 512)
		return -ENAMETOOLONG;
	result = disk_make_dir(config->dir);
	if (result == 0)
		result = disk_make_dir(logs);
	if (result < 0)
		return result;
	files = calloc(1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	strcpy(files->dir, logs);
	files->config = *config;
	for (uint32_t i = 0; i < SETS_MAX; i++)
		files->sets[i].view[0].fd = files->sets[i].view[1].fd = -1;
	*out = files;
	return 0;
}

static void note_failure(struct log_files *files, int error)
{
	if (error < 0 && !files->failed)
		files->failed = error;
}

static void tell(struct log_files *files, const struct set *set, enum side side,
		 const struct waiting *waiting, int error)
{
	struct log_name name = set->name;
	struct log_section section = { .file = &name,
				       .row = &waiting->row,
				       .connection = waiting->connection };

	name.side = side;
	if (error < 0)
		files->config.failed(files->config.context, &section, error);
	else
		files->config.written(files->config.context, &section);
}

/* Half a section would make all that follows unreadable; if it can't be cut, it is written over. */
static void cut_back(struct view_file *view)
{
	view->is_torn = disk_cut(view->fd, view->bytes) < 0;
}

/* One by one: so those that find room are kept. */
static void write_singly(struct log_files *files, struct set *set, enum side side)
{
	struct view_file *view = &set->view[side];
	size_t start = 0;

	for (uint32_t i = 0; i < view->count; i++) {
		struct waiting *waiting = &view->waiting[i];
		size_t bytes = waiting->end - start;
		int result = disk_write(view->fd, view->bytes, view->buffer.bytes + start, bytes);

		waiting->row.offset_bytes = view->bytes;
		if (result == 0 && files->config.sync == SYNC_DUMP)
			result = disk_sync(view->fd);
		if (result < 0)
			cut_back(view);
		else
			view->bytes += bytes;
		tell(files, set, side, waiting, result);
		start = waiting->end;
	}
}

static int sync_view(struct log_files *files, struct set *set, struct view_file *view)
{
	int result = disk_sync(view->fd);

	if (result == 0 && !view->is_named)
		result = disk_sync_dir(set->folder);
	view->is_named |= result == 0;
	return result;
}

static void flush_view(struct log_files *files, struct set *set, enum side side)
{
	struct view_file *view = &set->view[side];
	int result;

	if (view->count == 0)
		return;
	result = disk_write(view->fd, view->bytes, view->buffer.bytes, view->buffer.length);
	if (result == 0 && files->config.sync == SYNC_DUMP)
		result = sync_view(files, set, view);
	if (result < 0) {
		cut_back(view);
		write_singly(files, set, side);
	} else {
		view->bytes += view->buffer.length;
		for (uint32_t i = 0; i < view->count; i++)
			tell(files, set, side, &view->waiting[i], 0);
	}
	view->count = 0;
	pcapng_buffer_clear(&view->buffer);
	if (view->buffer.room > BUFFER_KEEP_BYTES)
		pcapng_buffer_dispose(&view->buffer);
}

/* Gives the file its name, but never that of a file that has come in the meantime. */
static void close_view(struct log_files *files, struct set *set, enum side side)
{
	struct view_file *view = &set->view[side];
	struct log_name name = set->name;
	char part[PATH_MAX], path[PATH_MAX];
	bool sync = files->config.sync != SYNC_NONE;
	int renamed;

	flush_view(files, set, side);
	path_of(set, side, LOG_NAME_PART, part);
	path_of(set, side, "", path);
	if (view->is_torn)
		note_failure(files, disk_cut(view->fd, view->bytes));
	if (sync)
		note_failure(files, disk_sync(view->fd));
	note_failure(files, disk_close(view->fd));
	view->fd = -1;
	if (view->bytes == 0) {
		note_failure(files, disk_remove(part));
		return;
	}
	name.side = side;
	renamed = disk_rename(part, path);
	if (renamed < 0) {
		note_failure(files, renamed); /* nothing is lost: it stays as .part */
		return;
	}
	if (sync)
		note_failure(files, disk_sync_dir(set->folder));
	files->config.completed(files->config.context, &name, view->bytes);
}

static void close_set(struct log_files *files, struct set *set)
{
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		struct view_file *view = &set->view[side];

		if (view->fd >= 0)
			close_view(files, set, side);
		pcapng_buffer_dispose(&view->buffer);
		free(view->waiting);
		*view = (struct view_file){ .fd = -1 };
	}
	set->open = false;
}

int log_files_close(struct log_files **files)
{
	struct log_files *f = *files;
	int failed;

	*files = NULL;
	if (!f)
		return 0;
	for (uint32_t i = 0; i < SETS_MAX; i++)
		if (f->sets[i].open)
			close_set(f, &f->sets[i]);
	failed = f->failed;
	free(f);
	return failed;
}

static bool any_file(const struct set *set)
{
	static const char *const suffixes[] = { "", LOG_NAME_PART, ".zst", ".zst" LOG_NAME_PART };

	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
			char path[PATH_MAX];

			path_of(set, side, suffixes[i], path);
			if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
				return true;
		}
	return false;
}

static uint64_t span_of(const struct log_files *files, uint64_t ns)
{
	return files->config.rotate_ns ? ns / files->config.rotate_ns : 0;
}

static int begin_set(struct log_files *files, struct set *set, const struct evlog_head *head)
{
	char tag[TAG_NAME_MAX];
	int result;

	memset(set, 0, sizeof(*set));
	set->view[0].fd = set->view[1].fd = -1;
	memcpy(set->name.tag, head->tag, LOG_TAG_MAX);
	set->name.linktype = head->linktype;
	set->name.start_s = head->dump_ts_ns / NSEC_PER_SEC;
	set->span = span_of(files, head->dump_ts_ns);
	log_name_tag(head->tag, tag);
	snprintf(set->folder, sizeof(set->folder), "%.*s/%s", PATH_MAX - 512, files->dir, tag);
	result = disk_make_dir(set->folder);
	if (result < 0)
		return result;
	for (set->name.number = 1; set->name.number < NUMBER_MAX; set->name.number++)
		if (!any_file(set)) {
			set->open = true;
			return 0;
		}
	return -EEXIST;
}

static int begin_view(struct set *set, enum side side)
{
	struct view_file *view = &set->view[side];
	char path[PATH_MAX];

	if (!view->waiting)
		view->waiting = malloc(WAITING_MAX * sizeof(*view->waiting));
	if (!view->waiting)
		return -ENOMEM;
	path_of(set, side, LOG_NAME_PART, path);
	view->fd = disk_create(path);
	return view->fd < 0 ? view->fd : 0;
}

static int find_set(struct log_files *files, const struct evlog_head *head, struct set **out)
{
	struct set *place = &files->sets[0];

	for (uint32_t i = 0; i < SETS_MAX; i++) {
		struct set *set = &files->sets[i];

		if (set->open && set->name.linktype == head->linktype &&
		    strncmp(set->name.tag, head->tag, LOG_TAG_MAX) == 0) {
			*out = set;
			if (span_of(files, head->dump_ts_ns) <= set->span)
				return 0;
			place = set;
			break;
		}
		if (place->open && (!set->open || set->used < place->used))
			place = set;
	}
	if (place->open)
		close_set(files, place);
	*out = place;
	return begin_set(files, place, head);
}

struct pcapng_buffer *log_files_begin(struct log_files *files, const struct evlog_head *head,
				      enum side side, int *error)
{
	struct set *set;
	struct view_file *view;

	*error = find_set(files, head, &set);
	if (*error < 0)
		return NULL;
	set->used = ++files->clock;
	view = &set->view[side];
	if (view->fd < 0) {
		*error = begin_view(set, side);
		if (*error < 0) {
			view->fd = -1;
			return NULL;
		}
	}
	view->begun = view->buffer.length;
	return &view->buffer;
}

/* The set of the section that was begun last. */
static struct set *current_set(struct log_files *files)
{
	for (uint32_t i = 0; i < SETS_MAX; i++)
		if (files->sets[i].open && files->sets[i].used == files->clock)
			return &files->sets[i];
	return NULL;
}

static bool is_full(const struct log_files *files, const struct set *set)
{
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (set->view[side].bytes + set->view[side].buffer.length >=
		    files->config.rotate_bytes)
			return true;
	return false;
}

void log_files_end(struct log_files *files, const struct evlog_head *head, enum side side,
		   const struct section_row *row)
{
	struct set *set = current_set(files);
	struct view_file *view = &set->view[side];
	struct waiting *waiting = &view->waiting[view->count];

	waiting->row = *row;
	waiting->row.offset_bytes = view->bytes + view->begun;
	waiting->connection = head->connection;
	waiting->end = view->buffer.length;
	if (view->buffer.no_memory) {
		/* What was whole before stays. */
		view->buffer.length = view->begun;
		view->buffer.no_memory = false;
		tell(files, set, side, waiting, -ENOMEM);
		return;
	}
	view->count++;
	if (view->buffer.length >= FLUSH_BYTES || view->count == WAITING_MAX)
		flush_view(files, set, side);
	/* Both views of a section go to files of one number. */
	if ((side == SIDE_SERVER || !head->records[SIDE_SERVER]) && is_full(files, set))
		close_set(files, set);
}

void log_files_flush(struct log_files *files)
{
	for (uint32_t i = 0; i < SETS_MAX; i++)
		for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
			if (files->sets[i].open)
				flush_view(files, &files->sets[i], side);
}

void log_files_tick(struct log_files *files, uint64_t now_ns)
{
	for (uint32_t i = 0; i < SETS_MAX; i++)
		if (files->sets[i].open && span_of(files, now_ns) > files->sets[i].span)
			close_set(files, &files->sets[i]);
}
