/* SPDX-License-Identifier: BSD-2-Clause */
/* flow_table.h - ended connections and sums of them, as columns, as CSV and as JSON. */
#ifndef BBTAP_CLI_FLOW_TABLE_H
#define BBTAP_CLI_FLOW_TABLE_H

#include "cli/time_text.h"
#include "store/query.h"

struct flow_table {
	enum time_show show;
	uint64_t rows, first_ns, before_ns;
	uint64_t connections, segments, bytes, retransmitted;
};

/* Rows come one by one, maybe millions: columns have a width that usual values fit into. */
void flow_table_titles(const struct flow_table *table, bool sums);
void flow_table_row(struct flow_table *table, const struct flow_row *flow);
void flow_sum_row(struct flow_table *table, const struct query_sum *sum);
void flow_table_totals(const struct flow_table *table);

#define FLOW_CSV_TITLES                                                                            \
	"connection,first_utc,last_utc,start,end,client,client_port,server,server_port,"           \
	"client_state,server_state,client_segments,server_segments,client_bytes,server_bytes,"     \
	"client_retransmitted,server_retransmitted,client_out_of_order,server_out_of_order,"       \
	"client_zero_windows,server_zero_windows,client_rtt_min_us,server_rtt_min_us,"             \
	"client_rtt_median_us,server_rtt_median_us,client_rtt_max_us,server_rtt_max_us,sections,"  \
	"id,tag,rule,proto,host"
void flow_csv_row(const struct flow_row *flow);

#define FLOW_SUM_CSV_TITLES                                                                        \
	"key,connections,segments,bytes,retransmitted,zero_windows,resets,rtt_min_us,"             \
	"rtt_median_us,first_utc,last_utc"
void flow_sum_csv(const struct query_sum *sum);
void flow_sum_json(const struct query_sum *sum);

#endif
