/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_follow.h - what a client that follows logs has been shown: copies of chunks come in (tcpstate/follow.h),
 * sections with what is new in them go out.
 */
#ifndef BBTAP_CLI_CONTROL_FOLLOW_H
#define BBTAP_CLI_CONTROL_FOLLOW_H

#include "capture/iface_table.h"
#include "store/pcapng_write.h"
#include "tcpstate/job.h"

struct follow_session;

/* NULL: no memory. place: the follower's, see follow.h. */
struct follow_session *follow_session_open(uint32_t place);
void follow_session_close(struct follow_session **session);

/* Its conditions, to be filled in before anybody follows; then kind is JOB_EVENTS. */
struct job *follow_session_job(struct follow_session *session);

/*
 * A chain of a block: the sections of both views with what this client has not been shown, into out[], by enum side; empty
 * where nothing is new. begun_ns: of the block. The chain's head is changed.
 */
void follow_session_take(struct follow_session *session, struct chunk *chain, uint64_t begun_ns,
			 const struct iface_table *ifaces, struct pcapng_buffer out[2]);

#endif
