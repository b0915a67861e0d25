/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "capture/source_file.h"
#include "tests/unit/temp_dir.h"

static struct iface_table ifaces;

/* Bytes of a file under construction, in either byte order. */
struct file {
	bool swapped;
	size_t length;
	uint8_t bytes[1 << 20];
};

static struct file file;

static void put(const void *bytes, size_t count)
{
	memcpy(file.bytes + file.length, bytes, count);
	file.length += count;
}

static void put32(uint32_t value)
{
	value = file.swapped ? __builtin_bswap32(value) : value;
	put(&value, 4);
}

static void put16(uint16_t value)
{
	value = file.swapped ? __builtin_bswap16(value) : value;
	put(&value, 2);
}

static void begin(bool swapped)
{
	file.length = 0;
	file.swapped = swapped;
}

static void pcap_header(uint32_t magic, uint32_t linktype)
{
	put32(magic);
	put16(2);
	put16(4);
	put32(0);
	put32(0);
	put32(65535);
	put32(linktype);
}

static void pcap_record(uint32_t seconds, uint32_t fraction, uint32_t caplen, uint32_t wirelen)
{
	put32(seconds);
	put32(fraction);
	put32(caplen);
	put32(wirelen);
	for (uint32_t i = 0; i < caplen; i++)
		put("abcdefgh" + i % 8, 1);
}

static size_t block_at;

static void block(uint32_t type)
{
	block_at = file.length;
	put32(type);
	put32(0);
}

static void block_end(void)
{
	uint32_t bytes;

	while (file.length % 4)
		put("", 1);
	bytes = (uint32_t)(file.length - block_at + 4);
	put32(bytes);
	bytes = file.swapped ? __builtin_bswap32(bytes) : bytes;
	memcpy(file.bytes + block_at + 4, &bytes, 4);
}

static void section(void)
{
	block(0x0a0d0d0a);
	put32(0x1a2b3c4d);
	put16(1);
	put16(0);
	put32(0xffffffff);
	put32(0xffffffff);
	block_end();
}

static void interface(uint16_t linktype, const char *name, int tsresol, int64_t offset_s)
{
	block(1);
	put16(linktype);
	put16(0);
	put32(0);
	if (name) {
		put16(2);
		put16((uint16_t)strlen(name));
		put(name, strlen(name));
		while (file.length % 4)
			put("", 1);
	}
	if (tsresol >= 0) {
		put16(9);
		put16(1);
		put(&(uint8_t){ (uint8_t)tsresol }, 1);
		put("\0\0\0", 3);
	}
	if (offset_s) {
		put16(14);
		put16(8);
		offset_s = file.swapped ? (int64_t)__builtin_bswap64((uint64_t)offset_s) : offset_s;
		put(&offset_s, 8);
	}
	put32(0);
	block_end();
}

static void packet(uint32_t id, uint64_t units, uint32_t caplen, uint32_t wirelen)
{
	block(6);
	put32(id);
	put32((uint32_t)(units >> 32));
	put32((uint32_t)units);
	put32(caplen);
	put32(wirelen);
	for (uint32_t i = 0; i < caplen; i++)
		put("abcdefgh" + i % 8, 1);
	block_end();
}

static const char *write_as(const char *name, const void *bytes, size_t count)
{
	static char paths[8][128];
	static int next;
	char *path = paths[next++ % 8];
	int fd;

	snprintf(path, 128, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	close(fd);
	return path;
}

/* What reading gives: frames, errors, and of the frames what the test wants to know. */
struct result {
	uint32_t frames, errors;
	uint64_t ts_ns[8];
	uint16_t linktype[8], iface[8];
	uint32_t caplen[8], wirelen[8];
	uint64_t last_number;
	char error[SOURCE_ERROR_MAX];
};

static struct result read_all(const char *const paths[], size_t count)
{
	struct result result = { 0 };
	struct frame_batch batch;
	struct source *source;
	int got;

	memset(&ifaces, 0, sizeof(ifaces));
	assert_int_equal(source_file_open(&source, paths, count, &ifaces), 0);
	while ((got = source_receive(source, &batch)) != -ENODATA) {
		if (got < 0) {
			result.errors++;
			memcpy(result.error, source->error, sizeof(result.error));
			continue;
		}
		for (int i = 0; i < got; i++) {
			const struct frame *frame = &batch.frames[i];
			uint32_t n = result.frames++;

			assert_int_equal(frame->number, result.frames);
			for (uint32_t at = 0; at < frame->caplen_bytes; at++)
				assert_int_equal(frame->data[at], "abcdefgh"[at % 8]);
			if (n >= 8)
				continue;
			result.ts_ns[n] = frame->ts_ns;
			result.linktype[n] = frame->linktype;
			result.iface[n] = frame->iface;
			result.caplen[n] = frame->caplen_bytes;
			result.wirelen[n] = frame->wirelen_bytes;
		}
		source_release(source, &batch);
	}
	assert_int_equal(source_receive(source, &batch), -ENODATA);
	source_close(&source);
	return result;
}

static struct result read_bytes(void)
{
	const char *path = write_as("one", file.bytes, file.length);

	return read_all(&path, 1);
}

static void pcap_of_all_kinds(void **state)
{
	static const struct {
		uint32_t magic;
		uint64_t ns;
	} kinds[] = { { 0xa1b2c3d4, 5000 }, { 0xa1b23c4d, 5 } };

	(void)state;
	for (int swapped = 0; swapped < 2; swapped++)
		for (int i = 0; i < 2; i++) {
			struct result result;

			begin(swapped);
			pcap_header(kinds[i].magic, 113);
			pcap_record(1700000000, 5, 60, 1500);
			pcap_record(1700000001, 5, 0, 0);
			pcap_record(1700000001, 4000000000u, 3, 2); /* odd ones */
			result = read_bytes();
			assert_int_equal(result.errors, 0);
			assert_int_equal(result.frames, 3);
			assert_true(result.ts_ns[0] == UINT64_C(1700000000000000000) + kinds[i].ns);
			assert_int_equal(result.caplen[0], 60);
			assert_int_equal(result.wirelen[0], 1500);
			assert_int_equal(result.wirelen[2], 3);
			assert_int_equal(result.linktype[0], 113);
		}
}

static void pcapng_of_many_kinds(void **state)
{
	struct result result;

	(void)state;
	begin(false);
	section();
	interface(1, "eth0", 9, 0);
	interface(113, NULL, -1, 100); /* us, and 100 s later */
	block(0xbad);		       /* an event of ours: no packet */
	put32(10949);
	put32(1);
	block_end();
	packet(0, UINT64_C(1700000000000000005), 7, 1500);
	packet(1, UINT64_C(1600000000000005), 8, 8);
	file.swapped = true; /* the next section comes from another machine */
	section();
	interface(101, "eth0", 0x80 | 10, 0); /* 1/1024 s */
	packet(0, 1024 * UINT64_C(1500000000) + 512, 9, 9);
	block(3); /* a simple packet */
	put32(5);
	put("abcde", 5);
	block_end();
	result = read_bytes();
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.frames, 4);
	assert_true(result.ts_ns[0] == UINT64_C(1700000000000000005));
	assert_true(result.ts_ns[1] == UINT64_C(1600000100000005000));
	assert_true(result.ts_ns[2] == UINT64_C(1500000000500000000));
	assert_int_equal(result.linktype[1], 113);
	assert_int_equal(result.linktype[2], 101);
	assert_int_equal(result.caplen[3], 5);
	/* eth0 with two link types and the one without a name */
	assert_int_equal(ifaces.count, 3);
	assert_string_equal(ifaces.entries[0].name, "eth0");
	assert_string_equal(ifaces.entries[1].name, "file");
}

static void sections_that_repeat_interfaces_share_them(void **state)
{
	struct result result;

	(void)state;
	begin(false);
	for (int i = 0; i < 5000; i++) {
		section();
		interface(1, "eth0", 9, 0);
		packet(0, 1, 1, 1);
	}
	result = read_bytes();
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.frames, 5000);
	assert_int_equal(ifaces.count, 1);
}

/* Everything before the cut is read; a cut between records is only seen where there is one missing. */
static void cut_at_every_byte(void **state)
{
	size_t full, ends[4];

	(void)state;
	for (int ng = 0; ng < 2; ng++) {
		begin(false);
		if (ng) {
			section();
			interface(1, "eth0", 9, 0);
		} else {
			pcap_header(0xa1b2c3d4, 1);
		}
		ends[0] = file.length;
		for (int i = 1; i < 4; i++) {
			if (ng)
				packet(0, 1, 10, 10);
			else
				pcap_record(1, 1, 10, 10);
			ends[i] = file.length;
		}
		full = file.length;
		for (size_t cut = 1; cut <= full; cut++) {
			struct result result;
			uint32_t whole = 0;
			bool at_end = cut == ends[0];

			for (int i = 1; i < 4; i++) {
				whole += cut >= ends[i];
				at_end |= cut == ends[i];
			}
			/* A section header alone, or with its interface, is a file without packets. */
			if (ng && cut == 28)
				at_end = true;
			file.length = cut;
			result = read_bytes();
			assert_int_equal(result.frames, whole);
			assert_int_equal(result.errors, at_end ? 0 : 1);
			if (!at_end)
				assert_non_null(strstr(result.error, "/one: "));
		}
	}
}

static void damage_is_named(void **state)
{
	static const struct {
		const char *name;
		uint32_t at, value; /* a 32-bit word of a pcapng file that is changed */
		const char *words;
	} rows[] = {
		{ "block length 0", 28 + 4, 0, "offset 28" },
		{ "block length odd", 28 + 4, 35, "offset 28" },
		{ "block length huge", 28 + 4, 0x70000000, "offset 28" },
		{ "lengths differ", 28 + 28, 36, "offset 28" },
		{ "interface unknown", 60 + 8, 7, "offset 60" },
		{ "captured length", 60 + 20, 4000000000u, "offset 60" },
		{ "no byte order", 8, 1, "offset 0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result result;

		begin(false);
		section();		  /* 28 bytes */
		interface(1, NULL, 9, 0); /* 32 bytes */
		packet(0, 1, 10, 10);
		memcpy(file.bytes + rows[i].at, &rows[i].value, 4);
		result = read_bytes();
		assert_int_equal(result.errors, 1);
		assert_int_equal(result.frames, 0);
		if (!strstr(result.error, rows[i].words))
			fail_msg("%s: %s", rows[i].name, result.error);
	}
}

static void a_bad_file_does_not_stop_the_others(void **state)
{
	const char *paths[5];
	struct result result;

	(void)state;
	begin(false);
	pcap_header(0xa1b2c3d4, 1);
	for (int i = 0; i < 100; i++)
		pcap_record(1, 1, 10, 10);
	paths[0] = write_as("good-1", file.bytes, file.length);
	paths[1] = write_as("text", "GET / HTTP/1.0\r\n", 16);
	paths[2] = write_as("empty", "", 0);
	paths[3] = "/nonexistent/file";
	paths[4] = write_as("good-2", file.bytes, file.length - 3);
	result = read_all(paths, 5);
	assert_int_equal(result.frames, 199);
	assert_int_equal(result.errors, 4);
	assert_non_null(strstr(result.error, "99 packets before it were read"));
}

static void compressed(void **state)
{
	static uint8_t packed[1 << 20];
	const char *path;
	struct result result;
	size_t length, half;
	z_stream z = { 0 };

	(void)state;
	begin(false);
	pcap_header(0xa1b2c3d4, 1);
	for (int i = 0; i < 5000; i++)
		pcap_record(1, 1, 100 + i % 50, 1500);
	half = file.length / 2;

	/* gzip, as two members */
	length = 0;
	for (int member = 0; member < 2; member++) {
		deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
		z.next_in = file.bytes + (member ? half : 0);
		z.avail_in = (uInt)(member ? file.length - half : half);
		z.next_out = packed + length;
		z.avail_out = (uInt)(sizeof(packed) - length);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		length = sizeof(packed) - z.avail_out;
		deflateEnd(&z);
	}
	path = write_as("gz", packed, length);
	result = read_all(&path, 1);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.frames, 5000);
	path = write_as("gz-cut", packed, length - 20);
	result = read_all(&path, 1);
	assert_int_equal(result.errors, 1);
	assert_non_null(strstr(result.error, "cut short"));
	packed[length / 3] ^= 0x55;
	path = write_as("gz-bad", packed, length);
	result = read_all(&path, 1);
	assert_int_equal(result.errors, 1);
	assert_true(result.frames < 5000);

	/* zstd, as two frames */
	length = ZSTD_compress(packed, sizeof(packed), file.bytes, half, 3);
	length += ZSTD_compress(packed + length, sizeof(packed) - length, file.bytes + half,
				file.length - half, 3);
	path = write_as("zst", packed, length);
	result = read_all(&path, 1);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.frames, 5000);
	path = write_as("zst-cut", packed, length - 20);
	result = read_all(&path, 1);
	assert_int_equal(result.errors, 1);
	assert_non_null(strstr(result.error, "cut short"));
}

/* What was unpacked before the damage is good: gzip's damage is in its checksum, behind all of it. */
static void compressed_and_damaged(void **state)
{
	static uint8_t packed[1 << 20];
	const char *path;
	struct result result;
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t length;
	z_stream z = { 0 };

	(void)state;
	begin(false);
	pcap_header(0xa1b2c3d4, 1);
	for (int i = 0; i < 8000; i++)
		pcap_record(1, 1, 100, 1500);

	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	z.next_in = file.bytes;
	z.avail_in = (uInt)file.length;
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	length = sizeof(packed) - z.avail_out;
	deflateEnd(&z);
	packed[length - 8] ^= 1;
	path = write_as("gz-sum", packed, length);
	result = read_all(&path, 1);
	assert_int_equal(result.errors, 1);
	assert_non_null(strstr(result.error, "gzip stream damaged"));
	assert_int_equal(result.frames, 8000);

	/* The library gives nothing back from the call that fails: at most a block is lost. */
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	length = ZSTD_compress2(zstd, packed, sizeof(packed), file.bytes, file.length);
	ZSTD_freeCCtx(zstd);
	packed[length - 1] ^= 1;
	path = write_as("zst-sum", packed, length);
	result = read_all(&path, 1);
	assert_int_equal(result.errors, 1);
	assert_non_null(strstr(result.error, "zstd stream damaged"));
	assert_true(result.frames >= 8000 - ZSTD_DStreamOutSize() / 116 - 1);
}

/* An xz stream of some of the file's bytes; 0 if `out` is too small. */
static size_t pack_xz(uint8_t *out, size_t room, size_t from, size_t to, uint32_t dictionary_bytes)
{
	lzma_options_lzma options;
	lzma_filter filters[] = { { .id = LZMA_FILTER_LZMA2, .options = &options },
				  { .id = LZMA_VLI_UNKNOWN } };
	size_t length = 0;

	lzma_lzma_preset(&options, 0);
	options.dict_size = dictionary_bytes;
	if (lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC64, NULL, file.bytes + from, to - from,
				      out, &length, room) != LZMA_OK)
		return 0;
	return length;
}

static void compressed_by_xz(void **state)
{
	enum { INDEX_BYTES = 8, CHECKSUM = 12 + INDEX_BYTES + 1 }; /* before the footer */
	static uint8_t packed[1 << 20];
	static const struct {
		const char *name;
		int32_t cut;	   /* so many bytes of the end are missing */
		int32_t flip;	   /* this byte, from the end, is changed; 0: none */
		uint32_t zeros;	   /* of padding behind it */
		const char *error; /* NULL: none */
		int32_t frames_min;
	} rows[] = {
		{ "whole", 0, 0, 0, NULL, 5000 },
		{ "padded", 0, 0, 8, NULL, 5000 },
		{ "padded oddly", 0, 0, 3, "xz stream damaged near compressed offset", 5000 },
		{ "footer cut", 1, 0, 0, "xz stream cut short at compressed offset", 5000 },
		{ "cut", 200, 0, 0, "xz stream cut short at compressed offset", 1 },
		{ "bad magic of the footer", 0, 1, 0, "xz stream damaged near", 5000 },
		{ "bad checksum", 0, CHECKSUM, 0, "xz stream damaged near", 5000 },
	};
	const char *path;
	struct result result;
	size_t length, half;

	(void)state;
	begin(false);
	pcap_header(0xa1b2c3d4, 1);
	for (int i = 0; i < 5000; i++)
		pcap_record((uint32_t)i * 2654435761u, (uint32_t)i * 40503u % 1000000, 100 + i % 50,
			    1500);
	half = file.length / 2;
	/* two streams, with padding between them */
	length = pack_xz(packed, sizeof(packed), 0, half, 1 << 20);
	memset(packed + length, 0, 4);
	length += 4;
	length += pack_xz(packed + length, sizeof(packed) - length, half, file.length, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].flip)
			packed[length - (size_t)rows[i].flip] ^= 0x55;
		memset(packed + length, 0, rows[i].zeros);
		path = write_as(rows[i].name, packed, length - (size_t)rows[i].cut + rows[i].zeros);
		if (rows[i].flip)
			packed[length - (size_t)rows[i].flip] ^= 0x55;
		result = read_all(&path, 1);
		assert_int_equal(result.errors, rows[i].error != NULL);
		if (rows[i].error && !strstr(result.error, rows[i].error))
			fail_msg("%s: %s", rows[i].name, result.error);
		if ((int32_t)result.frames < rows[i].frames_min)
			fail_msg("%s: %u frames", rows[i].name, result.frames);
	}
}

/* A header may ask for 4 GB: refused before any of it is taken. */
static void xz_is_bounded(void **state)
{
	static uint8_t packed[4096];
	uint8_t tiny[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };
	const char *path;
	struct result result;
	uint8_t *dictionary = packed + 16; /* of the block header: 2^32 - 1 is 40 */
	size_t length, header_bytes;
	uint32_t sum;

	(void)state;
	begin(false);
	pcap_header(0xa1b2c3d4, 1);
	pcap_record(1, 1, 10, 10);
	length = pack_xz(packed, sizeof(packed), 0, file.length, 1 << 20);
	assert_true(length > 0);
	path = write_as("small", packed, length);
	result = read_all(&path, 1);
	assert_int_equal(result.frames, 1);
	assert_int_equal(result.errors, 0);

	header_bytes = (packed[12] + 1u) * 4;
	while (dictionary < packed + 12 + header_bytes &&
	       !(dictionary[-2] == LZMA_FILTER_LZMA2 && dictionary[-1] == 1))
		dictionary++;
	*dictionary = 40;
	sum = lzma_crc32(packed + 12, header_bytes - 4, 0);
	memcpy(packed + 12 + header_bytes - 4, &sum, sizeof(sum));
	path = write_as("greedy", packed, length);
	result = read_all(&path, 1);
	assert_int_equal(result.errors, 1);
	assert_non_null(strstr(result.error, "more than 144 MB"));

	path = write_as("magic-only", tiny, sizeof(tiny));
	result = read_all(&path, 1);
	assert_int_equal(result.errors, 1);
	assert_non_null(strstr(result.error, "cut short"));
}

/* Somebody cuts the file while it is read: an error that says so, no crash. */
static void a_file_that_becomes_shorter(void **state)
{
	const char *path;
	struct frame_batch batch;
	struct source *source;
	uint64_t sum = 0;
	int got, failures = 0;

	(void)state;
	begin(false);
	pcap_header(0xa1b2c3d4, 1);
	for (int i = 0; i < 6000; i++)
		pcap_record(1, 1, 100, 100);
	path = write_as("shrinking", file.bytes, file.length);
	assert_int_equal(source_file_open(&source, &path, 1, &ifaces), 0);
	assert_int_equal(source_receive(source, &batch), FRAME_BATCH_MAX);
	source_release(source, &batch);
	assert_int_equal(truncate(path, 300000), 0);
	while ((got = source_receive(source, &batch)) != -ENODATA) {
		for (int i = 0; i < got; i++)
			sum += batch.frames[i].caplen_bytes ? batch.frames[i].data[0] : 0;
		if (got < 0) {
			failures++;
			assert_non_null(strstr(source->error, "became shorter"));
		}
		source_release(source, &batch);
	}
	assert_int_equal(failures, 1);
	assert_true(sum > 0);
	source_close(&source);
}

/* From a pipe, frames are handed out when they are there; nothing waits for a full batch. */
static void a_pipe_is_not_held_up(void **state)
{
	const char *path = "-";
	struct frame_batch batch;
	struct source *source;
	int ends[2], keep = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	dup2(ends[0], STDIN_FILENO);
	begin(false);
	pcap_header(0xa1b2c3d4, 1);
	pcap_record(1, 1, 10, 10);
	assert_int_equal(write(ends[1], file.bytes, file.length), file.length);
	assert_int_equal(source_file_open(&source, &path, 1, &ifaces), 0);
	assert_int_equal(source_receive(source, &batch), 1);
	source_release(source, &batch);
	begin(false);
	pcap_record(2, 1, 10, 10);
	pcap_record(3, 1, 10, 10);
	assert_int_equal(write(ends[1], file.bytes, file.length), file.length);
	close(ends[1]);
	assert_int_equal(source_receive(source, &batch), 2);
	source_release(source, &batch);
	assert_int_equal(source_receive(source, &batch), -ENODATA);
	source_close(&source);
	dup2(keep, STDIN_FILENO);
	close(keep);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcap_of_all_kinds),
		cmocka_unit_test(pcapng_of_many_kinds),
		cmocka_unit_test(sections_that_repeat_interfaces_share_them),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test(a_bad_file_does_not_stop_the_others),
		cmocka_unit_test(compressed),
		cmocka_unit_test(compressed_and_damaged),
		cmocka_unit_test(compressed_by_xz),
		cmocka_unit_test(xz_is_bounded),
		cmocka_unit_test(a_file_that_becomes_shorter),
		cmocka_unit_test(a_pipe_is_not_held_up),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
