/* Out of memory: each allocation of a call fails once, and each time the call says so, or does what it
 * should; nothing is broken by it. */

#include "check.h"

void fail_allocation_after(long count);
int allocation_failed(void);

static const char empty_digest[] =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

typedef int32_t (*call_fn)(pkgreg *registry, pkgreg_error **error);

static int32_t open_another(pkgreg *registry, pkgreg_error **error) {
    pkgreg *other = NULL;
    /* Without options: simdjson 3.0 does not check its own buffer. */
    const int32_t answer = pkgreg_open(TEXT("memory:"), NULL, 0, &other, error);
    (void)registry;
    CHECK((answer == PKGREG_OK) == (other != NULL));
    CHECK(pkgreg_close(&other) == PKGREG_OK);
    return answer;
}

static int32_t stat_blob(pkgreg *registry, pkgreg_error **error) {
    pkgreg_blob_info info = blob_info();
    return pkgreg_blob_stat(registry, TEXT("a"), TEXT(empty_digest), &info, error);
}

static int32_t read_blob(pkgreg *registry, pkgreg_error **error) {
    char bytes[8];
    size_t got = 0;
    pkgreg_reader *reader = NULL;
    int32_t answer = pkgreg_blob_open(registry, TEXT("a"), TEXT(empty_digest), 0, UINT64_MAX,
                                      &reader, error);
    if (answer != PKGREG_OK) return answer;
    answer = pkgreg_reader_read(reader, bytes, sizeof bytes, &got, error);
    pkgreg_reader_free(reader);
    return answer;
}

static int32_t put_blob(pkgreg *registry, pkgreg_error **error) {
    return pkgreg_blob_put(registry, TEXT("b"), NULL, 0, "Hello", 5, NULL, error);
}

static int32_t get_manifest(pkgreg *registry, pkgreg_error **error) {
    pkgreg_manifest *manifest = NULL;
    const int32_t answer =
        pkgreg_manifest_get(registry, TEXT("a"), TEXT("1"), &manifest, error);
    pkgreg_manifest_free(manifest);
    return answer;
}

static int32_t list_tags(pkgreg *registry, pkgreg_error **error) {
    pkgreg_list *list = NULL;
    const int32_t answer = pkgreg_tags(registry, TEXT("a"), NULL, 0, 10, &list, error);
    pkgreg_list_free(list);
    return answer;
}

static int32_t handle(pkgreg *registry, pkgreg_error **error) {
    const pkgreg_request request = request_for("GET", "/v2/a/manifests/1");
    pkgreg_response *response = NULL;
    int32_t answer = pkgreg_handle(registry, &request, &response, error);
    /* The handler may have found no memory, and answered so. */
    if (answer == PKGREG_OK && view_of(response).status != 200) {
        CHECK(view_of(response).status == 503);
        answer = PKGREG_OUT_OF_MEMORY;
    }
    pkgreg_response_free(response);
    return answer;
}

static int32_t refuse_a_name(pkgreg *registry, pkgreg_error **error) {
    pkgreg_list *list = NULL;
    const int32_t answer = pkgreg_tags(registry, TEXT("NO"), NULL, 0, 10, &list, error);
    return answer == PKGREG_NAME_INVALID ? PKGREG_OK : answer;
}

/* How many of the call's allocations were made to fail. */
static long exhaust(pkgreg *registry, call_fn call) {
    long count = 0;
    int failed = 1;
    for (count = 0; failed; ++count) {
        pkgreg_error *error = NULL;
        int32_t answer = PKGREG_OK;
        CHECK(count < 10000);
        fail_allocation_after(count);
        answer = call(registry, &error);
        failed = allocation_failed();
        if (answer != PKGREG_OK) {
            check_result(answer, PKGREG_OUT_OF_MEMORY, error, "out of memory", __FILE__, __LINE__);
        }
        if (error && answer == PKGREG_OUT_OF_MEMORY) {
            CHECK(pkgreg_error_code(error) == PKGREG_OUT_OF_MEMORY);
            CHECK(same_text(pkgreg_error_message(error), "out of memory"));
            CHECK(pkgreg_error_http_status(error) == 503);
        }
        pkgreg_error_free(error);
        pkgreg_error_free(answer == PKGREG_OUT_OF_MEMORY ? error : NULL); /* static: no harm */
    }
    return count - 1;
}

static void every_allocation_may_fail(void) {
    static const struct {
        const char *name;
        call_fn call;
    } calls[] = {
        {"open", open_another},      {"stat", stat_blob},     {"read", read_blob},
        {"put", put_blob},           {"get", get_manifest},   {"tags", list_tags},
        {"handle", handle},          {"error", refuse_a_name},
    };
    size_t i;
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    push_image(registry, "a", "1", NULL);
    for (i = 0; i < COUNT(calls); ++i) {
        const long failures = exhaust(registry, calls[i].call);
        printf("  %s: %ld allocations failed in turn\n", calls[i].name, failures);
        fflush(stdout);
        CHECK(failures > 0);
        MUST(calls[i].call(registry, &error));
        pkgreg_error_free(error);
        error = NULL;
    }
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
}

int main(void) {
    RUN(every_allocation_may_fail);
    return 0;
}
