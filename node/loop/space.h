/* space - what a node does about the space on its file system.
 *
 * RocksDB 7.8 ends the process when a flush, a compaction or an open meets a full disk. So a
 * node keeps a reserve, the ballast: a file as large as all write buffers. A node with little
 * space leads no more. When nearly all is gone, the ballast goes back to the file system, so
 * that what is in the write buffers can be written, and the node takes no more blocks until
 * there is space for all of it again. When that space is taken, too, it writes nothing at all.
 *
 * Pure: no I/O; run_space.c asks the file system and does what is decided here. Not
 * thread-safe. */
#ifndef LOOP_SPACE_H
#define LOOP_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#define SPACE_MIB (UINT64_C(1) << 20)

/* Bytes that are free for everyone, the ballast not counted. */
#define SPACE_BALLAST_SIZE (256 * SPACE_MIB) /* all write buffers: store_rocksdb_open.c */
#define SPACE_NONE_BELOW   (32 * SPACE_MIB)  /* with the ballast gone: the end of writing */
#define SPACE_FULL_BELOW   (128 * SPACE_MIB) /* the ballast goes back; no more blocks */
#define SPACE_LOW_BELOW    (256 * SPACE_MIB) /* must not lead */
#define SPACE_GOOD_FROM    (384 * SPACE_MIB) /* may lead again */
/* What opening a database may write: all write buffers, with as much again as is kept free. */
#define SPACE_OPEN_SIZE (SPACE_BALLAST_SIZE + SPACE_FULL_BELOW)
/* What a node needs that has no ballast yet. */
#define SPACE_WHOLE_SIZE (SPACE_BALLAST_SIZE + SPACE_GOOD_FROM)

_Static_assert(SPACE_NONE_BELOW < SPACE_FULL_BELOW && SPACE_FULL_BELOW < SPACE_LOW_BELOW &&
                   SPACE_LOW_BELOW < SPACE_GOOD_FROM,
               "between two states there is room");

enum space_state {
    SPACE_GOOD,
    SPACE_LOW,  /* takes blocks, does not lead */
    SPACE_FULL, /* takes no blocks either; the ballast was given back */
};

enum space_act {
    SPACE_KEEP,
    SPACE_RELEASE, /* give the ballast back */
    SPACE_RESTORE, /* make it again */
    SPACE_END,     /* write nothing any more, not even a vote */
};

struct space {
    enum space_state state;
    bool ballast; /* the file is there, whole; whoever acts keeps this true */
};

/* So many bytes are free now: the state that follows, and what to do with the ballast. */
enum space_act space_look(struct space *space, uint64_t available);
/* The same before the database is opened, which may need all write buffers at once. False:
 * there is too little to open it; then nothing changes. */
bool space_begin(struct space *space, uint64_t available, enum space_act *ret_act);

#endif
