/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/flow_table.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/event_view.h"
#include "cli/query_options.h"
#include "cli/values.h"
#include "tcpstate/event.h"
#include "tcpstate/snapshot.h"

static const char *const starts[] = { "?", "syn", "syn-ack", "midstream" };

void flow_table_titles(const struct flow_table *table, bool sums)
{
	char first[TIME_TEXT_MAX];

	if (sums) {
		printf("%-40s  %11s  %13s  %9s  %9s %7s %7s  %9s %9s\n", "", "CONNECTIONS",
		       "SEGMENTS", "BYTES", "RETR", "ZWIN", "RESETS", "MIN RTT", "RTT ms");
		return;
	}
	time_text_heading(table->show, "FIRST", first);
	printf("%-26s  %13s  %-21s  %-21s  %-11s  %17s  %21s  %5s %4s %4s  %9s %9s\n", first,
	       "DURATION", "CLIENT", "SERVER", "END", "SEGMENTS", "BYTES", "RETR", "OOO", "ZWIN",
	       "RTT>S ms", "RTT>C ms");
}

static const char *rtt_text(uint64_t us, char out[32])
{
	if (us)
		snprintf(out, 32, "%llu.%03llu", (unsigned long long)(us / 1000),
			 (unsigned long long)(us % 1000));
	else
		strcpy(out, "-");
	return out;
}

void flow_table_row(struct flow_table *table, const struct flow_row *flow)
{
	const struct flow_row_side *client = &flow->side[SIDE_CLIENT],
				   *server = &flow->side[SIDE_SERVER];
	uint64_t us = flow->last_ns > flow->first_ns ? (flow->last_ns - flow->first_ns) / 1000 : 0;
	char first[TIME_TEXT_MAX], duration[32], segments[64], bytes[80], a[64], b[64];
	char c[NUMBER_TEXT_MAX], d[NUMBER_TEXT_MAX], to_server[32], to_client[32];

	if (!table->rows++)
		table->first_ns = flow->first_ns;
	time_text_put(table->show, flow->first_ns, table->first_ns, table->before_ns, first);
	table->before_ns = flow->first_ns;
	snprintf(duration, sizeof(duration), "%llu.%03llu s", (unsigned long long)(us / 1000000),
		 (unsigned long long)(us / 1000 % 1000));
	snprintf(segments, sizeof(segments), "%llu > %llu", (unsigned long long)client->segments,
		 (unsigned long long)server->segments);
	snprintf(bytes, sizeof(bytes), "%s > %s", bytes_text(client->payload_bytes, c),
		 bytes_text(server->payload_bytes, d));
	address_text(client->address, flow->ip_version, client->port, a);
	address_text(server->address, flow->ip_version, server->port, b);
	printf("%-26s  %13s  %-21s  %-21s  %-11s  %17s  %21s  %5llu %4llu %4llu  %9s %9s\n", first,
	       duration, a, b, end_reason_name(flow->end_reason), segments, bytes,
	       (unsigned long long)client->retransmitted_segments + server->retransmitted_segments,
	       (unsigned long long)client->out_of_order_segments + server->out_of_order_segments,
	       (unsigned long long)client->zero_windows + server->zero_windows,
	       rtt_text(client->rtt_median_us, to_server),
	       rtt_text(server->rtt_median_us, to_client));
	table->connections++;
	table->segments += client->segments + server->segments;
	table->bytes += client->payload_bytes + server->payload_bytes;
	table->retransmitted += client->retransmitted_segments + server->retransmitted_segments;
}

void flow_sum_row(struct flow_table *table, const struct query_sum *sum)
{
	char key[128], a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX], c[NUMBER_TEXT_MAX],
		d[NUMBER_TEXT_MAX], shortest[32], median[32];

	plain_text(sum->key, key, sizeof(key));
	printf("%-40s  %11s  %13s  %9s  %9s %7llu %7llu  %9s %9s\n", key,
	       number_text(sum->connections, a), number_text(sum->segments, b),
	       bytes_text(sum->payload_bytes, c), number_text(sum->retransmitted_segments, d),
	       (unsigned long long)sum->zero_windows, (unsigned long long)sum->resets,
	       rtt_text(sum->rtt_min_us, shortest), rtt_text(sum->rtt_median_us, median));
	table->rows++;
	table->connections += sum->connections;
	table->segments += sum->segments;
	table->bytes += sum->payload_bytes;
	table->retransmitted += sum->retransmitted_segments;
}

void flow_table_totals(const struct flow_table *table)
{
	char a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX], c[NUMBER_TEXT_MAX], d[NUMBER_TEXT_MAX];

	printf("%s connections, %s segments, %s, %s retransmissions\n",
	       number_text(table->connections, a), number_text(table->segments, b),
	       bytes_text(table->bytes, c), number_text(table->retransmitted, d));
}

static void put_address(const struct flow_row *flow, enum side side)
{
	const uint8_t *bytes = flow->side[side].address;
	bool v4 = flow->ip_version == 4;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + 12 : bytes, text, sizeof(text));
	csv_text(text, false);
	csv_number(flow->side[side].port, false);
}

static void put_time(uint64_t ns)
{
	char text[TIME_TEXT_MAX];

	time_text_put(SHOW_UTC, ns, 0, 0, text);
	csv_text(text, false);
}

static void put_text(const char *text)
{
	char plain[128];

	plain_text(text, plain, sizeof(plain));
	csv_text(plain, false);
}

#define BOTH(member)                                                                               \
	(csv_number(flow->side[SIDE_CLIENT].member, false),                                        \
	 csv_number(flow->side[SIDE_SERVER].member, false))

void flow_csv_row(const struct flow_row *flow)
{
	csv_number(flow->connection, true);
	put_time(flow->first_ns);
	put_time(flow->last_ns);
	csv_text(starts[flow->start & 3], false);
	csv_text(end_reason_name(flow->end_reason), false);
	put_address(flow, SIDE_CLIENT);
	put_address(flow, SIDE_SERVER);
	csv_text(tcp_state_name(flow->side[SIDE_CLIENT].state), false);
	csv_text(tcp_state_name(flow->side[SIDE_SERVER].state), false);
	BOTH(segments);
	BOTH(payload_bytes);
	BOTH(retransmitted_segments);
	BOTH(out_of_order_segments);
	BOTH(zero_windows);
	BOTH(rtt_min_us);
	BOTH(rtt_median_us);
	BOTH(rtt_max_us);
	csv_number(flow->sections, false);
	put_text(flow->id);
	put_text(flow->tag);
	put_text(flow->rule);
	put_text(flow->proto);
	put_text(flow->host);
	putchar('\n');
}

void flow_sum_csv(const struct query_sum *sum)
{
	char key[128];

	plain_text(sum->key, key, sizeof(key));
	csv_text(key, true);
	csv_number(sum->connections, false);
	csv_number(sum->segments, false);
	csv_number(sum->payload_bytes, false);
	csv_number(sum->retransmitted_segments, false);
	csv_number(sum->zero_windows, false);
	csv_number(sum->resets, false);
	csv_number(sum->rtt_min_us, false);
	csv_number(sum->rtt_median_us, false);
	put_time(sum->first_ns);
	put_time(sum->last_ns);
	putchar('\n');
}

void flow_sum_json(const struct query_sum *sum)
{
	char key[128], first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
	json_t *object;

	plain_text(sum->key, key, sizeof(key));
	time_text_put(SHOW_UTC, sum->first_ns, 0, 0, first);
	time_text_put(SHOW_UTC, sum->last_ns, 0, 0, last);
	object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "key", key,
			   "connections", (json_int_t)sum->connections, "segments",
			   (json_int_t)sum->segments, "payload_bytes",
			   (json_int_t)sum->payload_bytes, "retransmitted_segments",
			   (json_int_t)sum->retransmitted_segments, "zero_windows",
			   (json_int_t)sum->zero_windows, "resets", (json_int_t)sum->resets,
			   "rtt_min_us", (json_int_t)sum->rtt_min_us, "rtt_median_us",
			   (json_int_t)sum->rtt_median_us, "first", first, "last", last);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}
