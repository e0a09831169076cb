/* raft_script_words - what the commands and the expectations of raft_script share. */
#ifndef SUPPORT_RAFT_SCRIPT_WORDS_H
#define SUPPORT_RAFT_SCRIPT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/raft_cluster.h"

enum { SCRIPT_WORDS_MAX = 16 };

struct script_line {
    char text[256];
    char *words[SCRIPT_WORDS_MAX];
    size_t count;
};

/* The script that runs: one per process. */
struct script {
    const char *file;
    unsigned number; /* of the line */
    char text[256];
    bool automatic; /* disks and checks are done at once */
    struct cluster *cluster;
};
extern struct script script;

/* Fail the test with the script's line and the reason. Does not return. */
__attribute__((noreturn)) void script_stop(const char *why);
/* Word `at` of a line; the test fails when it is missing. */
const char *script_word(const struct script_line *line, size_t at);
/* What a word stands for; the test fails when it is something else. */
uint64_t script_number(const char *text);
uint64_t script_number_or(const struct script_line *line, size_t at, uint64_t otherwise);
uint32_t script_node_id(const char *text);
void script_link_of(const char *text, uint32_t *ret_from, uint32_t *ret_to);
bool script_is_link(const struct script_line *line, size_t at);
enum raft_message_type script_type_of(const char *name);
/* "name=number" in two. */
uint64_t script_pair(const char *text, char ret_name[32]);
/* The field of a message that a script calls `name`; set to *value first unless that is NULL.
 */
uint64_t script_field(struct raft_message *m, const char *name, const uint64_t *value);

const struct raft *script_node_raft(uint32_t id);           /* of a node that is up */
bool script_on_link(size_t at, uint32_t from, uint32_t to); /* the message wire[at] */

/* raft_script_expect.c */
void script_expect_role(uint32_t id, const char *name);
void script_expect(const struct script_line *line);

#endif
