/* Opening and closing: storages, options, and one writer for each directory. */

#include "folder.h"

#include <sys/stat.h>

static void a_directory_keeps_what_it_was_given(void) {
    const folder folder = make_folder();
    pkgreg_error *error = NULL;
    pkgreg_manifest *manifest = NULL;
    char digest[PKGREG_DIGEST_SIZE];
    pkgreg *registry = open_folder(&folder);
    push_image(registry, "team/app", "1", digest);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    registry = open_folder(&folder);
    MUST(pkgreg_manifest_get(registry, TEXT("team/app"), TEXT("1"), &manifest, &error));
    CHECK(same_text(pkgreg_manifest_digest(manifest, NULL), digest));
    pkgreg_manifest_free(manifest);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    remove_folder(&folder);
}

static void a_directory_has_one_writer(void) {
    const folder folder = make_folder();
    pkgreg_error *error = NULL;
    pkgreg *other = (pkgreg *)1;
    pkgreg *registry = open_folder(&folder);
    FAILS(PKGREG_LOCKED, pkgreg_open(TEXT(folder.path), NULL, 0, &other, &error));
    CHECK(other == NULL);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    registry = open_folder(&folder);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    remove_folder(&folder);
}

static void registries_in_memory_have_nothing_in_common(void) {
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg *one = open_memory();
    pkgreg *two = open_memory();
    CHECK(one != two);
    push_image(one, "a", "1", NULL);
    MUST(pkgreg_repositories(two, NULL, 0, 10, &list, &error));
    CHECK(pkgreg_list_count(list) == 0);
    pkgreg_list_free(list);
    pkgreg_close(&one);
    pkgreg_close(&two);
}

static void the_options_of_the_original_product_open_a_volume(void) {
    const folder folder = make_folder();
    char options[256];
    pkgreg_error *error = NULL;
    pkgreg *registry = NULL;
    snprintf(options, sizeof options,
             "{\"registry\":{\"service-account-secret-path\":\"key\","
             "\"mount-volume\":{\"container-path\":\"%s\"}},\"service\":{\"instances\":1}}",
             folder.path);
    MUST(pkgreg_open(NULL, 0, TEXT(options), &registry, &error));
    push_image(registry, "a", "1", NULL);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    remove_folder(&folder);
}

static void options_decide_how_it_behaves(void) {
    pkgreg_error *error = NULL;
    pkgreg *registry = NULL;
    char digest[PKGREG_DIGEST_SIZE];
    MUST(pkgreg_open(TEXT("memory:"), TEXT("{\"pkgreg\":{\"deletion\":false}}"), &registry, &error));
    push_image(registry, "a", "1", digest);
    FAILS(PKGREG_UNSUPPORTED, pkgreg_manifest_delete(registry, TEXT("a"), TEXT("1"), &error));
    pkgreg_close(&registry);
    /* What is passed wins over the options. */
    MUST(pkgreg_open(TEXT("memory:"), TEXT("{\"pkgreg\":{\"storage\":\"/nowhere\"}}"), &registry,
                     &error));
    pkgreg_close(&registry);
    MUST(pkgreg_open(NULL, 0, TEXT("{\"pkgreg\":{\"storage\":\"memory:\"}}"), &registry, &error));
    pkgreg_close(&registry);
}

static void a_directory_can_be_read_beside_its_writer(void) {
    const folder folder = make_folder();
    pkgreg_error *error = NULL;
    pkgreg_manifest *manifest = NULL;
    pkgreg *reading = NULL;
    pkgreg *registry = open_folder(&folder);
    push_image(registry, "a", "1", NULL);
    MUST(pkgreg_open(TEXT(folder.path), TEXT("{\"pkgreg\":{\"read-only\":true}}"), &reading,
                     &error));
    MUST(pkgreg_manifest_get(reading, TEXT("a"), TEXT("1"), &manifest, &error));
    pkgreg_manifest_free(manifest);
    FAILS(PKGREG_READ_ONLY, pkgreg_manifest_delete(reading, TEXT("a"), TEXT("1"), &error));
    pkgreg_close(&reading);
    pkgreg_close(&registry);
    remove_folder(&folder);
}

static void expect_refusal(int32_t code, const char *storage, const char *options,
                           const char *named) {
    pkgreg_error *error = NULL;
    pkgreg *registry = (pkgreg *)1;
    const int32_t got =
        pkgreg_open(storage, PKGREG_NUL, options, PKGREG_NUL, &registry, &error);
    check_result(got, code, error, options ? options : storage, __FILE__, __LINE__);
    CHECK(registry == NULL && strstr(pkgreg_error_message(error), named) != NULL);
    pkgreg_error_free(error);
}

static void what_cannot_be_opened_says_why(void) {
    const folder folder = make_folder();
    pkgreg_error *error = NULL;
    char file[128];
    FILE *made = NULL;
    expect_refusal(PKGREG_INVALID_OPTIONS, NULL, NULL, "storage");
    expect_refusal(PKGREG_INVALID_OPTIONS, NULL, "{}", "storage");
    expect_refusal(PKGREG_INVALID_OPTIONS, "memory:", "{\"pkgreg\":{\"storag\":1}}", "storag");
    expect_refusal(PKGREG_INVALID_OPTIONS, "memory:", "[", "options:1");
    expect_refusal(PKGREG_INVALID_OPTIONS, "ftp://example.com/x", NULL, "ftp");
    expect_refusal(PKGREG_INVALID_OPTIONS, "s3://", NULL, "bucket");
    CHECK(pkgreg_open(TEXT("memory:"), NULL, 0, NULL, &error) == PKGREG_INVALID_ARGUMENT);
    pkgreg_error_free(error);
    snprintf(file, sizeof file, "%s/file", folder.path);
    made = fopen(file, "w");
    CHECK(made != NULL && fclose(made) == 0);
    expect_refusal(PKGREG_INCOMPATIBLE, folder.path, NULL, folder.path);
    expect_refusal(PKGREG_IO, file, NULL, file);
    remove_folder(&folder);
}

int main(void) {
    RUN(a_directory_keeps_what_it_was_given);
    RUN(a_directory_has_one_writer);
    RUN(registries_in_memory_have_nothing_in_common);
    RUN(the_options_of_the_original_product_open_a_volume);
    RUN(options_decide_how_it_behaves);
    RUN(a_directory_can_be_read_beside_its_writer);
    RUN(what_cannot_be_opened_says_why);
    return 0;
}
