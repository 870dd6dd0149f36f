/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648) for data in links. */
#pragma once

#include "base/strbuf.h"

void base64_add(struct strbuf *b, const void *data, size_t len);
