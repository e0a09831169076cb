/* tally/err.h - the one list of errors of library, node and command line.
 *
 * A function that can fail returns enum tally_err; results leave through ret_*
 * parameters, which are written only on TALLY_OK unless the function says
 * otherwise. The values are part of the wire protocol (Response.code) and are the
 * exit status of `tally`: a value is never given a second meaning. A wrong program
 * is not in this list: it stops at an ASSERT.
 *
 * All functions here are thread-safe. */
#ifndef TALLY_ERR_H
#define TALLY_ERR_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TALLY_API       __attribute__((visibility("default")))
#define TALLY_NODISCARD __attribute__((warn_unused_result))

/*   name          value retry  text                                              */
#define TALLY_ERR_TABLE(X)                                                                     \
    X(OK, 0, false, "ok")                                                                      \
    X(E_INVALID, 1, false, "argument outside its documented range")                            \
    X(E_MALFORMED, 2, false, "bytes do not decode")                                            \
    X(E_PROOF, 3, false, "proof does not lead to the given root")                              \
    X(E_SIGNATURE, 4, false, "signature does not verify")                                      \
    X(E_SPLIT_VIEW, 5, false, "two signed checkpoints contradict each other")                  \
    X(E_CORRUPT, 6, false, "stored bytes fail their check")                                    \
    X(E_NOT_FOUND, 7, false, "no such entry, checkpoint or key")                               \
    X(E_NOT_LEADER, 8, true, "this node is not the leader")                                    \
    X(E_BUSY, 9, true, "a documented limit is reached")                                        \
    X(E_TIMEOUT, 10, true, "deadline passed, the outcome is unknown")                          \
    X(E_IO, 11, false, "the operating system refused")                                         \
    X(E_NO_MEMORY, 12, false, "allocation failed")                                             \
    X(E_CONFLICT, 13, false, "this event id stands for other bytes")                           \
    X(E_QUORUM, 14, false, "too few cosignatures for the trust file")                          \
    X(E_MISMATCH, 15, false, "these are not the recorded bytes")                               \
    X(E_DENIED, 16, false, "recorded, and denied by the rules")                                \
    X(E_STALE, 17, false, "the proof is older than asked for")                                 \
    X(E_UNKNOWN_KEY, 18, false, "no such key is enrolled in this ledger")                      \
    X(E_WRONG_LEDGER, 19, false, "made for another ledger")                                    \
    X(E_NOT_APPROVED, 20, false, "recorded, not approved for this environment")                \
    X(E_REVOKED, 21, false, "revoked")                                                         \
    X(E_BLOCKED, 22, false, "quarantined or tainted")                                          \
    X(E_ABSENT, 23, false, "proven never recorded")                                            \
    X(E_TOO_LARGE, 24, false, "over a documented size limit")                                  \
    X(E_SIGNERS, 25, false, "signatures missing or not the ones the event requires")

enum tally_err {
#define X(name, value, retry, text) TALLY_##name = (value),
    TALLY_ERR_TABLE(X)
#undef X
};

/* Human detail beside a code. The caller owns it (usually on the stack); NULL is
 * accepted everywhere and means "code only". Programs never parse it. */
struct tally_diag {
    char text[240];
};

/* Write a printf-formatted text, cut at the size of `diag`. NULL is accepted. */
TALLY_API void tally_diag_set(struct tally_diag *diag, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A static text for `err`; "unknown error" for a value that is not in the table.
 * Never NULL. */
TALLY_API const char *tally_err_text(enum tally_err err);

/* The name without its prefix ("E_PROOF"); "E_?" for an unknown value. Never NULL. */
TALLY_API const char *tally_err_name(enum tally_err err);

/* May the same request succeed later? */
TALLY_API bool tally_err_retry(enum tally_err err);

#ifdef __cplusplus
}
#endif
#endif
