/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/cmd.h"
#include "load/load.h"

#define BAR 30

struct bar {
    int64_t size, started;
    bool on; /* stderr is a terminal */
};

static void on_progress(void *arg, int64_t bytes, int64_t rows)
{
    struct bar *bar = arg;
    double s = (double)(rh_now_ms() - bar->started) / 1000;
    if (!bar->on || s <= 0)
        return;
    int filled = bar->size > 0 ? (int)(bytes * BAR / bar->size) : 0;
    fprintf(stderr, "\r[%.*s%*s] %lld rows, %.0f rows/s, %.1f MB/s ", filled,
            "##############################", BAR - filled, "", (long long)rows, (double)rows / s,
            (double)bytes / 1e6 / s);
}

static void print_report(const rh_load_report *r, const char *table, double s)
{
    fprintf(stderr, "%lld rows into %s in %.2f s (%.0f rows/s)", (long long)r->rows, table, s,
            s > 0 ? (double)r->rows / s : 0);
    if (r->homes)
        fprintf(stderr, "; %d tenant%s with a home of their own got some", r->homes,
                r->homes == 1 ? "" : "s");
    fputc('\n', stderr);
    if (r->copies.failed)
        fprintf(stderr,
                "%d database homes could not be brought to the new rows; `rowhouse migrate` tries again\n",
                r->copies.failed);
    if (r->copies.later)
        fprintf(stderr, "%d database homes are of another version and get the rows with `rowhouse migrate`\n",
                r->copies.later);
}

int rh_cmd_load(rh_cmdline *line)
{
    rh_app app;
    rh_err err;
    rh_operator o;
    struct stat st = {0};
    rh_load_report report;
    struct bar bar = {.on = isatty(STDERR_FILENO)};
    const char *file = line->args.len > 1 ? line->args.items[1] : "-";
    int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        rh_err_set(&err, RH_E_NOT_FOUND, "cannot open %s: %s", file, strerror(errno));
        return rh_cmd_fail(&err);
    }
    bar.size = S_ISREG(st.st_mode) ? st.st_size : 0;
    rh_load_options options = {.table = line->args.items[0],
                               .fd = fd,
                               .name = fd == STDIN_FILENO ? "stdin" : file,
                               .header = rh_cmdline_get(line, "header") != NULL,
                               .size = bar.size,
                               .progress = on_progress,
                               .tell = rh_cmd_say,
                               .arg = &bar};
    bool ok = rh_cmdline_open(line, &app, &err);
    if (ok) {
        ok = rh_operator_open(&o, &app, &err);
        if (ok) {
            const char *tenant = rh_cmdline_get(line, "tenant");
            bar.started = rh_now_ms();
            ok = (!tenant || (options.tenant = rh_tenant_find(&o, line->a, tenant, &err))) &&
                 rh_load(&o, &options, &report, &err);
            rh_operator_close(&o);
        }
        rh_cmdline_close(&app);
    }
    if (fd != STDIN_FILENO)
        close(fd);
    if (bar.on)
        fputc('\n', stderr);
    if (!ok)
        return rh_cmd_fail(&err);
    print_report(&report, options.table, (double)(rh_now_ms() - bar.started) / 1000);
    return report.copies.failed != 0;
}
