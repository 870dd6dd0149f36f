#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py DIR OUT.c DEPFILE: every DIR/{models,hosts}/*.json as a C table of texts."""
import os
import sys

root, out, dep = sys.argv[1:4]
files = sorted(
    os.path.join(d, f)
    for d in ("models", "hosts")
    for f in (os.listdir(os.path.join(root, d)) if os.path.isdir(os.path.join(root, d)) else [])
    if f.endswith(".json")
)
with open(out, "w", encoding="utf-8") as c:
    c.write('#include "emulation/data.h"\n')
    for i, name in enumerate(files):
        data = open(os.path.join(root, name), "rb").read()
        c.write("static const char d%d[] = {" % i + ",".join(map(str, data)) + ",0};\n")
    c.write("const struct data_file data_files[] = {\n")
    for i, name in enumerate(files):
        c.write('\t{ "%s", d%d, sizeof(d%d) - 1 },\n' % (name, i, i))
    c.write("\t{ 0 },\n};\n")
with open(dep, "w", encoding="utf-8") as d:
    paths = [os.path.join(root, "models"), os.path.join(root, "hosts")] + [os.path.join(root, f) for f in files]
    d.write(os.path.basename(out) + ": " + " ".join(paths) + "\n")
