#!/usr/bin/env python3
"""Embeds SQL files: embed.py sql.h sql.c sql/catalog/0001_nodes.sql ...

Each file becomes `extern const char rh_sql_<folder>_<name>[];` (the top folder `sql` left out), and all of
sql/catalog/NNNN_*.sql together the table rh_sql_catalog_migrations[], in the order of their numbers.
"""
import os
import re
import sys


def literal(text):
    lines = []
    for line in text.splitlines(keepends=True):
        line = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("?", "\\?")
        lines.append('    "%s"' % line)
    return "\n".join(lines) or '    ""'


def main():
    header, source, files = sys.argv[1], sys.argv[2], sorted(sys.argv[3:])
    declarations, definitions, migrations = [], [], []
    for path in files:
        folder, base = os.path.basename(os.path.dirname(path)), os.path.basename(path)[:-4]
        name = "rh_sql_" + (base if folder == "sql" else folder + "_" + base)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        declarations.append("extern const char %s[];" % name)
        definitions.append("const char %s[] =\n%s;" % (name, literal(text)))
        match = re.fullmatch(r"(\d{4})_(\w+)", base)
        if folder == "catalog" and match:
            migrations.append('    {%d, "%s", %s},' % (int(match[1]), match[2], name))
    with open(header, "w", encoding="utf-8") as f:
        f.write("/* made by tools/embed.py from sql/ */\n#ifndef RH_SQL_H\n#define RH_SQL_H\n\n"
                "typedef struct rh_sql_migration {\n    int number;\n    const char *name, *text;\n} rh_sql_migration;\n"
                "extern const rh_sql_migration rh_sql_catalog_migrations[]; /* ends with number 0 */\n"
                + "\n".join(declarations) + "\n\n#endif\n")
    with open(source, "w", encoding="utf-8") as f:
        f.write('/* made by tools/embed.py from sql/ */\n#include "sql.h"\n\n' + "\n\n".join(definitions)
                + "\n\nconst rh_sql_migration rh_sql_catalog_migrations[] = {\n" + "\n".join(migrations)
                + "\n    {0, 0, 0},\n};\n")


main()
