/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words_to_pcap: a capture file from packets in words.
 *
 *   words_to_pcap <NAME.words >NAME.pcap
 *
 * One packet a line: milliseconds since the start, who sent it (C or S), flags (any of SFRPA), sequence
 * number, payload bytes, acknowledgement number ("-": none), window; then, if wanted, mss=, ws=,
 * sackok, sack=START:END,..., ts=VALUE:ECHO, id= (of the IP header; each side counts from 1 otherwise),
 * port= (the client's; 40000 otherwise). Numbers are relative to each side's base, which is near 2^32
 * for the client and near 2^31 for the server. '#' begins a comment.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_BASE 0xfffffc00u
#define SERVER_BASE 0x7ffffc00u
#define START_S	    1700000000u
#define WORDS_MAX   24
#define FRAME_MAX   2048

struct frame_bytes {
	unsigned char bytes[FRAME_MAX];
	size_t length;
};

static void put(struct frame_bytes *frame, unsigned long value, int count)
{
	for (int i = count - 1; i >= 0; i--)
		frame->bytes[frame->length++] = (unsigned char)(value >> (8 * i));
}

static unsigned long sum_of(const unsigned char *bytes, size_t count)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += i % 2 ? bytes[i] : (unsigned long)bytes[i] << 8;
	return sum;
}

static void set_sum(unsigned char *at, unsigned long sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	at[0] = (unsigned char)(~sum >> 8);
	at[1] = (unsigned char)~sum;
}

static void add_option(struct frame_bytes *frame, char *word, unsigned long acked_base)
{
	char *value = strchr(word, '='), *rest;

	if (strcmp(word, "sackok") == 0) {
		put(frame, 0x01010402, 4);
	} else if (value && strncmp(word, "mss=", 4) == 0) {
		put(frame, 0x0204, 2);
		put(frame, strtoul(value + 1, NULL, 10), 2);
	} else if (value && strncmp(word, "ws=", 3) == 0) {
		put(frame, 0x01030300 | strtoul(value + 1, NULL, 10), 4);
	} else if (value && strncmp(word, "ts=", 3) == 0) {
		put(frame, 0x0101080a, 4);
		put(frame, strtoul(value + 1, &rest, 10), 4);
		put(frame, strtoul(rest + 1, NULL, 10), 4);
	} else if (value && strncmp(word, "sack=", 5) == 0) {
		size_t length_at = frame->length + 3;

		put(frame, 0x01010502, 4);
		for (rest = value; *rest == '=' || *rest == ',';) {
			put(frame, acked_base + strtoul(rest + 1, &rest, 10), 4);
			put(frame, acked_base + strtoul(rest + 1, &rest, 10), 4);
			frame->bytes[length_at] = (unsigned char)(frame->bytes[length_at] + 8);
		}
	} else {
		fprintf(stderr, "words_to_pcap: what is \"%s\"?\n", word);
		exit(1);
	}
}

static unsigned long flags_of(const char *letters)
{
	static const char names[] = "FSRPA";
	unsigned long flags = 0;

	for (; *letters; letters++)
		flags |= strchr(names, *letters) ? 1ul << (strchr(names, *letters) - names) : 0;
	return flags;
}

static void write_packet(char **words, int count)
{
	static unsigned long ids[2];
	bool from_server = words[1][0] == 'S';
	unsigned long base = from_server ? SERVER_BASE : CLIENT_BASE;
	unsigned long acked_base = from_server ? CLIENT_BASE : SERVER_BASE;
	unsigned long id = ++ids[from_server], port = 40000, payload = strtoul(words[4], NULL, 10);
	double ms = strtod(words[0], NULL);
	struct frame_bytes frame = { .length = 0 };
	unsigned char *ip = frame.bytes + 14, *tcp = ip + 20;
	unsigned int header[4];

	for (int i = 7; i < count; i++) {
		if (strncmp(words[i], "id=", 3) == 0)
			id = strtoul(words[i] + 3, NULL, 10);
		if (strncmp(words[i], "port=", 5) == 0)
			port = strtoul(words[i] + 5, NULL, 10);
	}
	put(&frame, from_server ? 0x020000000001 : 0x020000000002, 6);
	put(&frame, from_server ? 0x020000000002 : 0x020000000001, 6);
	put(&frame, 0x08004500, 4);
	put(&frame, 0, 2); /* the length, below */
	put(&frame, id, 2);
	put(&frame, 0x40004006, 4); /* don't fragment, 64 hops, TCP */
	put(&frame, 0, 2);
	put(&frame, from_server ? 0x0a000002 : 0x0a000001, 4);
	put(&frame, from_server ? 0x0a000001 : 0x0a000002, 4);
	put(&frame, from_server ? 80 : port, 2);
	put(&frame, from_server ? port : 80, 2);
	put(&frame, base + strtoul(words[3], NULL, 10), 4);
	put(&frame, words[5][0] == '-' ? 0 : acked_base + strtoul(words[5], NULL, 10), 4);
	put(&frame, flags_of(words[2]), 2); /* the header's length, below */
	put(&frame, strtoul(words[6], NULL, 10), 2);
	put(&frame, 0, 4);
	for (int i = 7; i < count; i++)
		if (strncmp(words[i], "id=", 3) != 0 && strncmp(words[i], "port=", 5) != 0)
			add_option(&frame, words[i], acked_base);
	tcp[12] = (unsigned char)((frame.length - 34) / 4 << 4);
	for (unsigned long i = 0; i < payload && frame.length < FRAME_MAX; i++)
		put(&frame, 'a' + (strtoul(words[3], NULL, 10) + i) % 26, 1);
	ip[2] = (unsigned char)((frame.length - 14) >> 8);
	ip[3] = (unsigned char)(frame.length - 14);
	set_sum(ip + 10, sum_of(ip, 20));
	set_sum(tcp + 16,
		sum_of(ip + 12, 8) + 6 + (frame.length - 34) + sum_of(tcp, frame.length - 34));
	header[0] = START_S + (unsigned int)(ms / 1000);
	header[1] = (unsigned int)((ms - (double)(unsigned int)(ms / 1000) * 1000) * 1000 + 0.5);
	header[2] = header[3] = (unsigned int)frame.length;
	fwrite(header, sizeof(header), 1, stdout);
	fwrite(frame.bytes, frame.length, 1, stdout);
}

int main(void)
{
	static const unsigned int file_header[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1 };
	char line[512];

	fwrite(file_header, sizeof(file_header), 1, stdout);
	while (fgets(line, sizeof(line), stdin)) {
		char *words[WORDS_MAX], *rest = line, *word;
		int count = 0;

		line[strcspn(line, "#\n")] = '\0';
		while (count < WORDS_MAX && (word = strsep(&rest, " \t")))
			if (*word)
				words[count++] = word;
		if (count == 0)
			continue;
		if (count < 7) {
			fprintf(stderr, "words_to_pcap: seven words are needed: %s ...\n",
				words[0]);
			return 1;
		}
		write_packet(words, count);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
