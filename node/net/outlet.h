/* outlet - one outgoing stream: a bounded queue in front of one NNG push socket.
 *
 * Design notes  At most one send is under way; its completion (an NNG thread) starts the next.
 *               While nothing is connected, and when the queue is full, a frame is dropped:
 * what waits for a peer that is away would be stale when it comes back. Threads Thread-safe;
 * the lock of an outlet is a leaf (nothing else is taken inside). */
#ifndef NET_OUTLET_H
#define NET_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/bytes.h"
#include "client/wire.h"

struct outlet;
struct outlet_frame; /* an NNG message */

enum { OUTLET_REDIAL_MS = 3000 };

struct outlet_config {
    const char *url;                   /* copied, as the file names are */
    struct wire_tls tls;               /* read again at each redial */
    size_t frames_max;                 /* waiting */
    size_t size_max;                   /* and their bytes */
    void (*on_connect)(void *context); /* on an NNG thread, without locks */
    void *context;
};

/* Open the socket and dial in the background. Errors: as wire_dial. */
TALLY_NODISCARD enum tally_err outlet_open(const struct outlet_config *config, uint64_t now_ms,
                                           struct outlet **ret_outlet, struct tally_diag *diag);
/* Stop, waiting for NNG's threads, and free; NULL is accepted. */
void outlet_close(struct outlet *outlet);

/* Dial anew when the outlet is without a connection, or `stale`, and was dialed at least
 * OUTLET_REDIAL_MS ago. May take a while: one thread of the owner does it, no other. */
void outlet_redial(struct outlet *outlet, bool stale, uint64_t now_ms);

/* Would a frame of `size` bytes be queued now? */
bool outlet_ready(struct outlet *outlet, size_t size);
/* A frame of `size` bytes to fill and to pass to outlet_send; NULL without memory. */
struct outlet_frame *outlet_frame_new(size_t size, uint8_t **ret_data);
/* Queue a frame and give it up. False: it was dropped. */
bool outlet_send(struct outlet *outlet, struct outlet_frame *frame);

#endif
