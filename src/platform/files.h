/* SPDX-License-Identifier: MIT */
/* Files of this machine, whatever host is worked on: definitions, outputs of programs, scratch directories.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"

struct ofbc_error;

/* The whole file with a NUL behind it; free() it. -EFBIG more than max bytes; -errno. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len);
/* What of its end fits into buf; -errno, and buf is empty. */
int file_read_end(const char *path, char *buf, size_t size);
bool file_is_there(const char *path);
bool is_directory(const char *path);
int64_t file_time_s(const char *path); /* of its last change, since 1970; 0 unknown */
/* Where a program is found in PATH, or that a path with '/' can be executed. */
bool program_is_there(const char *name);
/* The directory of the running program's file. */
int program_directory(char *buf, size_t size);
/* PATH with one directory before it; free() it. */
char *path_with(const char *directory);
/* Absolute, without links; free() it. */
int path_real(const char *path, char **ret);
/* Names in a directory, sorted; dot entries are left out. */
int directory_list(const char *path, struct strv *ret);
/* Every file below it, "a/b", in order; also names with a dot. Links are files. */
int directory_walk(const char *path, struct strv *ret);
/* With its parents. */
int directory_make(const char *path, struct ofbc_error *err);
/* An empty directory beside `path` (whose parents are made), in which the content is made ... */
int directory_prepare(const char *path, char *buf, size_t size, struct ofbc_error *err);
/* ... and which then is `path`, at once; what was there is removed. */
int directory_replace(const char *prepared, const char *path, struct ofbc_error *err);
/* One of ours below TMPDIR or /tmp; it may be there already, from a process that was killed. */
int scratch_new(const char *name, char *buf, size_t size);
/* With everything in it. */
void scratch_remove(const char *path);
bool is_root(void);
unsigned online_cpus(void);
bool has_display(void); /* X or Wayland */
void host_name(char *buf, size_t size);
uint64_t random_seed(void);

/* --- secret.c --- */
struct ofbc_error;
/* A text of at least so many characters in a file that belongs to us or to root and that nobody else may
 * read. */
int secret_read(const char *path, size_t least, char *buf, size_t size, struct ofbc_error *err);
int random_bytes(void *buf, size_t len); /* that nobody can guess; 0, -EIO */
