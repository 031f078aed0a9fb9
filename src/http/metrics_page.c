/* SPDX-License-Identifier: Apache-2.0 */
#include "http/metrics_page.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_one(rh_str *out, const char *name, const char *type, const char *help, double value)
{
    rh_str_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.6f\n", name, help, name, type, name, value);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    for (const struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n - 1; /* this one */
}

static double started_at(void)
{
    struct stat st;
    return stat("/proc/self", &st) == 0 ? (double)st.st_ctime : 0;
}

static void write_process(rh_str *out)
{
    struct rlimit limit;
    write_one(out, "process_cpu_seconds_total", "counter", "User and system time of the program.",
              cpu_seconds());
    write_one(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
    write_one(out, "process_open_fds", "gauge", "Open file descriptors.", open_files());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        write_one(out, "process_max_fds", "gauge", "Open file descriptors at most.", (double)limit.rlim_cur);
    write_one(out, "process_start_time_seconds", "gauge", "When the program began, in seconds since 1970.",
              started_at());
}

static void write_catalog(rh_directory *d, rh_str *out)
{
    int64_t age = rh_directory_age_ms(d);
    size_t n, bytes;
    rh_directory_caches_measure(d, &n, &bytes);
    write_one(out, "rowhouse_relation_caches", "gauge", "Relation caches in memory: one a version.",
              (double)n);
    write_one(out, "rowhouse_relation_cache_bytes", "gauge", "Their bytes.", (double)bytes);
    write_one(out, "rowhouse_tenants", "gauge", "Tenants in the catalog.", (double)rh_directory_count(d));
    if (age < INT64_MAX)
        write_one(out, "rowhouse_catalog_age_seconds", "gauge", "Time since the catalog answered last.",
                  (double)age / 1000);
}

static void write_descriptions(rh_descriptions *all, rh_str *out)
{
    rh_descriptions_stats s;
    rh_descriptions_stats_read(all, &s);
    write_one(out, "rowhouse_descriptions", "gauge", "Descriptions of the API that are kept.",
              (double)s.texts);
    write_one(out, "rowhouse_description_bytes", "gauge", "Their bytes, packed.", (double)s.bytes);
    write_one(out, "rowhouse_descriptions_asked_total", "counter", "Times that one was asked for.",
              (double)s.asked);
    write_one(out, "rowhouse_descriptions_made_total", "counter", "Of them, made for it: misses.",
              (double)s.made);
}

static bool name_node(void *directory, int node, char out[RH_NODE_NAME_SIZE])
{
    return rh_directory_node_name(directory, node, out, RH_NODE_NAME_SIZE);
}

void rh_metrics_page_write(const rh_metrics_page *page, rh_str *out)
{
    const rh_node_namer namer = {page->directory ? name_node : NULL, page->directory};
    rh_metrics_write(page->metrics, &namer, out);
    write_descriptions(page->descriptions, out);
    if (page->directory)
        write_catalog(page->directory, out);
    write_process(out);
}
