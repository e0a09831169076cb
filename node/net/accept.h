/* accept - keeps descriptors free for everything that is no connection.
 *
 * Why           NNG 1.5.2 accepts until the process has no descriptor left; then the database
 * cannot open a file, and the node ends. How           `accept` of this program takes the place
 * of libc's, for libnng too: a connection that would get one of the last descriptors is closed
 * at once. The listener's watch (net/listener.h) then finds that nobody gets in and listens
 * anew, which ends the silent connections. Threads       Thread-safe. */
#ifndef NET_ACCEPT_H
#define NET_ACCEPT_H

enum { ACCEPT_RESERVE_MAX = 2048 }; /* descriptors; half of the limit when it is small */

/* Accept no connection with a descriptor from `descriptors_max` less the reserve on; until this
 * is called there is no limit. */
void accept_limit(unsigned long descriptors_max);

#endif
