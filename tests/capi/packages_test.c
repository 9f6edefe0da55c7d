/* DC/OS packages: added from a file and from a stream, listed, described, shown, removed. The folder with
 * the bundles is in PKGREG_TEST_BUNDLES, see make_bundles.py. */

#include "folder.h"

static const char *bundle(const char *name) {
    static char path[4][512];
    static int next = 0;
    const char *folder = getenv("PKGREG_TEST_BUNDLES");
    CHECK(folder != NULL);
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s.dcos", folder, name);
    return path[next];
}

static void add(pkgreg *registry, const char *name, int32_t replace, const char *outcome) {
    char wanted[64];
    pkgreg_error *error = NULL;
    pkgreg_text *result = NULL;
    MUST(pkgreg_package_add_file(registry, TEXT(bundle(name)), replace, &result, &error));
    snprintf(wanted, sizeof wanted, "\"outcome\":\"%s\"", outcome);
    CHECK(strstr(pkgreg_text_data(result, NULL), wanted) != NULL);
    CHECK(strstr(pkgreg_text_data(result, NULL), "\"name\":\"hello\"") != NULL);
    pkgreg_text_free(result);
}

static int32_t read_file(void *user, void *into, size_t size, size_t *got) {
    *got = fread(into, 1, size, user);
    return ferror(user) ? PKGREG_IO : PKGREG_OK;
}

static void a_bundle_comes_from_a_file_or_a_stream(void) {
    const folder folder = make_folder();
    pkgreg_error *error = NULL;
    pkgreg *registry = open_folder(&folder);
    FILE *file = fopen(bundle("hello-2.0"), "rb");
    CHECK(file != NULL);
    add(registry, "hello-1.0", 0, "added");
    add(registry, "hello-1.0", 0, "unchanged");
    FAILS(PKGREG_PACKAGE_EXISTS, pkgreg_package_add_file(registry, TEXT(bundle("hello-1.0-other")),
                                                         0, NULL, &error));
    add(registry, "hello-1.0-other", 1, "replaced");
    MUST(pkgreg_package_add_stream(registry, read_file, file, 0, NULL, &error));
    fclose(file);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    remove_folder(&folder);
}

static void packages_are_listed_described_and_removed(void) {
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg_list *rest = NULL;
    pkgreg_text *text = NULL;
    pkgreg *registry = open_memory();
    add(registry, "hello-1.0", 0, "added");
    add(registry, "hello-2.0", 0, "added");
    MUST(pkgreg_packages(registry, NULL, 0, NULL, 0, 1, &list, &error));
    CHECK(pkgreg_list_count(list) == 1);
    CHECK(strstr(pkgreg_list_item(list, 0, NULL), "{\"name\":\"hello\",\"version\":\"1.0\","
                                                  "\"releaseVersion\":") != NULL);
    CHECK(strstr(pkgreg_list_item(list, 0, NULL), "\"file\":\"data.bin\"") != NULL);
    MUST(pkgreg_packages(registry, TEXT("hello"), pkgreg_list_next(list, NULL), PKGREG_NUL, 10,
                         &rest, &error));
    CHECK(pkgreg_list_count(rest) == 1 && pkgreg_list_next(rest, NULL) == NULL);
    CHECK(strstr(pkgreg_list_item(rest, 0, NULL), "\"version\":\"2.0\"") != NULL);
    pkgreg_list_free(list);
    pkgreg_list_free(rest);
    MUST(pkgreg_packages(registry, TEXT("other"), NULL, 0, 10, &list, &error));
    CHECK(pkgreg_list_count(list) == 0);
    pkgreg_list_free(list);
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_packages(registry, NULL, 0, TEXT("hello"), 10, &list, &error));
    MUST(pkgreg_package_describe(registry, TEXT("hello"), TEXT("1.0"), &text, &error));
    CHECK(strstr(pkgreg_text_data(text, NULL), "\"maintainer\":\"support@example.com\"") != NULL);
    pkgreg_text_free(text);
    MUST(pkgreg_package_remove(registry, TEXT("hello"), TEXT("1.0"), &error));
    FAILS(PKGREG_PACKAGE_UNKNOWN,
          pkgreg_package_describe(registry, TEXT("hello"), TEXT("1.0"), &text, &error));
    FAILS(PKGREG_NAME_INVALID,
          pkgreg_package_describe(registry, TEXT("NO"), TEXT("1.0"), &text, &error));
    pkgreg_close(&registry);
}

static void the_repository_document_refers_to_the_url(void) {
    pkgreg_error *error = NULL;
    pkgreg_text *text = NULL;
    pkgreg *registry = open_memory();
    add(registry, "hello-1.0", 0, "added");
    MUST(pkgreg_package_repository(
        registry,
        TEXT("{\"url\":\"https://registry.example.com:8443\",\"dcosRelease\":\"1.13\","
             "\"name\":\"hello\"}"),
        &text, &error));
    CHECK(strstr(pkgreg_text_data(text, NULL), "https://registry.example.com:8443/resource/") !=
          NULL);
    pkgreg_text_free(text);
    FAILS(PKGREG_INVALID_OPTIONS, pkgreg_package_repository(registry, NULL, 0, &text, &error));
    FAILS(PKGREG_INVALID_OPTIONS,
          pkgreg_package_repository(registry, TEXT("{\"url\":\"nowhere\"}"), &text, &error));
    FAILS(PKGREG_INVALID_OPTIONS,
          pkgreg_package_repository(registry, TEXT("{\"url\":7}"), &text, &error));
    FAILS(PKGREG_INVALID_OPTIONS,
          pkgreg_package_repository(registry, TEXT("{\"ulr\":\"https://example.com\"}"), &text,
                                    &error));
    FAILS(PKGREG_INVALID_OPTIONS, pkgreg_package_repository(registry, TEXT("[]"), &text, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_package_repository(
              registry, TEXT("{\"url\":\"https://example.com\",\"dcosRelease\":\"new\"}"), &text,
              &error));
    FAILS(PKGREG_PACKAGE_UNKNOWN,
          pkgreg_package_repository(
              registry, TEXT("{\"url\":\"https://example.com\",\"name\":\"other\"}"), &text,
              &error));
    CHECK(text == NULL);
    pkgreg_close(&registry);
    /* Where the options say it, a call need not. */
    MUST(pkgreg_open(TEXT("memory:"),
                     TEXT("{\"pkgreg\":{\"external-url\":\"https://registry.example.com\"}}"),
                     &registry, &error));
    MUST(pkgreg_package_repository(registry, NULL, 0, &text, &error));
    CHECK(same_text(pkgreg_text_data(text, NULL), "{\"packages\":[]}"));
    pkgreg_text_free(text);
    pkgreg_close(&registry);
}

struct watch {
    int calls;
    int stop_at;
    uint64_t done;
    uint64_t total;
};

static int32_t follow(void *user, const pkgreg_progress *progress) {
    struct watch *watch = user;
    CHECK(progress->struct_size == sizeof *progress);
    CHECK(same_text(progress->operation, "add package"));
    CHECK(strstr(progress->subject, "hello-1.0.dcos") != NULL);
    CHECK(progress->done >= watch->done);
    watch->done = progress->done;
    watch->total = progress->total;
    return ++watch->calls == watch->stop_at ? -1 : 0;
}

static void an_addition_can_be_followed_and_stopped(void) {
    struct watch watch = {0, 1, 0, 0};
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg *registry = open_memory();
    MUST(pkgreg_set_progress(registry, follow, &watch, &error));
    FAILS(PKGREG_CANCELLED,
          pkgreg_package_add_file(registry, TEXT(bundle("hello-1.0")), 0, NULL, &error));
    MUST(pkgreg_packages(registry, NULL, 0, NULL, 0, 10, &list, &error));
    CHECK(watch.calls == 1 && pkgreg_list_count(list) == 0);
    pkgreg_list_free(list);
    memset(&watch, 0, sizeof watch);
    add(registry, "hello-1.0", 0, "added");
    CHECK(watch.calls >= 3 && watch.done == watch.total && watch.total > 3 << 20);
    MUST(pkgreg_set_progress(registry, NULL, NULL, &error));
    watch.calls = 0;
    add(registry, "hello-1.0", 0, "unchanged");
    CHECK(watch.calls == 0);
    pkgreg_close(&registry);
}

static int32_t fail_at_once(void *user, void *into, size_t size, size_t *got) {
    (void)user, (void)into, (void)size;
    *got = 0;
    return PKGREG_IO;
}

static void what_is_no_bundle_is_refused(void) {
    char directory[512];
    pkgreg_error *error = NULL;
    pkgreg_text *result = NULL;
    pkgreg *registry = open_memory();
    strcpy(directory, getenv("PKGREG_TEST_BUNDLES"));
    CHECK(pkgreg_package_add_file(registry, TEXT(directory), 0, &result, &error) ==
          PKGREG_INVALID_ARGUMENT);
    CHECK(result == NULL);
    pkgreg_error_free(error);
    error = NULL;
    FAILS(PKGREG_CANCELLED,
          pkgreg_package_add_stream(registry, fail_at_once, NULL, 0, &result, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_package_add_stream(registry, NULL, NULL, 0, &result, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_package_add_file(registry, NULL, 0, 0, &result, &error));
    pkgreg_close(&registry);
}

int main(void) {
    RUN(a_bundle_comes_from_a_file_or_a_stream);
    RUN(packages_are_listed_described_and_removed);
    RUN(the_repository_document_refers_to_the_url);
    RUN(an_addition_can_be_followed_and_stopped);
    RUN(what_is_no_bundle_is_refused);
    return 0;
}
