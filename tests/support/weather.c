/* weather - network namespaces on one machine, and the weather between them.
 *
 *   weather PLACES SEED
 *
 * Makes PLACES namespaces. The N-th (from 1) has the address 198.18.0.N/24 on a TUN device, a
 * loopback device and no way out. This process switches their packets by destination. First it
 * says `ready PID PID ...`: a process in each namespace, for `nsenter -t PID -n`. Then it takes
 * commands from standard input and answers each with one line, `ok` or `error ...`:
 *
 *   link FROM TO [delay=MS] [jitter=MS] [loss=P] [dup=P] [rate=BYTES/S] [cut=0|1]
 *                          what is not named stays; `*` stands for all places
 *   clear                  no weather anywhere
 *   stats                  answered by `stats packets=N delivered=N lost=N doubled=N cut=N
 * crowded=N`
 *
 * It ends when standard input does, and the namespaces with it. Exit status 77: this machine or
 * user can make no namespaces or TUN devices. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/weather_line.h"

enum { NOT_ABLE = 77, LINE_MAX_SIZE = 512, IPV4_HEADER = 20, DESTINATION = 16, LAST_BYTE = 3 };

static const uint8_t network[LAST_BYTE] = {198, 18, 0};

struct world {
    size_t places;
    int tun[WEATHER_PLACES_MAX];
    pid_t holder[WEATHER_PLACES_MAX];
    struct weather_sky *sky;
    char line[LINE_MAX_SIZE];
    size_t line_size;
};

/* ---- namespaces ---------------------------------------------------------------------- */

/* Give `name` an address (unless 0) and put it up, in the namespace of this process. */
static bool device_up(const char *name, uint32_t address)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    bool good = fd >= 0;

    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (good && address != 0) {
        in.sin_addr.s_addr = htonl(address);
        memcpy(&request.ifr_addr, &in, sizeof in);
        good = ioctl(fd, SIOCSIFADDR, &request) == 0;
        in.sin_addr.s_addr = htonl(0xffffff00U);
        memcpy(&request.ifr_netmask, &in, sizeof in);
        good = good && ioctl(fd, SIOCSIFNETMASK, &request) == 0;
    }
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    good = good && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    if (fd >= 0) close(fd);
    return good;
}

/* A new namespace for this process, with its TUN device; -1 and errno. */
static int namespace_new(size_t place)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    const uint32_t address = (uint32_t)network[0] << 24 | (uint32_t)network[1] << 16 |
                             (uint32_t)network[2] << 8 | (uint32_t)(place + 1);

    if (unshare(CLONE_NEWNET) != 0) return -1;
    const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return -1;
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "weather");
    if (ioctl(fd, TUNSETIFF, &request) == 0 && device_up("weather", address) &&
        device_up("lo", 0))
        return fd;
    close(fd);
    return -1;
}

/* Room for one descriptor in a message. */
union room {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* Send a descriptor, or the errno why there is none. */
static void tell(int channel, int fd)
{
    union room room = {0};
    int error = fd < 0 ? errno : 0;
    struct iovec data = {.iov_base = &error, .iov_len = sizeof error};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

    if (fd >= 0) {
        message.msg_control = room.bytes;
        message.msg_controllen = sizeof room.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    (void)sendmsg(channel, &message, 0);
}

/* The descriptor that `tell` sent; -1 and errno. */
static int hear(int channel)
{
    union room room = {0};
    int error = EPIPE;
    int fd = -1;
    struct iovec data = {.iov_base = &error, .iov_len = sizeof error};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = room.bytes,
                             .msg_controllen = sizeof room.bytes};

    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) > 0) {
        const struct cmsghdr *head = CMSG_FIRSTHDR(&message);

        if (head != NULL && head->cmsg_type == SCM_RIGHTS)
            memcpy(&fd, CMSG_DATA(head), sizeof fd);
    }
    errno = error;
    return fd;
}

/* The process that keeps a namespace alive, as long as its parent lives. */
static void hold(int channel, size_t place)
{
    const pid_t parent = getppid();

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int fd = namespace_new(place);
    tell(channel, fd);
    if (fd >= 0) close(fd);
    close(channel);
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    for (;;) pause();
}

static bool place_open(struct world *world, size_t place)
{
    int pair[2] = {-1, -1};

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
    const pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        hold(pair[1], place);
    }
    close(pair[1]);
    if (pid > 0) {
        world->holder[place] = pid;
        world->tun[place] = hear(pair[0]);
    }
    const int error = errno;
    close(pair[0]);
    errno = error;
    return pid > 0 && world->tun[place] >= 0;
}

static void world_close(struct world *world)
{
    for (size_t i = 0; i < world->places; i++) {
        if (world->tun[i] >= 0) close(world->tun[i]);
        if (world->holder[i] <= 0) continue;
        (void)kill(world->holder[i], SIGKILL);
        (void)waitpid(world->holder[i], NULL, 0);
    }
    weather_sky_free(world->sky);
}

/* ---- packets ------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void deliver(void *context, size_t to, const uint8_t *data, size_t size)
{
    const struct world *world = context;

    /* A full device loses the packet, as a network card does. */
    if (write(world->tun[to], data, size) < 0) return;
}

/* Take what a place sends. Only IPv4 for a place of this world goes anywhere. */
static void receive(struct world *world, size_t from)
{
    enum { BURST = 64 };
    uint8_t data[WEATHER_PACKET_MAX];

    for (int i = 0; i < BURST; i++) {
        const ssize_t size = read(world->tun[from], data, sizeof data);
        const uint8_t *to = &data[DESTINATION];

        if (size <= 0) return;
        if (size < IPV4_HEADER || data[0] >> 4 != 4 || memcmp(to, network, sizeof network) != 0)
            continue;
        if (to[LAST_BYTE] == 0 || to[LAST_BYTE] > world->places) continue;
        weather_send(world->sky, from, (size_t)to[LAST_BYTE] - 1, data, (size_t)size, now_ns());
    }
}

/* ---- commands ------------------------------------------------------------------------ */

static double *field(struct weather_rule *rule, const char *name)
{
    if (strcmp(name, "delay") == 0) return &rule->delay_ms;
    if (strcmp(name, "jitter") == 0) return &rule->jitter_ms;
    if (strcmp(name, "loss") == 0) return &rule->loss;
    if (strcmp(name, "dup") == 0) return &rule->dup;
    if (strcmp(name, "rate") == 0) return &rule->rate;
    if (strcmp(name, "cut") == 0) return &rule->cut;
    return NULL;
}

/* "3" is place 2 alone, "*" all of them: from *first to before *end. */
static bool places_of(const struct world *world, const char *word, size_t *first, size_t *end)
{
    if (word == NULL) return false;
    *first = 0;
    *end = world->places;
    if (strcmp(word, "*") == 0) return true;
    const unsigned long number = strtoul(word, NULL, 10);
    if (number == 0 || number > world->places) return false;
    *first = number - 1;
    *end = number;
    return true;
}

/* The settings of `words` for one link. False: a word makes no sense. */
static bool link_set(struct weather_rule *rule, const char *words)
{
    char copy[LINE_MAX_SIZE];
    char *state = NULL;

    (void)snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, " ", &state); word != NULL;
         word = strtok_r(NULL, " ", &state)) {
        char *value = strchr(word, '=');
        char *end = NULL;

        if (value == NULL) return false;
        *value++ = '\0';
        const double number = strtod(value, &end);
        double *at = field(rule, word);
        if (at == NULL || end == value || *end != '\0' || number < 0) return false;
        *at = number;
    }
    return true;
}

static bool command_link(struct world *world, char **state)
{
    size_t from = 0, from_end = 0, to_first = 0, to_end = 0;

    if (!places_of(world, strtok_r(NULL, " ", state), &from, &from_end) ||
        !places_of(world, strtok_r(NULL, " ", state), &to_first, &to_end))
        return false;
    for (; from < from_end; from++)
        for (size_t to = to_first; to < to_end; to++)
            if (!link_set(weather_rule(world->sky, from, to), *state)) return false;
    return true;
}

static void command(struct world *world, char *line)
{
    char *state = NULL;
    const char *name = strtok_r(line, " ", &state);
    const struct weather_counts counts = weather_counts(world->sky);

    if (name != NULL && strcmp(name, "link") == 0) {
        puts(command_link(world, &state) ? "ok" : "error: link FROM TO key=number ...");
    } else if (name != NULL && strcmp(name, "clear") == 0) {
        for (size_t i = 0; i < world->places; i++)
            for (size_t j = 0; j < world->places; j++)
                *weather_rule(world->sky, i, j) = (struct weather_rule){0};
        puts("ok");
    } else if (name != NULL && strcmp(name, "stats") == 0) {
        printf(
            "stats packets=%llu delivered=%llu lost=%llu doubled=%llu cut=%llu crowded=%llu\n",
            (unsigned long long)counts.packets, (unsigned long long)counts.delivered,
            (unsigned long long)counts.lost, (unsigned long long)counts.doubled,
            (unsigned long long)counts.cut, (unsigned long long)counts.crowded);
    } else {
        puts("error: link, clear or stats");
    }
    (void)fflush(stdout);
}

/* Read and obey what is there. False: standard input has ended. */
static bool commands(struct world *world)
{
    const size_t room = sizeof world->line - 1 - world->line_size;
    const ssize_t size = read(STDIN_FILENO, world->line + world->line_size, room);

    if (size <= 0) return false;
    world->line_size += (size_t)size;
    world->line[world->line_size] = '\0';
    for (char *end = strchr(world->line, '\n'); end != NULL; end = strchr(world->line, '\n')) {
        *end++ = '\0';
        command(world, world->line);
        world->line_size -= (size_t)(end - world->line);
        memmove(world->line, end, world->line_size + 1);
    }
    return world->line_size < sizeof world->line - 1;
}

/* ---- the loop ------------------------------------------------------------------------ */

static void run(struct world *world)
{
    struct pollfd polled[WEATHER_PLACES_MAX + 1];
    const size_t input = world->places;

    for (size_t i = 0; i < world->places; i++)
        polled[i] = (struct pollfd){.fd = world->tun[i], .events = POLLIN};
    polled[input] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        const uint64_t next = weather_arrivals(world->sky, now_ns(), deliver, world);
        const struct timespec wait = {.tv_sec = (time_t)(next / 1000000000U),
                                      .tv_nsec = (long)(next % 1000000000U)};

        if (ppoll(polled, input + 1, next == UINT64_MAX ? NULL : &wait, NULL) < 0) {
            if (errno == EINTR) continue;
            return;
        }
        for (size_t i = 0; i < world->places; i++)
            if (polled[i].revents != 0) receive(world, i);
        if (polled[input].revents != 0 && !commands(world)) return;
    }
}

int main(int argc, char **argv)
{
    struct world world = {0};

    if (argc != 3 || (world.places = strtoul(argv[1], NULL, 10)) < 1 ||
        world.places > WEATHER_PLACES_MAX) {
        (void)fprintf(stderr, "usage: weather PLACES SEED (1 to %d places)\n",
                      WEATHER_PLACES_MAX);
        return 64;
    }
    memset(world.tun, -1, sizeof world.tun);
    world.sky = weather_sky_new(world.places, strtoull(argv[2], NULL, 10));
    bool good = world.sky != NULL;
    for (size_t i = 0; good && i < world.places; i++) good = place_open(&world, i);
    if (!good) {
        printf("weather: no network namespace with a TUN device: %s (needs root and "
               "/dev/net/tun)\n",
               strerror(errno));
        world_close(&world);
        return NOT_ABLE;
    }
    printf("ready");
    for (size_t i = 0; i < world.places; i++) printf(" %d", (int)world.holder[i]);
    printf("\n");
    (void)fflush(stdout);
    run(&world);
    world_close(&world);
    return 0;
}
