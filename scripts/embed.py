#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py DIR OUT.c DEPFILE: every DIR/{models,hosts}/*.json as a C table of texts.
embed.py --texts PREFIX OUT.c HEADER FILE...: each file as a C string, page.css as PREFIX_page_css."""
import os
import re
import sys


def c_text(path):
    return "{" + ",".join(map(str, open(path, "rb").read())) + ",0}"


if sys.argv[1] == "--texts":
    prefix, out, header = sys.argv[2:5]
    with open(out, "w", encoding="utf-8") as c:
        c.write(f'#include "{header}"\n')
        for name in sys.argv[5:]:
            c.write("const char %s_%s[] = %s;\n" % (prefix, re.sub(r"\W", "_", os.path.basename(name)), c_text(name)))
    sys.exit()
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
        c.write("static const char d%d[] = %s;\n" % (i, c_text(os.path.join(root, name))))
    c.write("const struct data_file data_files[] = {\n")
    for i, name in enumerate(files):
        c.write('\t{ "%s", d%d, sizeof(d%d) - 1 },\n' % (name, i, i))
    c.write("\t{ 0 },\n};\n")
with open(dep, "w", encoding="utf-8") as d:
    paths = [os.path.join(root, "models"), os.path.join(root, "hosts")] + [os.path.join(root, f) for f in files]
    d.write(os.path.basename(out) + ": " + " ".join(paths) + "\n")
