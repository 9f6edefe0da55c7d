/* One way through the whole interface, as a program would go it: each function is called. */

#include "check.h"

#include <fcntl.h>
#include <unistd.h>

static const char hello_digest[] =
    "sha256:185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969";

static void the_library_says_what_it_is(void) {
    CHECK(strchr(pkgreg_version(), '.') != NULL);
    CHECK(same_text(pkgreg_code_name(PKGREG_OK), "OK"));
    CHECK(same_text(pkgreg_code_name(PKGREG_BLOB_UNKNOWN), "BLOB_UNKNOWN"));
    CHECK(same_text(pkgreg_code_name(PKGREG_OUT_OF_MEMORY), "OUT_OF_MEMORY"));
    CHECK(same_text(pkgreg_code_name(-5), "UNKNOWN"));
}

struct source {
    const char *bytes;
    size_t left;
};

static int32_t read_source(void *user, void *into, size_t size, size_t *got) {
    struct source *source = user;
    *got = size < source->left ? size : source->left;
    memcpy(into, source->bytes, *got);
    source->bytes += *got;
    source->left -= *got;
    return PKGREG_OK;
}

static void push_by_upload(pkgreg *registry) {
    pkgreg_error *error = NULL;
    pkgreg_upload *upload = NULL;
    pkgreg_upload *resumed = NULL;
    pkgreg_text *id = NULL;
    uint64_t offset = 99;
    size_t size = 0;
    struct source source = {"l", 1};
    pkgreg_blob_info info = blob_info();
    char path[] = "/tmp/pkgreg-tour-XXXXXX";
    const int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, "-o-", 3) == 3 && unlink(path) == 0);

    MUST(pkgreg_upload_begin(registry, TEXT("team/hello"), NULL, 0, &upload, &error));
    MUST(pkgreg_upload_append(upload, "Hel", 3, &error));
    MUST(pkgreg_upload_status(upload, &id, &offset, &error));
    CHECK(offset == 3);
    MUST(pkgreg_upload_resume(registry, TEXT("team/hello"), pkgreg_text_data(id, &size),
                              PKGREG_NUL, &resumed, &error));
    CHECK(size == strlen(pkgreg_text_data(id, NULL)));
    MUST(pkgreg_upload_append_stream(resumed, read_source, &source, &error));
    MUST(pkgreg_upload_append_file(resumed, fd, 1, 1, &error));
    MUST(pkgreg_upload_commit(resumed, hello_digest, PKGREG_NUL, &info, &error));
    CHECK(info.size == 5 && same_text(info.digest, hello_digest));
    pkgreg_upload_free(resumed);
    pkgreg_upload_free(upload);
    pkgreg_text_free(id);
    close(fd);

    MUST(pkgreg_upload_begin(registry, TEXT("team/hello"), TEXT("sha512"), &upload, &error));
    MUST(pkgreg_upload_abort(upload, &error));
    pkgreg_upload_free(upload);
}

static void pull_blob(pkgreg *registry) {
    pkgreg_error *error = NULL;
    pkgreg_reader *reader = NULL;
    pkgreg_blob_info info = blob_info();
    char bytes[16];
    size_t got = 0;
    MUST(pkgreg_blob_stat(registry, TEXT("team/hello"), TEXT(hello_digest), &info, &error));
    CHECK(info.size == 5);
    MUST(pkgreg_blob_open(registry, TEXT("team/hello"), TEXT(hello_digest), 1, 3, &reader, &error));
    CHECK(pkgreg_reader_length(reader) == 3 && pkgreg_reader_object_size(reader) == 5);
    MUST(pkgreg_reader_read(reader, bytes, sizeof bytes, &got, &error));
    CHECK(got == 3 && memcmp(bytes, "ell", 3) == 0);
    MUST(pkgreg_reader_read(reader, bytes, sizeof bytes, &got, &error));
    CHECK(got == 0);
    pkgreg_reader_free(reader);
    MUST(pkgreg_blob_mount(registry, TEXT("team/other"), TEXT(hello_digest), TEXT("team/hello"),
                           &info, &error));
    MUST(pkgreg_blob_delete(registry, TEXT("team/other"), TEXT(hello_digest), &error));
}

static void handle_manifests(pkgreg *registry) {
    pkgreg_error *error = NULL;
    pkgreg_manifest *manifest = NULL;
    pkgreg_list *list = NULL;
    char digest[PKGREG_DIGEST_SIZE];
    size_t size = 0;
    const char *pushed = push_image(registry, "team/hello", "1", digest);

    MUST(pkgreg_manifest_get(registry, TEXT("team/hello"), TEXT("1"), &manifest, &error));
    CHECK(same_text(pkgreg_manifest_digest(manifest, &size), digest) && size == strlen(digest));
    CHECK(same_text(pkgreg_manifest_media_type(manifest, NULL),
                    "application/vnd.oci.image.manifest.v1+json"));
    CHECK(memcmp(pkgreg_manifest_bytes(manifest, &size), pushed, strlen(pushed)) == 0);
    CHECK(size == strlen(pushed));
    pkgreg_manifest_free(manifest);

    MUST(pkgreg_tags(registry, TEXT("team/hello"), NULL, 0, 100, &list, &error));
    CHECK(pkgreg_list_count(list) == 1 && same_text(pkgreg_list_item(list, 0, &size), "1"));
    CHECK(size == 1 && pkgreg_list_item(list, 1, &size) == NULL && size == 0);
    CHECK(pkgreg_list_next(list, NULL) == NULL);
    pkgreg_list_free(list);
    MUST(pkgreg_repositories(registry, NULL, 0, 100, &list, &error));
    CHECK(pkgreg_list_count(list) == 1);
    pkgreg_list_free(list);
    MUST(pkgreg_referrers(registry, TEXT("team/hello"), TEXT(digest), NULL, 0, NULL, 0, 100, &list,
                          &error));
    CHECK(pkgreg_list_count(list) == 0);
    pkgreg_list_free(list);
    MUST(pkgreg_manifest_delete(registry, TEXT("team/hello"), TEXT("1"), &error));
    MUST(pkgreg_repository_delete(registry, TEXT("team/hello"), &error));
}

static void ask_without_a_socket(pkgreg *registry) {
    pkgreg_error *error = NULL;
    pkgreg_response *response = NULL;
    pkgreg_response_view view;
    pkgreg_request request = request_for("GET", "/v2/");
    char byte = 0;
    size_t size = 0;
    MUST(pkgreg_handle(registry, &request, &response, &error));
    view = view_of(response);
    CHECK(view.status == 200 && view.content_length == 2 && view.body_size == 2);
    CHECK(memcmp(view.body, "{}", 2) == 0 && strlen(view.headers) == view.headers_size);
    CHECK(memcmp(pkgreg_response_header(response, TEXT("content-TYPE"), &size), "application/json",
                 16) == 0);
    CHECK(size == 16);
    MUST(pkgreg_response_read(response, &byte, 1, &size, &error));
    CHECK(size == 1 && byte == '{');
    pkgreg_response_free(response);
}

static void serve(pkgreg *registry) {
    pkgreg_error *error = NULL;
    pkgreg_server *server = NULL;
    int32_t complete = 0;
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error));
    CHECK(strncmp(pkgreg_server_url(server, 0, NULL), "http://127.0.0.1:", 17) == 0);
    MUST(pkgreg_server_stop(server, 1000, &complete, &error));
    CHECK(complete == 1);
    pkgreg_server_free(server);
}

static void ask_for_packages(pkgreg *registry) {
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg_text *text = NULL;
    struct source nothing = {"", 0};
    FAILS(PKGREG_NOT_FOUND, pkgreg_package_add_file(registry, TEXT("/nonexistent.dcos"), 0, NULL,
                                                    &error));
    CHECK(pkgreg_package_add_stream(registry, read_source, &nothing, 0, &text, NULL) != PKGREG_OK);
    CHECK(text == NULL);
    MUST(pkgreg_packages(registry, NULL, 0, NULL, 0, 10, &list, &error));
    CHECK(pkgreg_list_count(list) == 0);
    pkgreg_list_free(list);
    FAILS(PKGREG_PACKAGE_UNKNOWN,
          pkgreg_package_describe(registry, TEXT("hello"), TEXT("1"), &text, &error));
    FAILS(PKGREG_PACKAGE_UNKNOWN,
          pkgreg_package_remove(registry, TEXT("hello"), TEXT("1"), &error));
    MUST(pkgreg_package_repository(registry, TEXT("{\"url\":\"https://registry.example.com\"}"),
                                   &text, &error));
    CHECK(same_text(pkgreg_text_data(text, NULL), "{\"packages\":[]}"));
    pkgreg_text_free(text);
}

static void log_nothing(void *user, int32_t level, const char *message, size_t length) {
    (void)user, (void)level, (void)message, (void)length;
}

static int32_t go_on(void *user, const pkgreg_progress *progress) {
    (void)user, (void)progress;
    return 0;
}

static void every_function_does_its_part(void) {
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    MUST(pkgreg_set_log(registry, log_nothing, NULL, &error));
    MUST(pkgreg_set_progress(registry, go_on, NULL, &error));
    push_by_upload(registry);
    pull_blob(registry);
    handle_manifests(registry);
    ask_without_a_socket(registry);
    serve(registry);
    ask_for_packages(registry);
    CHECK(pkgreg_close(&registry) == PKGREG_OK && registry == NULL);
}

static void what_is_null_is_freed_without_harm(void) {
    pkgreg *registry = NULL;
    pkgreg_error_free(NULL);
    pkgreg_text_free(NULL);
    pkgreg_list_free(NULL);
    pkgreg_reader_free(NULL);
    pkgreg_upload_free(NULL);
    pkgreg_manifest_free(NULL);
    pkgreg_response_free(NULL);
    pkgreg_server_free(NULL);
    CHECK(pkgreg_close(&registry) == PKGREG_OK && pkgreg_close(NULL) == PKGREG_OK);
}

int main(void) {
    RUN(the_library_says_what_it_is);
    RUN(every_function_does_its_part);
    RUN(what_is_null_is_freed_without_harm);
    return 0;
}
