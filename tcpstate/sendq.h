/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendq.h - what an endpoint has sent and its peer has not acknowledged, segment by segment: the
 * scoreboard. Ranges stand in order of sequence number and touch each other; what the tap never saw
 * stands there too, as unseen.
 *
 * The first few ranges have room with the queue's owner, more in slabs of a pool. Both have limits. A
 * queue that reaches one is `overflowed`: it is emptied and says nothing until all is acknowledged.
 */
#ifndef BBTAP_TCPSTATE_SENDQ_H
#define BBTAP_TCPSTATE_SENDQ_H

#include <stdbool.h>
#include <stdint.h>

enum sent_flag {
	SENT_SACKED = 0x01,
	SENT_UNSEEN = 0x02,	 /* the tap has seen what is behind it, not it */
	SENT_ONCE_UNSEEN = 0x04, /* it was, and then something that filled it was seen */
	SENT_FIN = 0x08,
	SENT_RETRANSMITTED = 0x10,
	SENT_PROBE = 0x20,     /* the last transmission was a tail-loss probe */
	SENT_LOST = 0x40,      /* the sender holds it to be lost; see pipe.h */
	SENT_AGAIN_OUT = 0x80, /* sent again, and that is neither delivered nor lost so far */
};

struct sent_range {
	uint64_t sent_ns; /* the last time; of an unseen one, when the hole was noticed */
	uint32_t start, end;
	uint32_t tsval; /* of the last transmission; of an unseen one, of the segment behind it */
	uint16_t ip_id; /* likewise */
	uint8_t retransmissions;
	uint8_t flags; /* enum sent_flag */
};

#define SENDQ_INLINE 2 /* all these are powers of two */
#define SENDQ_SLABS  4
#define SENDQ_MAX    8192
extern const uint32_t sendq_slab_ranges[SENDQ_SLABS];

struct sendq {
	struct sent_range *ranges; /* the owner's own, or a slab */
	uint16_t head, tail;	   /* free running */
	uint16_t mask;
	uint8_t slab_class; /* + 1; 0: no slab */
	bool overflowed;
};

/* Slabs for all queues of a worker. */
struct sendq_pool {
	struct {
		struct sent_range *arena;
		struct sent_range *free; /* linked through the first bytes */
		uint32_t touched, total;
	} classes[SENDQ_SLABS];
};

/* Reserves address space; an equal part of `bytes` for each size of slab. 0 or -ENOMEM. */
int sendq_pool_init(struct sendq_pool *pool, uint64_t bytes);
void sendq_pool_dispose(struct sendq_pool *pool);
uint64_t sendq_pool_memory_bytes(const struct sendq_pool *pool);

/* own: room for SENDQ_INLINE ranges, which lives as long as the queue. */
void sendq_init(struct sendq *queue, struct sent_range *own);
/* Gives back its slab; the queue is empty and usable. own: as above. */
void sendq_clear(struct sendq *queue, struct sendq_pool *pool, struct sent_range *own);

static inline uint32_t sendq_count(const struct sendq *queue)
{
	return (uint16_t)(queue->tail - queue->head);
}

/* The i-th range, i < sendq_count(); 0 is the oldest. Valid until the queue changes. */
static inline struct sent_range *sendq_at(struct sendq *queue, uint32_t i)
{
	return &queue->ranges[(queue->head + i) & queue->mask];
}

/* Moves to a larger slab. False: there is none. */
bool sendq_grow(struct sendq *queue, struct sendq_pool *pool);

/* Appends a range, which begins where the last one ends. False: no room, nothing has changed. */
static inline bool sendq_push(struct sendq *queue, struct sendq_pool *pool,
			      const struct sent_range *range)
{
	if (sendq_count(queue) > queue->mask && !sendq_grow(queue, pool))
		return false;
	queue->ranges[queue->tail++ & queue->mask] = *range;
	return true;
}

/* Index of the first range whose end is behind seq; sendq_count() if there is none. */
uint32_t sendq_find(struct sendq *queue, uint32_t seq);

/*
 * Cuts the i-th range in two at `seq`, which lies inside it; both halves keep what is known of the
 * whole. False: no room for one more; nothing has changed.
 */
bool sendq_split(struct sendq *queue, struct sendq_pool *pool, uint32_t i, uint32_t seq);

/* Takes the oldest range off. */
static inline void sendq_pop(struct sendq *queue)
{
	queue->head++;
}

#endif
