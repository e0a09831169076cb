/* wire - NNG listeners and dialers over tcp:// and tls+tcp://, for clients and nodes.
 *
 * A socket is named by its NNG id, so that this header needs none of NNG's. Certificates are
 * checked against the given ones and the name "tally"; TLS 1.2 (NNG 1.5). Thread-safe. */
#ifndef CLIENT_WIRE_H
#define CLIENT_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>

/* NNG counts its request ids in the size of a message; added to NNG_OPT_RECVMAXSZ. What is over
 * a limit by less than this is refused by the decoder. */
enum { WIRE_HEADER_MAX = 64 };

/* PEM files; NULL where there is none. */
struct wire_tls {
    const char *cert_file; /* own certificate; servers, and clients that must show one */
    const char *key_file;  /* its private key, exactly when there is a cert_file */
    const char *ca_file;   /* whom to believe; a server with one requires client certificates */
};

/* Is it tls+tcp://...? */
bool wire_url_tls(const char *url);
/* Is it one of the two schemes followed by host:port, of at most LIMIT_URL_SIZE bytes?
 *   TALLY_E_INVALID  no; diag says what is expected */
TALLY_NODISCARD enum tally_err wire_url_check(const char *url, struct tally_diag *diag);

/* Listen on `url`; *ret_port is the port, also when the URL says 0, *ret_listener is not 0. A
 * tcp:// URL wants no files. Errors: TALLY_E_INVALID (URL; files missing or superfluous),
 * TALLY_E_IO (file unreadable or unusable, address in use), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err wire_listen(uint32_t socket_id, const char *url,
                                           const struct wire_tls *tls, uint16_t *ret_port,
                                           uint32_t *ret_listener, struct tally_diag *diag);
/* End a listener and its connections. Its address is free a moment later. Not on an NNG thread.
 */
void wire_listen_end(uint32_t listener_id);
/* Dial a listener of our own, with its files: shows its certificate and checks none. */
TALLY_NODISCARD enum tally_err wire_dial_self(uint32_t socket_id, const char *url,
                                              const struct wire_tls *tls, uint32_t *ret_dialer);

/* Keep dialing `url` in the background until wire_hang_up or until the socket is closed;
 * *ret_dialer is not 0. Errors: as wire_listen. */
TALLY_NODISCARD enum tally_err wire_dial(uint32_t socket_id, const char *url,
                                         const struct wire_tls *tls, uint32_t *ret_dialer,
                                         struct tally_diag *diag);
/* End a dialer and its connection. NNG never gives up an attempt by itself: not a TLS handshake
 * that the other side stopped answering, not a connection whose host vanished. Dialing again is
 * the way out. Not on an NNG thread. */
void wire_hang_up(uint32_t dialer_id);

#endif
