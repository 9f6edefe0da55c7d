/* What the test programs share: checks that end the program where they fail, and names of tests. A
 * test is a function without arguments, named after the promise that it checks. */
#ifndef CHECK_H
#define CHECK_H

#include "pkgreg.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)

/* A call that must succeed; it passes `&error`, a variable of the caller. */
#define MUST(call)                                                           \
    do {                                                                     \
        const int32_t check_got = (call);                                    \
        check_result(check_got, PKGREG_OK, error, #call, __FILE__, __LINE__); \
    } while (0)

/* A call that must fail with that code, and tell so in `error`, which is freed. */
#define FAILS(code, call)                                                    \
    do {                                                                     \
        const int32_t check_got = (call);                                    \
        check_result(check_got, (code), error, #call, __FILE__, __LINE__);   \
        check_error(error, (code), #call, __FILE__, __LINE__);               \
        pkgreg_error_free(error);                                            \
        error = NULL;                                                        \
    } while (0)

#define RUN(test)                        \
    do {                                 \
        printf("%s\n", #test);           \
        fflush(stdout);                  \
        test();                          \
    } while (0)

/* A text whose length is given by its NUL. */
#define TEXT(text) (text), PKGREG_NUL

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void check_that(int holds, const char *what, const char *file, int line) {
    if (holds) return;
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    fflush(NULL);
    abort();
}

static inline void check_result(int32_t got, int32_t wanted, const pkgreg_error *error,
                                const char *call, const char *file, int line) {
    if (got == wanted) return;
    fprintf(stderr, "%s:%d: %s\n    gave %s (%d), not %s: %s\n", file, line, call,
            pkgreg_code_name(got), (int)got, pkgreg_code_name(wanted),
            error ? pkgreg_error_message(error) : "no error was told");
    fflush(NULL);
    abort();
}

static inline void check_error(const pkgreg_error *error, int32_t code, const char *call,
                               const char *file, int line) {
    check_that(error != NULL, call, file, line);
    check_that(pkgreg_error_code(error) == code, call, file, line);
    check_that(pkgreg_error_message(error)[0] != '\0', call, file, line);
    check_that(pkgreg_error_http_status(error) >= 400, call, file, line);
}

static inline int same_text(const char *a, const char *b) {
    return a && b && strcmp(a, b) == 0;
}

/* Whether the test runs many times slower than by itself (valgrind, sanitizers). */
static inline int is_slow(void) {
    const char *slow = getenv("PKGREG_TEST_SLOW");
    return slow && *slow && *slow != '0';
}

static inline pkgreg *open_memory(void) {
    pkgreg *registry = NULL;
    pkgreg_error *error = NULL;
    MUST(pkgreg_open(TEXT("memory:"), NULL, 0, &registry, &error));
    CHECK(registry != NULL);
    return registry;
}

/* Bytes that are the same for the same size; the caller frees them. */
static inline unsigned char *some_bytes(size_t size) {
    unsigned char *bytes = malloc(size ? size : 1);
    uint32_t x = 2463534242u;
    size_t i;
    CHECK(bytes != NULL);
    for (i = 0; i < size; ++i) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        bytes[i] = (unsigned char)x;
    }
    return bytes;
}

static inline pkgreg_blob_info blob_info(void) {
    pkgreg_blob_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    return info;
}

static inline pkgreg_request request_for(const char *method, const char *target) {
    pkgreg_request request;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.method = method;
    request.method_length = PKGREG_NUL;
    request.target = target;
    request.target_length = PKGREG_NUL;
    return request;
}

static inline pkgreg_response_view view_of(const pkgreg_response *response) {
    pkgreg_response_view view;
    memset(&view, 0, sizeof view);
    view.struct_size = sizeof view;
    CHECK(pkgreg_response_get(response, &view) == PKGREG_OK);
    return view;
}

/* A manifest with the empty JSON object as its config, which is pushed with it. */
static inline const char *push_image(pkgreg *registry, const char *repository, const char *tag,
                                     char *digest) {
    static const char manifest[] =
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"size\":2,"
        "\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},"
        "\"layers\":[]}";
    pkgreg_error *error = NULL;
    MUST(pkgreg_blob_put(registry, TEXT(repository), NULL, 0, "{}", 2, NULL, &error));
    MUST(pkgreg_manifest_put(registry, TEXT(repository), tag, PKGREG_NUL, NULL, 0, manifest,
                             sizeof manifest - 1, digest, &error));
    return manifest;
}

#endif
