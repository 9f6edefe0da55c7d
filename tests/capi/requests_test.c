/* Requests without a socket: bodies in both directions, errors as answers, views. */

#include "folder.h"

#include <stddef.h>

static pkgreg_response *handle(pkgreg *registry, const pkgreg_request *request) {
    pkgreg_error *error = NULL;
    pkgreg_response *response = NULL;
    MUST(pkgreg_handle(registry, request, &response, &error));
    CHECK(response != NULL);
    return response;
}

static int32_t status_of(pkgreg *registry, const char *method, const char *target) {
    const pkgreg_request request = request_for(method, target);
    pkgreg_response *response = handle(registry, &request);
    const int32_t status = view_of(response).status;
    pkgreg_response_free(response);
    return status;
}

static int has(const pkgreg_response *response, const char *name, const char *value) {
    size_t size = 0;
    const char *found = pkgreg_response_header(response, TEXT(name), &size);
    return found && size == strlen(value) && memcmp(found, value, size) == 0;
}

struct source {
    const char *bytes;
    size_t left;
    int32_t answer;
};

static int32_t read_source(void *user, void *into, size_t size, size_t *got) {
    struct source *source = user;
    *got = size < source->left ? size : source->left;
    if (*got > 2) *got = 2;
    memcpy(into, source->bytes, *got);
    source->bytes += *got;
    source->left -= *got;
    return source->left == 0 ? source->answer : PKGREG_OK;
}

static const char hello_target[] =
    "/v2/a/blobs/uploads/?digest="
    "sha256:185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969";
static const char hello_blob[] =
    "/v2/a/blobs/sha256:185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969";

static void a_body_goes_in_from_memory_and_comes_out(void) {
    char bytes[8] = "";
    size_t got = 0;
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_request request = request_for("POST", hello_target);
    pkgreg_response *response = NULL;
    pkgreg_response_view view;
    request.body = "Hello";
    request.body_size = 5;
    response = handle(registry, &request);
    CHECK(view_of(response).status == 201);
    CHECK(has(response, "location", hello_blob));
    pkgreg_response_free(response);

    request = request_for("GET", hello_blob);
    response = handle(registry, &request);
    view = view_of(response);
    CHECK(view.status == 200 && view.body_size == 5 && view.content_length == 5);
    CHECK(memcmp(view.body, "Hello", 5) == 0);
    MUST(pkgreg_response_read(response, bytes, 3, &got, &error));
    CHECK(got == 3);
    MUST(pkgreg_response_read(response, bytes + 3, 5, &got, &error));
    CHECK(got == 2 && memcmp(bytes, "Hello", 5) == 0);
    MUST(pkgreg_response_read(response, bytes, 5, &got, &error));
    CHECK(got == 0);
    /* Reading does not move the view. */
    CHECK(memcmp(view_of(response).body, "Hello", 5) == 0);
    pkgreg_response_free(response);
    pkgreg_close(&registry);
}

static void a_body_can_come_from_a_function(void) {
    static const uint64_t lengths[] = {5, UINT64_MAX};
    size_t i;
    for (i = 0; i < COUNT(lengths); ++i) {
        struct source source = {"Hello", 5, PKGREG_OK};
        pkgreg *registry = open_memory();
        pkgreg_request request = request_for("POST", hello_target);
        pkgreg_response *response = NULL;
        request.read = read_source;
        request.read_user = &source;
        request.read_length = lengths[i];
        response = handle(registry, &request);
        CHECK(view_of(response).status == 201);
        pkgreg_response_free(response);
        CHECK(status_of(registry, "HEAD", hello_blob) == 200);
        pkgreg_close(&registry);
    }
}

static void a_function_that_gives_up_fails_the_call(void) {
    struct source source = {"Hello", 5, 42};
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_request request = request_for("POST", hello_target);
    pkgreg_response *response = NULL;
    request.read = read_source;
    request.read_user = &source;
    request.read_length = 5;
    FAILS(PKGREG_CANCELLED, pkgreg_handle(registry, &request, &response, &error));
    CHECK(response == NULL);
    pkgreg_close(&registry);
}

static void a_body_that_ends_early_is_answered(void) {
    struct source source = {"Hel", 3, PKGREG_OK};
    pkgreg *registry = open_memory();
    pkgreg_request request = request_for("POST", hello_target);
    pkgreg_response *response = NULL;
    request.read = read_source;
    request.read_user = &source;
    request.read_length = 5;
    response = handle(registry, &request);
    CHECK(view_of(response).status == 400);
    pkgreg_response_free(response);
    pkgreg_close(&registry);
}

static void a_large_body_is_read_as_a_stream(void) {
    const size_t size = 4 * 1024 * 1024 + 5;
    const folder folder = make_folder();
    unsigned char *bytes = some_bytes(size);
    unsigned char *back = malloc(size + 1);
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg_request request;
    pkgreg_response *response = NULL;
    pkgreg_response_view view;
    char target[256];
    size_t done = 0;
    size_t got = 1;
    pkgreg *registry = open_folder(&folder);
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, bytes, size, &info, &error));
    snprintf(target, sizeof target, "/v2/a/blobs/%s", info.digest);
    request = request_for("GET", target);
    response = handle(registry, &request);
    view = view_of(response);
    CHECK(view.body == NULL && view.body_size == 0 && view.content_length == size);
    while (got != 0) {
        MUST(pkgreg_response_read(response, back + done, size + 1 - done, &got, &error));
        done += got;
    }
    CHECK(done == size && memcmp(bytes, back, size) == 0);
    pkgreg_response_free(response);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    free(back);
    free(bytes);
    remove_folder(&folder);
}

static void headers_are_heard_however_many_there_are(void) {
    pkgreg_header headers[40];
    char names[40][16];
    size_t i;
    pkgreg *registry = open_memory();
    pkgreg_request request = request_for("POST", hello_target);
    pkgreg_response *response = NULL;
    request.body = "Hello";
    request.body_size = 5;
    pkgreg_response_free(handle(registry, &request));
    for (i = 0; i < COUNT(headers); ++i) {
        snprintf(names[i], sizeof names[i], "X-Test-%d", (int)i);
        headers[i].name = names[i];
        headers[i].name_length = PKGREG_NUL;
        headers[i].value = "x";
        headers[i].value_length = 1;
    }
    headers[39].name = "Range";
    headers[39].value = "bytes=1-3";
    headers[39].value_length = 9;
    request = request_for("GET", hello_blob);
    request.headers = headers;
    request.header_count = COUNT(headers);
    response = handle(registry, &request);
    CHECK(view_of(response).status == 206 && has(response, "CONTENT-RANGE", "bytes 1-3/5"));
    CHECK(memcmp(view_of(response).body, "ell", 3) == 0);
    CHECK(pkgreg_response_header(response, TEXT("X-None"), &i) == NULL && i == 0);
    pkgreg_response_free(response);
    pkgreg_close(&registry);
}

static void an_answer_to_head_has_the_length_and_no_body(void) {
    pkgreg *registry = open_memory();
    pkgreg_request request = request_for("POST", hello_target);
    pkgreg_response *response = NULL;
    pkgreg_response_view view;
    request.body = "Hello";
    request.body_size = 5;
    pkgreg_response_free(handle(registry, &request));
    request = request_for("HEAD", hello_blob);
    response = handle(registry, &request);
    view = view_of(response);
    CHECK(view.content_length == 5 && view.body != NULL && view.body_size == 0);
    pkgreg_response_free(response);
    pkgreg_close(&registry);
}

static void what_goes_wrong_is_a_response(void) {
    pkgreg *registry = open_memory();
    CHECK(status_of(registry, "GET", "/v2/a/manifests/1") == 404);
    CHECK(status_of(registry, "GET", "no path") == 400);
    CHECK(status_of(registry, "BREW", "/v2/") == 405);
    CHECK(status_of(registry, "PUT", "/v2/a/manifests/1") == 400);
    CHECK(status_of(registry, "GET", "/nowhere") == 404);
    CHECK(status_of(registry, "GET", "/health") == 200);
    pkgreg_close(&registry);
}

static void a_request_that_is_none_fails(void) {
    struct {
        pkgreg_request request;
        uint64_t later;
    } both;
    pkgreg_header header = {NULL, 0, "x", 1};
    pkgreg_error *error = NULL;
    pkgreg_response *response = NULL;
    pkgreg_response_view view;
    pkgreg *registry = open_memory();
    pkgreg_request request = request_for("GET", "/v2/");
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, NULL, &response, &error));
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &request, NULL, &error));
    request.struct_size = 8;
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &request, &response, &error));
    request = request_for(NULL, "/v2/");
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &request, &response, &error));
    request = request_for("GET", NULL);
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &request, &response, &error));
    request = request_for("GET", "/v2/");
    request.header_count = 1;
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &request, &response, &error));
    request.headers = &header;
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &request, &response, &error));
    request = request_for("POST", hello_target);
    request.body_size = 5;
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &request, &response, &error));
    /* A later version's caller: what it leaves at zero means nothing, what it sets is not ignored. */
    memset(&both, 0, sizeof both);
    both.request = request_for("GET", "/v2/");
    both.request.struct_size = sizeof both;
    pkgreg_response_free(handle(registry, &both.request));
    both.later = 1;
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &both.request, &response, &error));
    request = request_for("GET", "/v2/");
    response = handle(registry, &request);
    memset(&view, 0, sizeof view);
    CHECK(pkgreg_response_get(response, &view) == PKGREG_INVALID_ARGUMENT);
    CHECK(pkgreg_response_get(NULL, &view) == PKGREG_INVALID_ARGUMENT);
    CHECK(pkgreg_response_header(NULL, TEXT("a"), NULL) == NULL);
    pkgreg_response_free(response);
    pkgreg_close(&registry);
}

static pkgreg *open_guarded(const folder *folder) {
    static const char policy[] =
        "{\"rules\": [{\"who\": [\"embedder:alice\", \"group:ops\"],"
        " \"repositories\": [\"team/**\"], \"actions\": [\"pull\", \"push\"]}]}";
    char path[128];
    char options[256];
    pkgreg_error *error = NULL;
    pkgreg *registry = NULL;
    FILE *file;
    snprintf(path, sizeof path, "%s/policy.json", folder->path);
    file = fopen(path, "w");
    CHECK(file != NULL && fputs(policy, file) >= 0 && fclose(file) == 0);
    snprintf(options, sizeof options, "{\"pkgreg\": {\"access\": {\"policy\": \"%s\"}}}", path);
    MUST(pkgreg_open("memory:", PKGREG_NUL, TEXT(options), &registry, &error));
    return registry;
}

static int32_t status_as(pkgreg *registry, const char *identity, const char *group) {
    static const char target[] = "/v2/team/app/blobs/uploads/";
    const pkgreg_name groups[] = {{"dev", 3}, {group, PKGREG_NUL}};
    pkgreg_request request = request_for("POST", target);
    pkgreg_response *response = NULL;
    int32_t status;
    request.identity = identity;
    request.identity_length = PKGREG_NUL;
    request.groups = group ? groups : NULL;
    request.group_count = group ? COUNT(groups) : 0;
    response = handle(registry, &request);
    status = view_of(response).status;
    pkgreg_response_free(response);
    return status;
}

static void a_policy_decides_by_the_identity_that_the_caller_passes(void) {
    const folder folder = make_folder();
    pkgreg_error *error = NULL;
    pkgreg *registry = open_guarded(&folder);
    pkgreg_request request = request_for("POST", "/v2/team/app/blobs/uploads/");
    pkgreg_response *response = NULL;
    CHECK(status_as(registry, "alice", NULL) == 202);
    CHECK(status_as(registry, "bob", "ops") == 202);
    CHECK(status_as(registry, "bob", NULL) == 403);
    CHECK(status_as(registry, "bob", "none") == 403);
    CHECK(status_as(registry, "", NULL) == 401 || status_as(registry, "", NULL) == 403);
    CHECK(status_as(registry, NULL, NULL) == status_as(registry, "", NULL));
    /* A program that was built before there were identities says less, and nothing behind it. */
    request.struct_size = offsetof(pkgreg_request, identity);
    request.identity = "alice";
    request.identity_length = 5;
    response = handle(registry, &request);
    CHECK(view_of(response).status == status_as(registry, NULL, NULL));
    pkgreg_response_free(response);
    /* Groups of nobody. */
    request = request_for("GET", "/v2/");
    request.group_count = 1;
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &request, &response, &error));
    request.identity = "alice";
    request.identity_length = 5;
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_handle(registry, &request, &response, &error));
    /* Who calls functions is the program itself. */
    MUST(pkgreg_blob_put(registry, TEXT("other"), NULL, 0, "Hello", 5, NULL, &error));
    pkgreg_close(&registry);
    remove_folder(&folder);
}

static void a_policy_that_cannot_be_used_opens_nothing(void) {
    static const char options[] =
        "{\"pkgreg\": {\"access\": {\"policy\": \"/nowhere/policy.json\"}}}";
    pkgreg_error *error = NULL;
    pkgreg *registry = NULL;
    FAILS(PKGREG_INVALID_OPTIONS,
          pkgreg_open("memory:", PKGREG_NUL, TEXT(options), &registry, &error));
    CHECK(registry == NULL);
}

int main(void) {
    RUN(a_body_goes_in_from_memory_and_comes_out);
    RUN(a_body_can_come_from_a_function);
    RUN(a_function_that_gives_up_fails_the_call);
    RUN(a_body_that_ends_early_is_answered);
    RUN(a_large_body_is_read_as_a_stream);
    RUN(headers_are_heard_however_many_there_are);
    RUN(an_answer_to_head_has_the_length_and_no_body);
    RUN(what_goes_wrong_is_a_response);
    RUN(a_request_that_is_none_fails);
    RUN(a_policy_decides_by_the_identity_that_the_caller_passes);
    RUN(a_policy_that_cannot_be_used_opens_nothing);
    return 0;
}
