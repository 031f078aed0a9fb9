#!/usr/bin/env python3
"""Embeds a text file as one constant: embed_text.py OUT.c NAME FILE

OUT.c defines `const char NAME[]`, and `const size_t NAME_len` without the NUL at its end.
"""
import sys


def main():
    out, name, path = sys.argv[1:]
    with open(path, "rb") as f:
        data = f.read()
    rows = [", ".join(str(b) for b in data[i:i + 32]) for i in range(0, len(data), 32)]
    with open(out, "w", encoding="ascii") as f:
        f.write("/* made by tools/embed_text.py from %s */\n#include <stddef.h>\n\n" % path.rsplit("/", 1)[-1]
                + "extern const char %s[];\nextern const size_t %s_len;\n" % (name, name)
                + "const char %s[] = {\n    %s, 0};\nconst size_t %s_len = sizeof %s - 1;\n"
                % (name, ",\n    ".join(rows), name, name))


main()
