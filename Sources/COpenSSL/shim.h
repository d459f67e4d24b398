//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_OPENSSL_SHIM_H
#define C_OPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// OpenSSL offers these as macros with casts or as variadic functions, which Swift cannot import.

/// A new key on P-256; NULL where it fails.
static inline EVP_PKEY *copenssl_make_p256_key(void) {
    return EVP_EC_gen("P-256");
}

/// Sets the lowest and the highest protocol version of a context; 1 where it worked.
static inline int copenssl_set_protocol_versions(SSL_CTX *context, int lowest, int highest) {
    return SSL_CTX_set_min_proto_version(context, lowest) == 1 && SSL_CTX_set_max_proto_version(context, highest) == 1;
}

/// Sets the groups for the key exchange, in order of preference; 1 where it worked.
static inline int copenssl_set_groups(SSL_CTX *context, const char *groups) {
    return (int)SSL_CTX_set1_groups_list(context, groups);
}

/// Restricts one connection to one version; 1 where it worked. Tests play old peers by it.
static inline int copenssl_restrict_version(SSL *ssl, int version) {
    return SSL_set_min_proto_version(ssl, version) == 1 && SSL_set_max_proto_version(ssl, version) == 1;
}

static inline void copenssl_set_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_mode(context, mode);
}

static inline void copenssl_disable_session_cache(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

/// Bounds the bytes of a peer's certificate message.
static inline void copenssl_set_largest_certificate_list(SSL_CTX *context, long byte_count) {
    SSL_CTX_set_max_cert_list(context, byte_count);
}

/// Adds a certificate to those sent after the own one; takes a reference of its own. 1 where it worked.
static inline int copenssl_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

/// How names are printed: RFC 2253.
static inline unsigned long copenssl_rfc2253_flags(void) {
    return XN_FLAG_RFC2253;
}

/// The options of every connection; the macros are 64-bit expressions.
static inline uint64_t copenssl_options(void) {
    return SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
}

#endif
