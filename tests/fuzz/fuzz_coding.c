/* SPDX-License-Identifier: Apache-2.0
 *
 * Accept-Encoding and If-None-Match, one a line, and what they choose: the input itself is encoded.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/encode.h"
#include "http/etag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rh_str out;
    rh_arena *a = rh_arena_new();
    char *rest = rh_arena_strndup(a, (const char *)data, size), *accept = strsep(&rest, "\n");
    rh_coding coding = rh_coding_of(accept);
    rh_etag_matches(rest, "W/\"0123\"");
    if (coding != RH_CODING_NONE) {
        rh_encoder *e = rh_encoder_new(coding);
        rh_str_init(&out, size * 2 + 1024);
        rh_encoder_add(e, (const char *)data, size / 2, false, &out);
        rh_encoder_add(e, (const char *)data + size / 2, size - size / 2, true, &out);
        if (out.overflow)
            abort();
        rh_str_release(&out);
        rh_encoder_free(e);
    }
    rh_arena_free(a);
    return 0;
}
