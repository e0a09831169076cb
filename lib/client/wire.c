#include "client/wire.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "crypto/secret.h"

#define WIRE_NAME "tally" /* in every certificate */

static const char tcp_scheme[] = "tcp://";
static const char tls_scheme[] = "tls+tcp://";

bool wire_url_tls(const char *url)
{
    return strncmp(url, tls_scheme, sizeof tls_scheme - 1) == 0;
}

enum tally_err wire_url_check(const char *url, struct tally_diag *diag)
{
    const bool tcp = strncmp(url, tcp_scheme, sizeof tcp_scheme - 1) == 0;
    const char *colon = strrchr(url, ':');
    const bool port = colon != NULL && colon[1] >= '0' && colon[1] <= '9';

    if ((tcp || wire_url_tls(url)) && port && strlen(url) <= LIMIT_URL_SIZE) return TALLY_OK;
    tally_diag_set(diag,
                   "'%.80s': expected tls+tcp://HOST:PORT or tcp://HOST:PORT, at most %d "
                   "characters",
                   url, LIMIT_URL_SIZE);
    return TALLY_E_INVALID;
}

static enum tally_err wire_error(int nng_error, const char *what, const char *name,
                                 struct tally_diag *diag)
{
    tally_diag_set(diag, "%s %.120s: %s", what, name, nng_strerror(nng_error));
    switch (nng_error) {
    case NNG_ENOMEM:
        return TALLY_E_NO_MEMORY;
    case NNG_EINVAL:
    case NNG_EADDRINVAL:
        return TALLY_E_INVALID;
    default:
        return TALLY_E_IO;
    }
}

/* The text of a PEM file, with a NUL; the caller wipes and frees it. */
static enum tally_err pem_read(const char *path, char **ret_text, struct tally_diag *diag)
{
    FILE *file = fopen(path, "re");
    char *text = file == NULL ? NULL : malloc(LIMIT_CONFIG_FILE_SIZE + 1);
    enum tally_err err = TALLY_E_IO;

    if (file == NULL) {
        tally_diag_set(diag, "%.120s: %s", path, strerror(errno));
        return TALLY_E_IO;
    }
    if (text == NULL) {
        err = TALLY_E_NO_MEMORY;
        goto out;
    }
    const size_t size = fread(text, 1, LIMIT_CONFIG_FILE_SIZE + 1, file);
    if (ferror(file) != 0) {
        tally_diag_set(diag, "%.120s: cannot be read", path);
    } else if (size == 0 || size > LIMIT_CONFIG_FILE_SIZE) {
        tally_diag_set(diag, "%.120s: empty, or over %d bytes", path, LIMIT_CONFIG_FILE_SIZE);
    } else {
        text[size] = '\0';
        *ret_text = text;
        text = NULL;
        err = TALLY_OK;
    }
out:
    free(text);
    (void)fclose(file);
    return err;
}

static void pem_free(char *text)
{
    if (text != NULL) secret_wipe(text, strlen(text));
    free(text);
}

static enum tally_err load_own(nng_tls_config *config, const struct wire_tls *tls,
                               struct tally_diag *diag)
{
    char *cert = NULL;
    char *key = NULL;
    enum tally_err err = pem_read(tls->cert_file, &cert, diag);

    if (err == TALLY_OK) err = pem_read(tls->key_file, &key, diag);
    if (err == TALLY_OK) {
        const int rv = nng_tls_config_own_cert(config, cert, key, NULL);
        if (rv != 0) {
            err = wire_error(rv, "cannot use certificate or key of", tls->cert_file, diag);
            if (err == TALLY_E_INVALID) err = TALLY_E_IO;
        }
    }
    pem_free(cert);
    pem_free(key);
    return err;
}

static enum tally_err trust(nng_tls_config *config, const char *path, bool first_only,
                            struct tally_diag *diag)
{
    static const char end[] = "-----END CERTIFICATE-----";
    char *chain = NULL;
    enum tally_err err = pem_read(path, &chain, diag);

    if (err == TALLY_OK) {
        char *first_end = strstr(chain, end);
        if (first_only && first_end != NULL) memcpy(first_end + sizeof end - 1, "\n", 2);
        const int rv = nng_tls_config_ca_chain(config, chain, NULL);
        if (rv != 0) {
            err = wire_error(rv, "cannot use the certificates in", path, diag);
            if (err == TALLY_E_INVALID) err = TALLY_E_IO;
        }
    }
    pem_free(chain);
    return err;
}

static enum tally_err tls_configure(nng_tls_mode mode, const struct wire_tls *tls,
                                    nng_tls_config **ret_config, struct tally_diag *diag)
{
    nng_tls_config *config = NULL;
    int rv = nng_tls_config_alloc(&config, mode);
    enum tally_err err = TALLY_OK;

    if (rv != 0) return wire_error(rv, "no TLS configuration:", "", diag);
    rv = nng_tls_config_auth_mode(config, tls->ca_file != NULL ? NNG_TLS_AUTH_MODE_REQUIRED
                                                               : NNG_TLS_AUTH_MODE_NONE);
    if (rv == 0 && mode == NNG_TLS_MODE_CLIENT)
        rv = nng_tls_config_server_name(config, WIRE_NAME);
    if (rv == 0) rv = nng_tls_config_version(config, NNG_TLS_1_2, NNG_TLS_1_2);
    if (rv != 0) err = wire_error(rv, "TLS configuration", "", diag);
    if (err == TALLY_OK && tls->cert_file != NULL) err = load_own(config, tls, diag);
    if (err == TALLY_OK && tls->ca_file != NULL) err = trust(config, tls->ca_file, false, diag);
    /* A server believes itself as well: wire_dial_self. */
    if (err == TALLY_OK && tls->ca_file != NULL && mode == NNG_TLS_MODE_SERVER)
        err = trust(config, tls->cert_file, true, diag);
    if (err == TALLY_OK)
        *ret_config = config;
    else
        nng_tls_config_free(config);
    return err;
}

/* Do the files fit the URL and the side? A client that checks nothing is never wanted. */
static enum tally_err files_check(const char *url, const struct wire_tls *tls, bool server,
                                  struct tally_diag *diag)
{
    const bool cert = tls->cert_file != NULL;
    const bool ca = tls->ca_file != NULL;

    if (cert != (tls->key_file != NULL)) {
        tally_diag_set(diag, "%.120s: a certificate and its key go together", url);
        return TALLY_E_INVALID;
    }
    if (!wire_url_tls(url) && (cert || ca)) {
        tally_diag_set(diag, "%.120s: tcp:// uses no certificates", url);
        return TALLY_E_INVALID;
    }
    if (wire_url_tls(url) && (server ? !cert : !ca)) {
        tally_diag_set(diag, "%.120s: tls+tcp:// needs %s", url,
                       server ? "a certificate and its key" : "the certificates to believe");
        return TALLY_E_INVALID;
    }
    return TALLY_OK;
}

enum tally_err wire_listen(uint32_t socket_id, const char *url, const struct wire_tls *tls,
                           uint16_t *ret_port, uint32_t *ret_listener, struct tally_diag *diag)
{
    const nng_socket socket = {.id = socket_id};
    nng_listener listener = NNG_LISTENER_INITIALIZER;
    nng_tls_config *config = NULL;
    int port = 0;
    int rv;
    enum tally_err err = wire_url_check(url, diag);

    if (err == TALLY_OK) err = files_check(url, tls, true, diag);
    if (err == TALLY_OK && wire_url_tls(url))
        err = tls_configure(NNG_TLS_MODE_SERVER, tls, &config, diag);
    if (err != TALLY_OK) return err;

    rv = nng_listener_create(&listener, socket, url);
    if (rv == 0 && config != NULL)
        rv = nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
    if (rv == 0) rv = nng_listener_start(listener, 0);
    if (rv == 0) rv = nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port);
    if (config != NULL) nng_tls_config_free(config);
    if (rv != 0) {
        if (nng_listener_id(listener) > 0) (void)nng_listener_close(listener);
        return wire_error(rv, "cannot listen on", url, diag);
    }
    *ret_port = (uint16_t)port;
    *ret_listener = (uint32_t)nng_listener_id(listener);
    return TALLY_OK;
}

void wire_listen_end(uint32_t listener_id)
{
    const nng_listener listener = {.id = listener_id};

    (void)nng_listener_close(listener);
}

static enum tally_err dial(uint32_t socket_id, const char *url, nng_tls_config *config,
                           uint32_t *ret_dialer, struct tally_diag *diag)
{
    const nng_socket socket = {.id = socket_id};
    nng_dialer dialer = NNG_DIALER_INITIALIZER;
    int rv = nng_dialer_create(&dialer, socket, url);

    if (rv == 0 && config != NULL) rv = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
    if (rv == 0) rv = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    if (config != NULL) nng_tls_config_free(config);
    if (rv != 0) {
        if (nng_dialer_id(dialer) > 0) (void)nng_dialer_close(dialer);
        return wire_error(rv, "cannot dial", url, diag);
    }
    *ret_dialer = (uint32_t)nng_dialer_id(dialer);
    return TALLY_OK;
}

enum tally_err wire_dial(uint32_t socket_id, const char *url, const struct wire_tls *tls,
                         uint32_t *ret_dialer, struct tally_diag *diag)
{
    nng_tls_config *config = NULL;
    enum tally_err err = wire_url_check(url, diag);

    if (err == TALLY_OK) err = files_check(url, tls, false, diag);
    if (err == TALLY_OK && wire_url_tls(url))
        err = tls_configure(NNG_TLS_MODE_CLIENT, tls, &config, diag);
    return err == TALLY_OK ? dial(socket_id, url, config, ret_dialer, diag) : err;
}

enum tally_err wire_dial_self(uint32_t socket_id, const char *url, const struct wire_tls *tls,
                              uint32_t *ret_dialer)
{
    const struct wire_tls own = {tls->cert_file, tls->key_file, NULL};
    nng_tls_config *config = NULL;
    enum tally_err err = TALLY_OK;

    if (wire_url_tls(url)) err = tls_configure(NNG_TLS_MODE_CLIENT, &own, &config, NULL);
    return err == TALLY_OK ? dial(socket_id, url, config, ret_dialer, NULL) : err;
}

void wire_hang_up(uint32_t dialer_id)
{
    const nng_dialer dialer = {.id = dialer_id};

    (void)nng_dialer_close(dialer);
}
