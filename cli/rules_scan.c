/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/rules_scan.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rules_messages_add(struct rules_messages *messages, uint32_t line, const char *format, ...)
{
	struct rules_message *message;
	va_list arguments;

	if (!messages->items)
		messages->items = calloc(RULES_MESSAGES_MAX, sizeof(*messages->items));
	if (!messages->items || messages->count == RULES_MESSAGES_MAX)
		return;
	message = &messages->items[messages->count++];
	message->line = line;
	va_start(arguments, format);
	vsnprintf(message->text, sizeof(message->text), format, arguments);
	va_end(arguments);
}

void rules_messages_sort(struct rules_messages *messages)
{
	/* Few, and those of one line stay in their order. */
	for (uint32_t i = 1; i < messages->count; i++)
		for (uint32_t j = i; j && messages->items[j - 1].line > messages->items[j].line;
		     j--) {
			struct rules_message kept = messages->items[j];

			messages->items[j] = messages->items[j - 1];
			messages->items[j - 1] = kept;
		}
}

void rules_messages_dispose(struct rules_messages *messages)
{
	free(messages->items);
	*messages = (struct rules_messages){ 0 };
}

enum token_kind { TOKEN_WORD, TOKEN_STRING, TOKEN_SIGN, TOKEN_END };

struct token {
	enum token_kind kind;
	char *begin, *end; /* in the text; of a string with its quotes */
	uint32_t line;
};

struct scanner {
	struct rules_scan *scan;
	const struct rules_words *words;
	struct rules_messages *messages;
	char *at;
	uint32_t line;
	struct token token; /* the one at hand */
	char **titles;
	uint32_t title_count;
};

#define SECTION_KINDS 4

static const char *const section_names[] = {
	[SECTION_LIMITS] = "limits",
	[SECTION_DEFAULT] = "default",
	[SECTION_RULE] = "rule",
	[SECTION_TRACE_POINT] = "tracepoint",
};

static void blank(char *begin, const char *end)
{
	for (; begin < end; begin++)
		if (*begin != '\n')
			*begin = ' ';
}

static void skip_blanks(struct scanner *s)
{
	for (;;) {
		if (*s->at == '\n')
			s->line++;
		if (isspace((unsigned char)*s->at)) {
			s->at++;
		} else if (*s->at == '#' || (s->at[0] == '/' && s->at[1] == '/')) {
			s->at += strcspn(s->at, "\n");
		} else if (s->at[0] == '/' && s->at[1] == '*') {
			char *end = strstr(s->at + 2, "*/");
			uint32_t line = s->line;

			if (!end) {
				rules_messages_add(s->messages, line,
						   "the comment that begins here has no */");
				blank(s->at, s->at + strlen(s->at));
				s->at += strlen(s->at);
				return;
			}
			for (; s->at < end + 2; s->at++)
				s->line += *s->at == '\n';
		} else {
			return;
		}
	}
}

/* A string that does not end on its line; nothing of it may reach the parser. */
static void drop_string(struct scanner *s)
{
	rules_messages_add(
		s->messages, s->line,
		"the string that begins with %c does not end on its line: a %c is missing",
		*s->token.begin, *s->token.begin);
	blank(s->token.begin, s->at);
}

/* Reads a string. False: it has no end. */
static bool read_string(struct scanner *s)
{
	char quote = *s->at++;

	while (*s->at && *s->at != '\n' && *s->at != quote)
		s->at += *s->at == '\\' && s->at[1] && s->at[1] != '\n' ? 2 : 1;
	if (*s->at != quote)
		return false;
	s->at++;
	return true;
}

/* The next token. */
static void advance(struct scanner *s)
{
	struct token *token = &s->token;

again:
	skip_blanks(s);
	*token = (struct token){ .begin = s->at, .line = s->line };
	if (!*s->at) {
		token->kind = TOKEN_END;
	} else if (strchr("{}=,()+", *s->at)) {
		token->kind = TOKEN_SIGN;
		s->at++;
	} else if (*s->at == '"' || *s->at == '\'') {
		token->kind = TOKEN_STRING;
		if (!read_string(s)) {
			drop_string(s);
			goto again;
		}
	} else {
		token->kind = TOKEN_WORD;
		while (*s->at && !isspace((unsigned char)*s->at) && !strchr("{}=,()+\"'#", *s->at))
			s->at++;
	}
	token->end = s->at;
}

static bool is_sign(const struct scanner *s, char sign)
{
	return s->token.kind == TOKEN_SIGN && *s->token.begin == sign;
}

static bool is_text(const struct scanner *s)
{
	return s->token.kind == TOKEN_WORD || s->token.kind == TOKEN_STRING;
}

static bool token_is(const struct token *token, const char *word)
{
	return token->kind == TOKEN_WORD && strlen(word) == (size_t)(token->end - token->begin) &&
	       strncmp(token->begin, word, strlen(word)) == 0;
}

static int section_kind(const struct token *token)
{
	for (int i = 0; i < SECTION_KINDS; i++)
		if (token_is(token, section_names[i]))
			return i;
	return -1;
}

static void remember(struct scanner *s, enum rules_section kind, uint32_t nth, const char *option,
		     uint32_t line)
{
	struct rules_scan *scan = s->scan;

	if (scan->count == scan->room) {
		uint32_t room = scan->room ? scan->room * 2 : 64;
		struct scan_entry *entries = realloc(scan->entries, room * sizeof(*entries));

		if (!entries) {
			scan->no_memory = true;
			return;
		}
		scan->entries = entries;
		scan->room = room;
	}
	if (!option) {
		uint32_t *starts =
			realloc(scan->starts[kind], (scan->sections[kind] + 1) * sizeof(*starts));

		if (!starts) {
			scan->no_memory = true;
			return;
		}
		scan->starts[kind] = starts;
		starts[scan->sections[kind]++] = scan->count;
	}
	scan->entries[scan->count++] =
		(struct scan_entry){ .kind = kind, .nth = nth, .option = option, .line = line };
}

static const struct scan_entry *find(const struct rules_scan *scan, enum rules_section kind,
				     uint32_t nth, const char *option)
{
	if (nth >= scan->sections[kind])
		return NULL;
	for (uint32_t i = scan->starts[kind][nth]; i < scan->count; i++) {
		const struct scan_entry *entry = &scan->entries[i];

		if (entry->kind != kind || entry->nth != nth)
			break;
		if (option ? entry->option && strcmp(entry->option, option) == 0 : !entry->option)
			return entry;
	}
	return NULL;
}

/* "limits has: a, b, c" */
static void list_options(const struct scanner *s, enum rules_section kind, char *out, size_t bytes)
{
	size_t used = (size_t)snprintf(out, bytes, "%s has", section_names[kind]);

	for (const char *const *word = s->words->options[kind]; *word && used < bytes; word++)
		used += (size_t)snprintf(out + used, bytes - used, "%s %s",
					 word == s->words->options[kind] ? "" : ",", *word);
}

/* The character behind the token at hand, blanks and comments apart. */
static char peek(const struct scanner *s)
{
	const char *at = s->at;

	for (;;) {
		at += strspn(at, " \t\r\n\v\f");
		if (*at != '#' && strncmp(at, "//", 2) != 0)
			return *at;
		at += strcspn(at, "\n");
	}
}

/* Whether what is at hand can't be the value of an option but begins the next one, or a section. */
static bool begins_something(const struct scanner *s)
{
	return s->token.kind == TOKEN_WORD &&
	       (peek(s) == '=' || (section_kind(&s->token) >= 0 && peek(s) == '{'));
}

/* The value behind "="; at its end the next token is at hand. */
static bool scan_value(struct scanner *s, const struct token *name, uint32_t sign_line)
{
	if (is_text(s)) {
		if (s->token.line != sign_line && begins_something(s)) {
			rules_messages_add(s->messages, name->line, "%.*s = is without a value",
					   (int)(name->end - name->begin), name->begin);
			return false;
		}
		advance(s);
		return true;
	}
	if (!is_sign(s, '{')) {
		rules_messages_add(s->messages, name->line, "%.*s = is without a value",
				   (int)(name->end - name->begin), name->begin);
		return false;
	}
	for (advance(s); !is_sign(s, '}'); advance(s))
		if (!is_text(s) && !is_sign(s, ',')) {
			rules_messages_add(s->messages, name->line,
					   "the list that begins here has no }");
			return false;
		}
	advance(s);
	return true;
}

/* An option of a section: a name, "=", a value. */
static void scan_option(struct scanner *s, enum rules_section kind, uint32_t nth)
{
	struct token name = s->token;
	const char *option = NULL;
	char known[300];
	uint32_t line;
	bool fine;

	for (const char *const *word = s->words->options[kind]; *word; word++)
		if (token_is(&name, *word))
			option = *word;
	advance(s);
	if (!is_sign(s, '=')) {
		rules_messages_add(
			s->messages, name.line,
			"\"%.*s\": an option is written NAME = VALUE; a value of several "
			"words needs quotes",
			(int)(name.end - name.begin), name.begin);
		/* The rest of the line belongs to it. */
		while (s->token.kind != TOKEN_END && s->token.line == name.line &&
		       !is_sign(s, '}') && !is_sign(s, '{'))
			advance(s);
		blank(name.begin, s->token.begin);
		return;
	}
	line = s->token.line;
	advance(s);
	fine = scan_value(s, &name, line);
	if (fine && !option) {
		list_options(s, kind, known, sizeof(known));
		rules_messages_add(s->messages, name.line, "there is no option \"%.*s\"; %s",
				   (int)(name.end - name.begin), name.begin, known);
		fine = false;
	} else if (fine && find(s->scan, kind, nth, option)) {
		rules_messages_add(s->messages, name.line,
				   "%s stands here a second time; it is in "
				   "line %u already",
				   option, find(s->scan, kind, nth, option)->line);
		fine = false;
	}
	if (!fine)
		blank(name.begin, s->token.begin);
	else if (nth != UINT32_MAX)
		remember(s, kind, nth, option, name.line);
}

static bool title_is_new(struct scanner *s, enum rules_section kind, const struct token *title)
{
	int quotes = title->kind == TOKEN_STRING;
	char *text = NULL, **titles;

	if (asprintf(&text, "%d %.*s", kind, (int)(title->end - title->begin) - 2 * quotes,
		     title->begin + quotes) < 0) {
		s->scan->no_memory = true;
		return true;
	}
	for (uint32_t i = 0; i < s->title_count; i++)
		if (strcmp(s->titles[i], text) == 0) {
			free(text);
			return false;
		}
	titles = realloc(s->titles, (s->title_count + 1) * sizeof(*titles));
	if (!titles) {
		s->scan->no_memory = true;
		free(text);
		return true;
	}
	s->titles = titles;
	titles[s->title_count++] = text;
	return true;
}

/* Up to the end of the section, or of the file. */
static void scan_body(struct scanner *s, enum rules_section kind, uint32_t nth,
		      const struct token *name)
{
	for (;;) {
		if (is_sign(s, '}')) {
			advance(s);
			return;
		}
		if (s->token.kind == TOKEN_END) {
			rules_messages_add(s->messages, name->line,
					   "the section that begins here has no }");
			strcpy(s->token.begin, "}");
			s->token.begin = ++s->at;
			return;
		}
		if (s->token.kind == TOKEN_WORD) {
			/* A section does not stand in another one: the brace in front is missing. */
			if (section_kind(&s->token) >= 0 && peek(s) != '=') {
				rules_messages_add(
					s->messages, name->line,
					"the section that begins here has no }; the next one "
					"begins in line %u",
					s->token.line);
				/* For the parser. */
				if (isspace((unsigned char)s->token.begin[-1]))
					s->token.begin[-1] = '}';
				return;
			}
			scan_option(s, kind, nth);
			continue;
		}
		rules_messages_add(s->messages, s->token.line,
				   "\"%.*s\": here the name of an option is expected",
				   (int)(s->token.end - s->token.begin), s->token.begin);
		blank(s->token.begin, s->token.end);
		advance(s);
	}
}

static void scan_section(struct scanner *s, enum rules_section kind)
{
	struct token name = s->token, title = { 0 };
	bool named = kind == SECTION_RULE || kind == SECTION_TRACE_POINT;
	uint32_t nth = s->scan->sections[kind];
	bool keep = true;

	advance(s);
	if (is_text(s)) {
		title = s->token;
		advance(s);
	}
	if (named && !title.begin) {
		rules_messages_add(s->messages, name.line, "a %s needs a name: %s NAME { ... }",
				   section_names[kind], section_names[kind]);
		keep = false;
	} else if (!named && title.begin) {
		rules_messages_add(s->messages, name.line, "%s has no name: %s { ... }",
				   section_names[kind], section_names[kind]);
		keep = false;
	} else if (named && !title_is_new(s, kind, &title)) {
		rules_messages_add(s->messages, name.line, "there is another %s %.*s above",
				   section_names[kind], (int)(title.end - title.begin),
				   title.begin);
		keep = false;
	} else if (!named && nth) {
		rules_messages_add(s->messages, name.line, "%s stands here a second time",
				   section_names[kind]);
		keep = false;
	}
	if (!is_sign(s, '{')) {
		rules_messages_add(s->messages, name.line, "behind %s a { is missing",
				   section_names[kind]);
		blank(name.begin, s->token.begin);
		return;
	}
	advance(s);
	if (keep)
		remember(s, kind, nth, NULL, name.line);
	scan_body(s, kind, keep ? nth : UINT32_MAX, &name);
	if (!keep)
		blank(name.begin, s->token.begin);
}

void rules_scan(struct rules_scan *scan, char *text, const struct rules_words *words,
		struct rules_messages *messages)
{
	struct scanner s = {
		.scan = scan, .words = words, .messages = messages, .at = text, .line = 1
	};

	*scan = (struct rules_scan){ 0 };
	for (advance(&s); s.token.kind != TOKEN_END;) {
		int kind = section_kind(&s.token);

		if (kind >= 0) {
			scan_section(&s, (enum rules_section)kind);
			continue;
		}
		if (is_sign(&s, '}'))
			rules_messages_add(messages, s.token.line, "this } closes nothing");
		else
			rules_messages_add(
				messages, s.token.line,
				"\"%.*s\": here a section begins: limits, default, rule NAME "
				"or tracepoint CONDITION",
				(int)(s.token.end - s.token.begin), s.token.begin);
		/* The rest of the line goes with it. */
		{
			uint32_t line = s.token.line;
			char *begin = s.token.begin;

			while (s.token.kind != TOKEN_END && s.token.line == line)
				advance(&s);
			blank(begin, s.token.begin);
		}
	}
	for (uint32_t i = 0; i < s.title_count; i++)
		free(s.titles[i]);
	free(s.titles);
}

void rules_scan_dispose(struct rules_scan *scan)
{
	free(scan->entries);
	for (int i = 0; i < SECTION_KINDS; i++)
		free(scan->starts[i]);
	*scan = (struct rules_scan){ 0 };
}

uint32_t rules_scan_line(const struct rules_scan *scan, enum rules_section kind, uint32_t nth,
			 const char *option)
{
	const struct scan_entry *entry = find(scan, kind, nth, option);

	if (!entry)
		entry = find(scan, kind, nth, NULL);
	return entry ? entry->line : 0;
}
