/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/pmtu.h"

#include "tcpstate/seq.h"

/*
 * Transmissions in vain. Loss alone does it too, so what arrives behind says it sooner, and where
 * full-size segments did arrive once it takes more to say that the path has changed.
 */
#define IN_VAIN_SMALLER_ARRIVES 3
#define IN_VAIN_PEER_HEARD	4
#define IN_VAIN_SILENCE		5
#define IN_VAIN_PATH_CHANGED	5

enum {
	CONFIDENCE_PIECES_ARRIVED = 97,
	CONFIDENCE_SMALLER_ARRIVES = 90,
	CONFIDENCE_PATH_CHANGED = 75,
	CONFIDENCE_PEER_HEARD = 75,
	CONFIDENCE_SILENCE = 50, /* an outage, or a dead peer, looks the same */
};

static uint16_t clamp(uint32_t bytes)
{
	return bytes > UINT16_MAX ? UINT16_MAX : (uint16_t)bytes;
}

void pmtu_sent(struct pmtu_sizes *sizes, uint32_t bytes)
{
	uint16_t size_bytes = clamp(bytes);

	if (size_bytes > sizes->largest_bytes) {
		sizes->largest_bytes = size_bytes;
		sizes->largest_again = false;
	} else if (size_bytes == sizes->largest_bytes) {
		sizes->largest_again = true;
	}
}

void pmtu_arrived(struct pmtu_sizes *sizes, uint32_t bytes)
{
	if (bytes > sizes->arrived_bytes)
		sizes->arrived_bytes = clamp(bytes);
}

/* Near the MSS; or of the size that a stream is cut into, where the MSS is not known or not used. */
static bool is_full_size(const struct pmtu *pmtu, const struct pmtu_sizes *sizes,
			 uint32_t mss_bytes)
{
	if (pmtu->stuck_bytes < PMTU_SIZE_MIN)
		return false;
	if (mss_bytes && (uint32_t)pmtu->stuck_bytes + PMTU_OPTIONS_SLACK >= mss_bytes)
		return true;
	return sizes->largest_again &&
	       pmtu->stuck_bytes + PMTU_OPTIONS_SLACK >= sizes->largest_bytes;
}

static bool is_smaller(const struct pmtu *pmtu, uint32_t bytes)
{
	return bytes + PMTU_OPTIONS_SLACK <= pmtu->stuck_bytes;
}

/* How sure it is, with the transmissions in vain so far; 0: not to be said yet. */
static uint8_t confidence_of(const struct pmtu *pmtu, const struct pmtu_sizes *sizes,
			     const struct pmtu_evidence *evidence)
{
	bool full_arrived = evidence->full_arrived || !is_smaller(pmtu, sizes->arrived_bytes);

	if (!is_smaller(pmtu, evidence->arrived_behind_bytes))
		return 0; /* it was lost, no more */
	if (evidence->arrived_behind_bytes) {
		if (full_arrived)
			return pmtu->again >= IN_VAIN_PATH_CHANGED ? CONFIDENCE_PATH_CHANGED : 0;
		return pmtu->again >= IN_VAIN_SMALLER_ARRIVES ? CONFIDENCE_SMALLER_ARRIVES : 0;
	}
	if (full_arrived || !(sizes->arrived_bytes || evidence->smaller_arrived))
		return 0;
	if (pmtu->again >= IN_VAIN_PEER_HEARD && evidence->peer_heard_ns > pmtu->again_ns)
		return CONFIDENCE_PEER_HEARD;
	return pmtu->again >= IN_VAIN_SILENCE ? CONFIDENCE_SILENCE : 0;
}

static void name(struct pmtu *pmtu, uint32_t arrived_bytes, uint32_t transmissions,
		 uint8_t confidence, struct pmtu_black_hole *out)
{
	pmtu->flags |= PMTU_NAMED;
	*out = (struct pmtu_black_hole){
		.seq = pmtu->stuck_seq,
		.lost_bytes = pmtu->stuck_bytes,
		.arrived_bytes = arrived_bytes,
		.transmissions = transmissions,
		.confidence = confidence,
	};
}

bool pmtu_again(struct pmtu *pmtu, const struct pmtu_sizes *sizes, uint32_t seq, uint32_t bytes,
		uint64_t ts_ns, const struct pmtu_evidence *evidence, struct pmtu_black_hole *out)
{
	uint32_t arrived_bytes = evidence->arrived_behind_bytes;
	uint8_t confidence;

	if (pmtu->flags & PMTU_NAMED)
		return false;
	if (pmtu->stuck_bytes == 0 || pmtu->stuck_seq != seq || bytes > pmtu->stuck_bytes) {
		pmtu->stuck_seq = seq;
		pmtu->stuck_bytes = clamp(bytes);
		pmtu->reduced_bytes = 0;
		pmtu->again = 0;
	} else if (is_smaller(pmtu, bytes)) {
		pmtu->reduced_bytes = clamp(bytes);
		return false;
	}
	/* As often as it was sent again now, it was sent before: in vain. */
	if (pmtu->again < UINT16_MAX)
		pmtu->again++;
	if (pmtu->again == 2)
		pmtu->again_ns = ts_ns;
	pmtu->flags &= (uint8_t)~PMTU_FULL_SIZE;
	if (!is_full_size(pmtu, sizes, evidence->mss_bytes))
		return false;
	pmtu->flags |= PMTU_FULL_SIZE;
	confidence = confidence_of(pmtu, sizes, evidence);
	if (confidence == 0)
		return false;
	if (!evidence->full_arrived && sizes->arrived_bytes > arrived_bytes &&
	    is_smaller(pmtu, sizes->arrived_bytes))
		arrived_bytes = sizes->arrived_bytes;
	name(pmtu, arrived_bytes, pmtu->again, confidence, out);
	return true;
}

bool pmtu_acked(struct pmtu *pmtu, uint32_t ack, struct pmtu_black_hole *out)
{
	bool found;

	if (pmtu->stuck_bytes == 0 || pmtu->flags & PMTU_NAMED || !seq_after(ack, pmtu->stuck_seq))
		return false;
	/* It ends inside of what was sent at full size, which therefore did not arrive. */
	found = pmtu->reduced_bytes && pmtu->again + 1 >= IN_VAIN_SMALLER_ARRIVES &&
		pmtu->flags & PMTU_FULL_SIZE &&
		seq_before(ack, pmtu->stuck_seq + pmtu->stuck_bytes);
	if (found)
		name(pmtu, pmtu->reduced_bytes, pmtu->again + 1u, CONFIDENCE_PIECES_ARRIVED, out);
	pmtu->stuck_bytes = 0;
	return found;
}
