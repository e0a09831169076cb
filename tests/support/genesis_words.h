/* genesis_words - what a genesis of three root keys, three members and two people is made of,
 * for tests that change one word of it. Keys come from fixed seeds. A failure inside is a wrong
 * test. One thread at a time: the words are the test's own globals. */
#ifndef SUPPORT_GENESIS_WORDS_H
#define SUPPORT_GENESIS_WORDS_H

#include "base/arena.h"
#include "crypto/sign.h"
#include "event/genesis.h"

enum { WORDS_ROOTS = 3, WORDS_STRANGER = WORDS_ROOTS, WORDS_PEOPLE = 2, WORDS_KEYS = 20 };

struct genesis_words {
    struct arena *arena;
    struct sign_key roots[WORDS_ROOTS + 1];           /* the last one is a stranger */
    uint8_t root_keys[WORDS_KEYS][SIGN_PUBLIC_BYTES]; /* more than a ledger may have */
    uint8_t people_keys[WORDS_PEOPLE][SIGN_PUBLIC_BYTES];
    struct ledger_config config;
    struct event_principal principals[WORDS_PEOPLE]; /* ada: admin and author; bo */
    struct genesis_spec spec;                        /* made of the above; change it freely */
};

extern struct genesis_words words;

void words_open(void);
void words_close(void);
/* The unsigned file of words.spec, and the one that all three root keys signed. */
struct bytes words_new(void);
struct bytes words_complete(void);
/* The file with the signature of one root key more. */
struct bytes words_signed_by(struct bytes file, uint32_t root);
struct genesis words_decoded(struct bytes file);

#endif
