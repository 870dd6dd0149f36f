/* SPDX-License-Identifier: MIT */
/*
 * Strict readers for everything that comes from people, files and sysfs.
 * All return 0 or -EINVAL/-ERANGE and touch *ret only on success. Leading and
 * trailing blanks and one newline are tolerated, anything else left over is an error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_STR_MAX 37 /* 36 characters and NUL */
#define PCI_STR_MAX  16 /* "0000:41:00.0" with room for wide domains */
#define KIB          ((uint64_t)1024)
#define MIB          (KIB * 1024)
#define GIB          (MIB * 1024)

struct pci_address {
	uint32_t domain;
	uint8_t bus, device, function;
};

int parse_u64(const char *s, uint64_t *ret); /* decimal or 0x... */
int parse_u32(const char *s, uint32_t *ret);
int parse_size(const char *s, uint64_t *ret);          /* "10G", "512MiB", "1.5g", "4096": powers of 1024 */
int parse_percent(const char *s, double *ret);         /* "15%", "15" -> 0.15; "0.15" is 0.15 %; 0..100 */
int parse_pci(const char *s, struct pci_address *ret); /* "41:00.0", "0000:41:00.0", "00000000:41:00.0",
                                                          "pci_0000_41_00_0", upper case */
void pci_format(const struct pci_address *a, char buf[PCI_STR_MAX]); /* dddd:bb:dd.f lower case */
int parse_uuid(const char *s, char ret[UUID_STR_MAX]);      /* 36-character form, result in lower case */
int uuid_generate(char ret[UUID_STR_MAX]);                  /* random (version 4); 0 or -errno of getrandom */
void uuid_derive(const char *name, char ret[UUID_STR_MAX]); /* same name, same UUID (version 8) */
void size_format(uint64_t bytes, char *buf, size_t n);      /* "17.5 GiB" for people */
unsigned edit_distance(const char *a, const char *b);       /* for "did you mean"; case ignored */
