/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/retention.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/disk.h"

#define AT_ONCE	     256
#define NSEC_PER_SEC UINT64_C(1000000000)
#define EMPTY_DIR_S  60

struct candidate {
	uint64_t start_s;
	uint64_t bytes;
	uint32_t class; /* index of its tag */
	uint32_t number;
	uint16_t linktype;
	uint8_t side;
	bool is_flow, compressed, gone;
};

/* The files of one tag, or of the flow log. */
struct class
{
	char tag[LOG_TAG_MAX];
	bool is_flow;
	const struct retention_rule *rule; /* or NULL */
	uint64_t bytes;
};

struct run {
	const struct retention_config *config;
	const char *dir;
	uint64_t now_ns;
	const struct retention_callbacks *callbacks;
	struct retention_result *result;
	struct candidate *files;
	size_t count, room;
	struct class *classes;
	uint32_t class_count, class_room;
	uint64_t total_bytes; /* of all that is below DIR */
};

static bool grow(void **items, size_t count, size_t *room, size_t bytes)
{
	void *grown;

	if (count < *room)
		return true;
	*room = *room ? 2 * *room : 64;
	grown = realloc(*items, *room * bytes);
	if (grown)
		*items = grown;
	return grown;
}

static bool add_class(struct run *run, const char *tag, bool is_flow)
{
	size_t room = run->class_room;
	struct class *class;

	if (!grow((void **)&run->classes, run->class_count, &room, sizeof(*run->classes)))
		return false;
	run->class_room = (uint32_t)room;
	class = &run->classes[run->class_count++];
	*class = (struct class){ .is_flow = is_flow };
	snprintf(class->tag, sizeof(class->tag), "%s", tag);
	for (uint32_t i = 0; i < run->config->rule_count && !class->rule; i++) {
		const struct retention_rule *rule = &run->config->rules[i];
		bool for_flows = strcmp(rule->tag, RETENTION_FLOW_LOG) == 0;

		if (is_flow ? for_flows
			    : !for_flows && fnmatch(rule->tag, *tag ? tag : "UNKNOWN", 0) == 0)
			class->rule = rule;
	}
	return true;
}

static int add_file(struct run *run, const char *folder, const char *text)
{
	struct class *class = &run->classes[run->class_count - 1];
	struct candidate file = { .class = run->class_count - 1, .is_flow = class->is_flow };
	char path[PATH_MAX];
	struct stat status;
	struct log_name log;
	struct flow_name flow;
	bool open;

	if (class->is_flow ? !flow_name_parse(text, &flow) : !log_name_parse(text, &log))
		return 0;
	snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 300, folder, text);
	if (lstat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return 0;
	/* What it takes, not how long it is: files may have holes. */
	file.bytes = (uint64_t)status.st_blocks * 512;
	run->total_bytes += file.bytes;
	class->bytes += file.bytes;
	open = class->is_flow ? flow.part : log.part;
	if (open)
		return 0;
	if (class->is_flow) {
		file.start_s = flow.hour * 3600;
		file.number = flow.number;
	} else {
		file.start_s = log.start_s;
		file.number = log.number;
		file.linktype = log.linktype;
		file.side = (uint8_t)log.side;
		file.compressed = log.compressed;
	}
	if (!grow((void **)&run->files, run->count, &run->room, sizeof(*run->files)))
		return -ENOMEM;
	run->files[run->count++] = file;
	return 0;
}

static int each(struct run *run, const char *folder,
		int (*one)(struct run *run, const char *folder, const char *name))
{
	DIR *stream = opendir(folder);
	struct dirent *entry;
	int result = 0;

	if (!stream)
		return errno == ENOENT ? 0 : -errno;
	while (result == 0 && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			result = one(run, folder, entry->d_name);
	closedir(stream);
	return result;
}

static int add_tag(struct run *run, const char *folder, const char *name)
{
	char path[PATH_MAX], tag[LOG_TAG_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%.*s/%.255s", PATH_MAX - 300, folder, name);
	if (!log_name_tag_decode(name, strlen(name), tag) || lstat(path, &status) < 0 ||
	    !S_ISDIR(status.st_mode))
		return 0;
	if (!add_class(run, tag, false))
		return -ENOMEM;
	return each(run, path, add_file);
}

static int add_catalog(struct run *run, const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%.*s/%.255s", PATH_MAX - 300, folder, name);
	if (lstat(path, &status) == 0 && S_ISREG(status.st_mode))
		run->total_bytes += (uint64_t)status.st_blocks * 512;
	return 0;
}

static int look(struct run *run)
{
	char folder[PATH_MAX];
	int result;

	snprintf(folder, sizeof(folder), "%.*s/logs", PATH_MAX - 64, run->dir);
	result = each(run, folder, add_tag);
	if (result < 0)
		return result;
	if (!add_class(run, "", true))
		return -ENOMEM;
	snprintf(folder, sizeof(folder), "%.*s/connections", PATH_MAX - 64, run->dir);
	result = each(run, folder, add_file);
	if (result < 0)
		return result;
	snprintf(folder, sizeof(folder), "%.*s/catalog", PATH_MAX - 64, run->dir);
	return each(run, folder, add_catalog);
}

static const struct run *sorted_run; /* qsort(3) has no context; the caller is one thread */

static int priority_of(const struct candidate *file)
{
	const struct retention_rule *rule = sorted_run->classes[file->class].rule;

	return rule ? rule->priority : 0;
}

static int by_age(const void *a, const void *b)
{
	const struct candidate *l = a, *r = b;

	if (l->start_s != r->start_s)
		return l->start_s < r->start_s ? -1 : 1;
	if (l->class != r->class)
		return l->class < r->class ? -1 : 1;
	return (l->number > r->number) - (l->number < r->number);
}

static int by_priority(const void *a, const void *b)
{
	int l = priority_of(a), r = priority_of(b);

	return l != r ? (l > r) - (l < r) : by_age(a, b);
}

static void path_of(const struct run *run, const struct candidate *file, struct log_name *log,
		    struct flow_name *flow, char out[PATH_MAX])
{
	const struct class *class = &run->classes[file->class];
	char name[LOG_NAME_MAX], tag[TAG_NAME_MAX];

	if (file->is_flow) {
		*flow = (struct flow_name){ .hour = file->start_s / 3600, .number = file->number };
		flow_name_make(flow, name);
		snprintf(out, PATH_MAX, "%.*s/connections/%s", PATH_MAX - 512, run->dir, name);
		return;
	}
	*log = (struct log_name){ .start_s = file->start_s,
				  .number = file->number,
				  .side = file->side,
				  .linktype = file->linktype,
				  .compressed = file->compressed };
	memcpy(log->tag, class->tag, sizeof(log->tag));
	log_name_tag(class->tag, tag);
	log_name_make(log, name);
	snprintf(out, PATH_MAX, "%.*s/logs/%s/%s%s", PATH_MAX - 512, run->dir, tag, name,
		 file->compressed ? ".zst" : "");
}

/* False: it stays. */
static bool remove_file(struct run *run, struct candidate *file)
{
	char path[PATH_MAX];
	struct log_name log;
	struct flow_name flow;
	int fd, removed;

	path_of(run, file, &log, &flow, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		run->result->busy++;
		return false;
	}
	removed = disk_remove(path);
	if (fd >= 0)
		close(fd);
	if (removed < 0 && removed != -ENOENT) {
		run->result->failed++;
		return false;
	}
	file->gone = true;
	run->total_bytes -= file->bytes;
	run->classes[file->class].bytes -= file->bytes;
	run->result->files++;
	run->result->bytes += file->bytes;
	if (file->is_flow)
		run->callbacks->flow_removed(run->callbacks->context, &flow, file->bytes);
	else
		run->callbacks->log_removed(run->callbacks->context, &log, file->bytes);
	return true;
}

static bool is_too_old(const struct run *run, const struct candidate *file)
{
	const struct retention_rule *rule = run->classes[file->class].rule;
	uint64_t age_ns = rule && rule->age_ns ? rule->age_ns : run->config->age_ns;
	uint64_t start_ns = file->start_s * NSEC_PER_SEC;

	return age_ns && run->now_ns > start_ns && run->now_ns - start_ns > age_ns;
}

static bool tag_is_too_large(const struct run *run, const struct candidate *file)
{
	const struct class *class = &run->classes[file->class];

	return class->rule && class->rule->bytes && class->bytes > class->rule->bytes;
}

/* By how much there is too much of all. */
static uint64_t excess(const struct run *run, uint64_t margin_bytes)
{
	const struct retention_config *config = run->config;
	uint64_t over = 0, need = config->free_bytes + margin_bytes, there;
	struct statvfs fs;

	if (config->bytes && run->total_bytes + margin_bytes > config->bytes)
		over = run->total_bytes + margin_bytes - config->bytes;
	if (!config->free_bytes || statvfs(run->dir, &fs) < 0)
		return over;
	there = (uint64_t)fs.f_bavail * fs.f_frsize;
	return there < need && need - there > over ? need - there : over;
}

static void remove_old(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		if (run->result->files == AT_ONCE) {
			run->result->more = true;
			return;
		}
		if (is_too_old(run, &run->files[i]) || tag_is_too_large(run, &run->files[i]))
			remove_file(run, &run->files[i]);
	}
}

static void remove_excess(struct run *run, uint64_t margin_bytes)
{
	uint64_t over = excess(run, margin_bytes);

	sorted_run = run;
	if (over && run->count)
		qsort(run->files, run->count, sizeof(*run->files), by_priority);
	for (size_t i = 0; i < run->count && over; i++) {
		struct candidate *file = &run->files[i];

		if (file->gone)
			continue;
		if (run->result->files >= AT_ONCE) {
			run->result->more = true;
			return;
		}
		if (remove_file(run, file))
			over = file->bytes < over ? over - file->bytes : 0;
	}
	run->result->out_of_reach = over > 0;
}

static void remove_empty_tags(const struct run *run)
{
	for (uint32_t i = 0; i < run->class_count; i++) {
		char tag[TAG_NAME_MAX], path[PATH_MAX];
		struct stat status;

		if (run->classes[i].is_flow || run->classes[i].bytes)
			continue;
		log_name_tag(run->classes[i].tag, tag);
		snprintf(path, sizeof(path), "%.*s/logs/%s", PATH_MAX - 512, run->dir, tag);
		/* One that was just made is about to be used. rmdir(2) takes empty ones only. */
		if (lstat(path, &status) == 0 &&
		    (uint64_t)status.st_mtime + EMPTY_DIR_S < run->now_ns / NSEC_PER_SEC)
			rmdir(path);
	}
}

int retention_run(const struct retention_config *config, const char *dir, uint64_t now_ns,
		  uint64_t margin_bytes, const struct retention_callbacks *callbacks,
		  struct retention_result *result)
{
	struct run run = { .config = config,
			   .dir = dir,
			   .now_ns = now_ns,
			   .callbacks = callbacks,
			   .result = result };
	int looked;

	memset(result, 0, sizeof(*result));
	if (!config->bytes && !config->age_ns && !config->free_bytes && !config->rule_count)
		return 0;
	looked = look(&run);
	if (looked == 0 && run.count)
		qsort(run.files, run.count, sizeof(*run.files), by_age);
	if (looked == 0) {
		remove_old(&run);
		if (!result->more)
			remove_excess(&run, margin_bytes);
		remove_empty_tags(&run);
	}
	free(run.files);
	free(run.classes);
	return looked;
}
