/* What both programs share: the requests, in the same random order, and how the times are told. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TAGS = 10000, CALLS = 1000000, WARM_UP = 50000, TARGET_SIZE = 64 };

#define MANIFEST                                                                                  \
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","          \
    "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"size\":2,"                 \
    "\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},"    \
    "\"layers\":[],\"annotations\":{\"number\":\"%d\"}}"

static inline int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline uint32_t next_random(void) {
    static uint32_t x = 2463534242u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

static inline int by_value(const void *a, const void *b) {
    const int32_t x = *(const int32_t *)a;
    const int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* One line: which way, and the median, the 90th and the 99th of the times in nanoseconds. */
static inline void tell(const char *way, int32_t *times, size_t count) {
    qsort(times, count, sizeof times[0], by_value);
    printf("{\"way\": \"%s\", \"calls\": %lu, \"median_ns\": %d, \"p90_ns\": %d, \"p99_ns\": %d}\n",
           way, (unsigned long)count, (int)times[count / 2], (int)times[count / 10 * 9],
           (int)times[count / 100 * 99]);
}

static inline void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

#endif
