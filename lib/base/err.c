#include <stdarg.h>
#include <stdio.h>
#include <tally/err.h>

void tally_diag_set(struct tally_diag *diag, const char *format, ...)
{
    va_list arguments;

    if (diag == NULL) return;
    va_start(arguments, format);
    vsnprintf(diag->text, sizeof diag->text, format, arguments);
    va_end(arguments);
}

const char *tally_err_text(enum tally_err err)
{
    switch (err) {
#define X(name, value, retry, text)                                                            \
    case TALLY_##name:                                                                         \
        return text;
        TALLY_ERR_TABLE(X)
#undef X
    }
    return "unknown error"; /* from a newer peer */
}

const char *tally_err_name(enum tally_err err)
{
    switch (err) {
#define X(name, value, retry, text)                                                            \
    case TALLY_##name:                                                                         \
        return #name;
        TALLY_ERR_TABLE(X)
#undef X
    }
    return "E_?";
}

bool tally_err_retry(enum tally_err err)
{
    switch (err) {
#define X(name, value, retry, text)                                                            \
    case TALLY_##name:                                                                         \
        return retry;
        TALLY_ERR_TABLE(X)
#undef X
    }
    return false;
}
