/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), and the keyed hash that is made of it (RFC 2104). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65

void sha256(const void *data, size_t len, uint8_t ret[SHA256_SIZE]);
void sha256_hex(const void *data, size_t len, char ret[SHA256_HEX_SIZE]);
/* 0; -ENOMEM. */
int hmac_sha256_hex(const void *key, size_t key_len, const void *data, size_t len, char ret[SHA256_HEX_SIZE]);
/* Lower-case digits and a NUL: 2 * len + 1 bytes. */
void hex_of(const uint8_t *data, size_t len, char *ret);
/* Takes the same time wherever they differ, so that nobody learns a proof digit by digit. */
bool secret_equal(const char *a, const char *b);
