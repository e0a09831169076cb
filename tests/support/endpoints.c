#include "support/endpoints.h"

#include <check.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret.h"

/* NNG 1.5.2 loses a connection that is closed before it is set up, as happens when one side
 * stops while the other dials. Read by the leak checker of -fsanitize=address. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libnng.so\nleak:libmbed";
}

static char directory[64];

void endpoints_no_fork(void)
{
    (void)setenv("CK_FORK", "no", 1);
}

void endpoints_url(const char *scheme, unsigned host, unsigned port, char *ret_url, size_t size)
{
    static uint8_t net[2];

    while (net[0] == 0) secret_random(net, sizeof net);
    (void)snprintf(ret_url, size, "%s127.%u.%u.%u:%u", scheme, (unsigned)net[0],
                   (unsigned)net[1], host, port);
}

static void remove_directory(void)
{
    DIR *entries = opendir(directory);
    char path[512];

    if (entries == NULL) return;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        (void)unlink(path);
    }
    (void)closedir(entries);
    (void)rmdir(directory);
}

const char *endpoints_directory(void)
{
    const char *base = getenv("TMPDIR");

    if (directory[0] != '\0') return directory;
    (void)snprintf(directory, sizeof directory, "%s/tally-test-XXXXXX",
                   base != NULL && strlen(base) < 40 ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)atexit(remove_directory);
    return directory;
}

struct endpoints_files endpoints_certificate(const char *name)
{
    struct endpoints_files files;
    char command[640];

    (void)snprintf(files.cert, sizeof files.cert, "%s/%s.crt", endpoints_directory(), name);
    (void)snprintf(files.key, sizeof files.key, "%s/%s.key", endpoints_directory(), name);
    (void)snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=tally -addext subjectAltName=DNS:tally -keyout %s -out %s "
        "2>/dev/null",
        files.key, files.cert);
    ck_assert_int_eq(system(command), 0);
    return files;
}

void endpoints_chain(const char *name, const struct endpoints_files *files, size_t count,
                     char *ret_path, size_t size)
{
    char text[16 * 1024];

    (void)snprintf(ret_path, size, "%s/%s", endpoints_directory(), name);
    FILE *chain = fopen(ret_path, "w");
    ck_assert_ptr_nonnull(chain);
    for (size_t i = 0; i < count; i++) {
        FILE *cert = fopen(files[i].cert, "r");
        ck_assert_ptr_nonnull(cert);
        const size_t got = fread(text, 1, sizeof text, cert);
        ck_assert_uint_eq(fwrite(text, 1, got, chain), got);
        (void)fclose(cert);
    }
    ck_assert_int_eq(fclose(chain), 0);
}
