/* SPDX-License-Identifier: Apache-2.0
 *
 * What runs a fuzz target without libFuzzer, so that every `make test` fuzzes a little: fuzz_NAME
 * FILE|DIRECTORY... First every file as it is, then mutations of them that are the same on every run (bytes
 * flipped, inserted, deleted, repeated, spliced from another file). RH_FUZZ_RUNS: how many mutations, 20000
 * unless set. RH_FUZZ_SEED: another series. An input that ends the process is left in fuzz-NAME-crash of the
 * working directory: give it as argument. With clang's -fsanitize=fuzzer this file is left out (meson.build).
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/file.h"

#define INPUT_MAX_BYTES 16384
#define CORPUS_MAX_BYTES ((size_t)16 << 20) /* one file */
#define RUNS 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct input {
    const uint8_t *bytes;
    size_t len;
};

static struct {
    rh_arena *arena;
    RH_VEC(struct input) inputs;
    const char *name;
    char crash_file[128];
    struct input now; /* what the target is working on */
    uint64_t random;
} fuzz;

/* ---- what is left of a crash: only calls that a signal handler may make ---- */

static void keep_input(void)
{
    int fd = open(fuzz.crash_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t ignored = write(fd, fuzz.now.bytes, fuzz.now.len);
    ignored = write(STDERR_FILENO, "input kept: ", 12);
    ignored = write(STDERR_FILENO, fuzz.crash_file, strlen(fuzz.crash_file));
    ignored = write(STDERR_FILENO, "\n", 1);
    (void)ignored;
    close(fd);
}

static void on_crash(int number)
{
    keep_input();
    raise(number); /* SA_RESETHAND: the default action this time */
}

static void watch_for_crashes(void)
{
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND | SA_NODEFER};
    sigaction(SIGABRT, &action, NULL);
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(keep_input);
        return;
    }
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
}

/* ---- inputs ---- */

/* The copy is exactly as large as the input, so that a sanitizer sees a read behind it. */
static void run(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (len)
        memcpy(copy, bytes, len);
    fuzz.now = (struct input){copy, len};
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static bool add_file(const char *path, rh_err *err)
{
    struct input in;
    in.bytes = (const uint8_t *)rh_file_read(fuzz.arena, path, CORPUS_MAX_BYTES, &in.len, err);
    if (!in.bytes)
        return false;
    RH_VEC_PUSH(fuzz.arena, &fuzz.inputs, in);
    return true;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool add_path(const char *path, rh_err *err)
{
    struct stat st;
    struct dirent **names;
    bool ok = true;
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return add_file(path, err);
    int n = scandir(path, &names, is_visible, alphasort); /* in order: runs are to be alike */
    if (n < 0)
        return rh_err_set(err, RH_E_IO, "cannot list %s", path);
    for (int i = 0; i < n; i++) {
        ok = ok && add_path(rh_arena_printf(fuzz.arena, "%s/%s", path, names[i]->d_name), err);
        free(names[i]);
    }
    free(names);
    return ok;
}

/* ---- mutations ---- */

static size_t below(size_t n) /* xorshift64* */
{
    fuzz.random ^= fuzz.random >> 12;
    fuzz.random ^= fuzz.random << 25;
    fuzz.random ^= fuzz.random >> 27;
    return n ? (size_t)((fuzz.random * 2685821657736338717u) >> 33) % n : 0;
}

/* Puts n bytes in at a place, as many as there is room for. */
static size_t insert(uint8_t *buf, size_t len, size_t at, const uint8_t *bytes, size_t n)
{
    uint8_t piece[INPUT_MAX_BYTES];
    if (n > INPUT_MAX_BYTES - len)
        n = INPUT_MAX_BYTES - len;
    memcpy(piece, bytes, n); /* it may stand in buf itself */
    memmove(buf + at + n, buf + at, len - at);
    memcpy(buf + at, piece, n);
    return len + n;
}

static size_t mutate(uint8_t *buf, size_t len)
{
    static const char interesting[] = "\0\x01\x7f\x80\xc3\xff \t\n\r\"'\\()[]{}<>.,:;=!*%&$#@/+-_0189aAzZ";
    size_t at = below(len + 1), n;
    uint8_t byte;
    switch (below(7)) {
    case 0: /* flip a bit */
        if (at < len)
            buf[at] ^= (uint8_t)(1u << below(8));
        return len;
    case 1: /* another byte */
        if (at < len)
            buf[at] = (uint8_t)interesting[below(sizeof interesting - 1)];
        return len;
    case 2: /* one byte more */
        byte = below(4) ? (uint8_t)interesting[below(sizeof interesting - 1)] : (uint8_t)below(256);
        return insert(buf, len, at, &byte, 1);
    case 3: /* some bytes fewer */
        n = below(below(4) ? 4 : len - at + 1);
        n = n < len - at ? n : len - at;
        memmove(buf + at, buf + at + n, len - at - n);
        return len - n;
    case 4: /* a piece of itself once more, perhaps many times */
        n = below(len - at + 1);
        for (size_t times = below(8) ? 1 : 1 + below(64); times; times--)
            len = insert(buf, len, at, buf + at, n);
        return len;
    default: { /* a piece of another input */
        const struct input *other = &fuzz.inputs.items[below(fuzz.inputs.len)];
        size_t from = below(other->len + 1);
        n = below(below(2) ? 16 : other->len - from + 1);
        return insert(buf, len, at, other->bytes + from, n < other->len - from ? n : other->len - from);
    }
    }
}

static void run_mutations(size_t runs)
{
    static uint8_t buf[INPUT_MAX_BYTES];
    for (size_t i = 0; i < runs; i++) {
        const struct input *from = &fuzz.inputs.items[below(fuzz.inputs.len)];
        size_t len = from->len < sizeof buf ? from->len : sizeof buf;
        memcpy(buf, from->bytes, len);
        for (size_t changes = 1 + below(6); changes; changes--)
            len = mutate(buf, len);
        run(buf, len);
    }
}

/* ---- main ---- */

static size_t number_from(const char *variable, size_t otherwise)
{
    uint64_t n;
    const char *text = getenv(variable);
    return text && rh_parse_uint(text, strlen(text), &n) ? (size_t)n : otherwise;
}

int main(int argc, char **argv)
{
    rh_err err;
    const char *slash = strrchr(argv[0], '/');
    fuzz.name = slash ? slash + 1 : argv[0];
    if (rh_starts_with(fuzz.name, "fuzz_"))
        fuzz.name += strlen("fuzz_");
    snprintf(fuzz.crash_file, sizeof fuzz.crash_file, "fuzz-%s-crash", fuzz.name);
    fuzz.random = (uint64_t)number_from("RH_FUZZ_SEED", 0) * 2 + 0x9e3779b97f4a7c15u;
    fuzz.arena = rh_arena_new();
    for (int i = 1; i < argc; i++)
        if (!add_path(argv[i], &err)) {
            rh_err_print(&err);
            return 1;
        }
    if (!fuzz.inputs.len) {
        fprintf(stderr, "%s: no inputs; give the files or directories of a corpus\n", argv[0]);
        return 2;
    }
    watch_for_crashes();
    for (size_t i = 0; i < fuzz.inputs.len; i++)
        run(fuzz.inputs.items[i].bytes, fuzz.inputs.items[i].len);
    size_t runs = number_from("RH_FUZZ_RUNS", RUNS);
    run_mutations(runs);
    printf("fuzz %s: %zu inputs, %zu mutations\n", fuzz.name, fuzz.inputs.len, runs);
    rh_arena_free(fuzz.arena);
    return 0;
}
