#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed-text.py OUT.c FILE...: the text of every FILE as `const char source_NAME[]`, NAME without directory and suffix."""
import pathlib
import sys

with open(sys.argv[1], "w", encoding="utf-8") as c:
    c.write('#include "source.h"\n')
    for path in map(pathlib.Path, sys.argv[2:]):
        data = path.read_bytes()
        c.write(f"const char source_{path.stem}[] = {{" + ",".join(map(str, data)) + ",0};\n")
