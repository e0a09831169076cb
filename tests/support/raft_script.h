/* raft_script - one story told to a raft_cluster, read from a file; the language is described
 * in tests/scenario/raft/README.md. For Check tests: a story that does not hold fails the test
 * with its file, line and reason. */
#ifndef SUPPORT_RAFT_SCRIPT_H
#define SUPPORT_RAFT_SCRIPT_H

void script_run(const char *path);

#endif
