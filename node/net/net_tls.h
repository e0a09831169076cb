/* net_tls - the certificate files of one endpoint. */
#ifndef NET_NET_TLS_H
#define NET_NET_TLS_H

/* PEM files, read when the endpoint opens; all NULL for tcp:// URLs. Every certificate carries
 * the name "tally": which member speaks is decided by the peer key in the envelope, never by a
 * certificate. */
struct net_tls {
    const char *cert_file; /* own certificate */
    const char *key_file;  /* its private key */
    const char *ca_file;   /* the certificates that others may show; peers only */
};

#endif
