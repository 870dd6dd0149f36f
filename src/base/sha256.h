/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4) as 64 hexadecimal digits. */
#pragma once

#include <stddef.h>

#define SHA256_HEX_SIZE 65

void sha256_hex(const void *data, size_t len, char ret[SHA256_HEX_SIZE]);
