#include "support/cli_run.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/file.h"
#include "crypto/vkey.h"
#include "tally/cli.h"

enum { LINE_SIZE = 4096, WORDS_MAX = 64, FILE_SIZE_MAX = 1024 * 1024 };

char cli_run_out[64 * 1024], cli_run_err[64 * 1024];

static char folder[64];
static uint8_t *last_read;

void cli_run_open(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/tally-test.XXXXXX");
    ASSERT(mkdtemp(folder) != NULL);
    ASSERT(chdir(folder) == 0);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

void cli_run_close(void)
{
    free(last_read);
    last_read = NULL;
    ASSERT(chdir("/") == 0);
    ASSERT(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

int cli_run(const char *format, ...)
{
    const char *words[WORDS_MAX] = {"tally"};
    char line[LINE_SIZE];
    int count = 1;
    va_list arguments;

    va_start(arguments, format);
    ASSERT(vsnprintf(line, sizeof line, format, arguments) < (int)sizeof line);
    va_end(arguments);
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        ASSERT(count < WORDS_MAX);
        words[count++] = word;
    }
    memset(cli_run_out, 0, sizeof cli_run_out);
    memset(cli_run_err, 0, sizeof cli_run_err);
    FILE *out = fmemopen(cli_run_out, sizeof cli_run_out - 1, "w");
    FILE *err = fmemopen(cli_run_err, sizeof cli_run_err - 1, "w");
    ASSERT(out != NULL && err != NULL);
    const int status = cli_main(count, words, out, err);
    ASSERT(fclose(out) == 0 && fclose(err) == 0);
    return status;
}

void cli_run_write(const char *path, struct bytes data, uint32_t mode)
{
    ASSERT(file_write(path, data, mode, NULL) == TALLY_OK);
}

void cli_run_write_text(const char *path, const char *text)
{
    cli_run_write(path, bytes_of(text, strlen(text)), 0644);
}

void cli_run_write_key(const char *path, const char *name, const struct sign_key *key)
{
    char hex[2 * SIGN_SEED_BYTES + 1], text[256], public_path[256];
    char vkey_text[VKEY_TEXT_MAX];
    struct vkey vkey;

    bytes_hex(key->secret, SIGN_SEED_BYTES, hex);
    (void)snprintf(text, sizeof text, "tally-key v1\nkind user\nname %s\nseed %s\n", name, hex);
    cli_run_write(path, bytes_of(text, strlen(text)), 0600);
    ASSERT(vkey_make(name, VKEY_ED25519, key->public_key, &vkey) == TALLY_OK);
    vkey_format(&vkey, vkey_text);
    (void)snprintf(text, sizeof text, "%s\n", vkey_text);
    (void)snprintf(public_path, sizeof public_path, "%s.pub", path);
    cli_run_write_text(public_path, text);
}

bool cli_run_exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

struct bytes cli_run_read(const char *path)
{
    size_t size = 0;

    free(last_read);
    last_read = NULL;
    ASSERT(file_read(path, FILE_SIZE_MAX, &last_read, &size, NULL) == TALLY_OK);
    return bytes_of(last_read, size);
}
