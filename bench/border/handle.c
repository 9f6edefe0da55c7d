/* pkgreg_handle for a manifest by its tag: 10,000 tags in random order on the store in memory, each
 * response looked at and freed. */

#include "pkgreg.h"

#include "samples.h"

static pkgreg *open_registry(void) {
    pkgreg *registry = NULL;
    int i;
    if (pkgreg_open("memory:", PKGREG_NUL, NULL, 0, &registry, NULL) != PKGREG_OK) fail("open");
    if (pkgreg_blob_put(registry, "bench/image", PKGREG_NUL, NULL, 0, "{}", 2, NULL, NULL)) {
        fail("push of the config");
    }
    for (i = 0; i < TAGS; ++i) {
        char tag[16];
        char manifest[1024];
        const int size = snprintf(manifest, sizeof manifest, MANIFEST, i);
        snprintf(tag, sizeof tag, "v%d", i);
        if (pkgreg_manifest_put(registry, "bench/image", PKGREG_NUL, tag, PKGREG_NUL, NULL, 0,
                                manifest, (size_t)size, NULL, NULL) != PKGREG_OK) {
            fail("push of a manifest");
        }
    }
    return registry;
}

static int32_t ask(pkgreg *registry) {
    static const pkgreg_header headers[] = {
        {"Host", 4, "127.0.0.1:5000", 14},
        {"User-Agent", 10, "bench", 5},
        {"Accept", 6, "application/vnd.oci.image.manifest.v1+json", 42},
    };
    char target[TARGET_SIZE];
    pkgreg_request request;
    pkgreg_response *response = NULL;
    pkgreg_response_view view;
    int64_t begin = 0;
    int64_t end = 0;
    memset(&request, 0, sizeof request);
    memset(&view, 0, sizeof view);
    request.struct_size = sizeof request;
    view.struct_size = sizeof view;
    request.method = "GET";
    request.method_length = 3;
    request.target = target;
    request.target_length = (size_t)snprintf(target, sizeof target,
                                             "/v2/bench/image/manifests/v%d",
                                             (int)(next_random() % TAGS));
    request.headers = headers;
    request.header_count = sizeof headers / sizeof headers[0];
    begin = now_ns();
    if (pkgreg_handle(registry, &request, &response, NULL) != PKGREG_OK) fail("no response");
    if (pkgreg_response_get(response, &view) != PKGREG_OK) fail("no view");
    if (view.status != 200 || view.body_size < 200 || *(const char *)view.body != '{') {
        fail("not the manifest");
    }
    pkgreg_response_free(response);
    end = now_ns();
    return (int32_t)(end - begin);
}

int main(void) {
    int32_t *const times = malloc(CALLS * sizeof *times);
    pkgreg *registry = open_registry();
    size_t i;
    if (!times) fail("out of memory");
    for (i = 0; i < WARM_UP; ++i) ask(registry);
    for (i = 0; i < CALLS; ++i) times[i] = ask(registry);
    tell("c", times, CALLS);
    free(times);
    return pkgreg_close(&registry) == PKGREG_OK ? 0 : 1;
}
