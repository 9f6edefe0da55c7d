/* Manifests, tags, referrers, repositories: their lists page by page, and their removal. */

#include "check.h"

static void a_manifest_is_found_by_tag_and_by_digest(void) {
    pkgreg_error *error = NULL;
    pkgreg_manifest *manifest = NULL;
    char digest[PKGREG_DIGEST_SIZE];
    size_t size = 0;
    pkgreg *registry = open_memory();
    const char *pushed = push_image(registry, "a", "1", digest);
    const char *const references[] = {"1", digest};
    size_t i;
    for (i = 0; i < COUNT(references); ++i) {
        MUST(pkgreg_manifest_get(registry, TEXT("a"), TEXT(references[i]), &manifest, &error));
        CHECK(same_text(pkgreg_manifest_digest(manifest, &size), digest) && size == 71);
        CHECK(strncmp(pkgreg_manifest_bytes(manifest, &size), pushed, size) == 0);
        CHECK(size == strlen(pushed));
        pkgreg_manifest_free(manifest);
    }
    FAILS(PKGREG_MANIFEST_UNKNOWN,
          pkgreg_manifest_get(registry, TEXT("a"), TEXT("2"), &manifest, &error));
    CHECK(manifest == NULL);
    FAILS(PKGREG_NAME_INVALID,
          pkgreg_manifest_get(registry, TEXT("a"), TEXT("no tag"), &manifest, &error));
    pkgreg_close(&registry);
}

static void one_without_a_reference_is_found_by_its_digest(void) {
    static const char index[] =
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
        "\"manifests\":[]}";
    pkgreg_error *error = NULL;
    pkgreg_manifest *manifest = NULL;
    pkgreg_list *list = NULL;
    char digest[PKGREG_DIGEST_SIZE];
    pkgreg *registry = open_memory();
    MUST(pkgreg_manifest_put(registry, TEXT("a"), NULL, 0,
                             TEXT("application/vnd.oci.image.index.v1+json"), index,
                             sizeof index - 1, digest, &error));
    MUST(pkgreg_manifest_get(registry, TEXT("a"), TEXT(digest), &manifest, &error));
    CHECK(same_text(pkgreg_manifest_media_type(manifest, NULL),
                    "application/vnd.oci.image.index.v1+json"));
    pkgreg_manifest_free(manifest);
    MUST(pkgreg_tags(registry, TEXT("a"), NULL, 0, 10, &list, &error));
    CHECK(pkgreg_list_count(list) == 0);
    pkgreg_list_free(list);
    pkgreg_close(&registry);
}

static void what_is_no_manifest_is_refused(void) {
    static const char missing[] =
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"size\":2,\"digest\":"
        "\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},"
        "\"layers\":[]}";
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    FAILS(PKGREG_MANIFEST_INVALID,
          pkgreg_manifest_put(registry, TEXT("a"), TEXT("1"), NULL, 0, "{", 1, NULL, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_manifest_put(registry, TEXT("a"), TEXT("1"), TEXT("no type"), "{}", 2, NULL,
                              &error));
    CHECK(pkgreg_manifest_put(registry, TEXT("a"), TEXT("1"), NULL, 0, missing, sizeof missing - 1,
                              NULL, &error) == PKGREG_MANIFEST_BLOB_UNKNOWN);
    CHECK(strstr(pkgreg_error_detail(error), "sha256:44136fa355b3") != NULL);
    CHECK(pkgreg_error_http_status(error) == 400);
    pkgreg_error_free(error);
    pkgreg_close(&registry);
}

/* All items of a list, which is asked for in pages of `limit`. */
static size_t count_pages(pkgreg *registry, const char *repository, size_t limit, char *last,
                          size_t *pages) {
    pkgreg_error *error = NULL;
    char next[300] = "";
    size_t count = 0;
    size_t i;
    last[0] = '\0';
    *pages = 0;
    do {
        pkgreg_list *list = NULL;
        const char *behind = next[0] ? next : NULL;
        if (repository) {
            MUST(pkgreg_tags(registry, TEXT(repository), behind, PKGREG_NUL, limit, &list, &error));
        } else {
            MUST(pkgreg_repositories(registry, behind, PKGREG_NUL, limit, &list, &error));
        }
        CHECK(pkgreg_list_count(list) <= limit);
        for (i = 0; i < pkgreg_list_count(list); ++i) {
            const char *item = pkgreg_list_item(list, i, NULL);
            CHECK(strcmp(last, item) < 0);
            strcpy(last, item);
        }
        count += pkgreg_list_count(list);
        ++*pages;
        behind = pkgreg_list_next(list, NULL);
        strcpy(next, behind ? behind : "");
        pkgreg_list_free(list);
    } while (next[0]);
    return count;
}

static void lists_come_in_pages_and_in_order(void) {
    char name[32];
    char last[300];
    size_t pages = 0;
    int i;
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg *registry = open_memory();
    for (i = 0; i < 25; ++i) {
        snprintf(name, sizeof name, "t%02d", i);
        push_image(registry, "a", name, NULL);
        snprintf(name, sizeof name, "r%02d/x", i);
        push_image(registry, name, "1", NULL);
    }
    CHECK(count_pages(registry, "a", 10, last, &pages) == 25 && pages == 3);
    CHECK(same_text(last, "t24"));
    CHECK(count_pages(registry, "a", 25, last, &pages) == 25 && pages == 1);
    CHECK(count_pages(registry, NULL, 5, last, &pages) == 26 && pages == 6);
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_repositories(registry, NULL, 0, 0, &list, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_tags(registry, TEXT("a"), NULL, 0, 1001, &list, &error));
    FAILS(PKGREG_NAME_UNKNOWN, pkgreg_tags(registry, TEXT("b"), NULL, 0, 10, &list, &error));
    CHECK(list == NULL);
    pkgreg_close(&registry);
}

static void push_referrer(pkgreg *registry, const char *subject, int number) {
    pkgreg_error *error = NULL;
    char manifest[1024];
    const int size = snprintf(
        manifest, sizeof manifest,
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"artifactType\":\"application/vnd.example.%s\","
        "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"size\":2,\"digest\":"
        "\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},"
        "\"layers\":[],\"subject\":{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"size\":1,\"digest\":\"%s\"},\"annotations\":{\"number\":\"%d\"}}",
        number % 2 ? "odd" : "even", subject, number);
    MUST(pkgreg_manifest_put(registry, TEXT("a"), NULL, 0, NULL, 0, manifest, (size_t)size, NULL,
                             &error));
}

static void referrers_are_found_by_subject_and_type(void) {
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg_list *rest = NULL;
    char subject[PKGREG_DIGEST_SIZE];
    int i;
    pkgreg *registry = open_memory();
    push_image(registry, "a", "1", subject);
    for (i = 0; i < 5; ++i) push_referrer(registry, subject, i);
    MUST(pkgreg_referrers(registry, TEXT("a"), TEXT(subject), NULL, 0, NULL, 0, 3, &list, &error));
    CHECK(pkgreg_list_count(list) == 3 && pkgreg_list_next(list, NULL) != NULL);
    CHECK(strstr(pkgreg_list_item(list, 0, NULL), "\"digest\"") != NULL);
    MUST(pkgreg_referrers(registry, TEXT("a"), TEXT(subject), NULL, 0, pkgreg_list_next(list, NULL),
                          PKGREG_NUL, 3, &rest, &error));
    CHECK(pkgreg_list_count(rest) == 2 && pkgreg_list_next(rest, NULL) == NULL);
    pkgreg_list_free(list);
    pkgreg_list_free(rest);
    MUST(pkgreg_referrers(registry, TEXT("a"), TEXT(subject), TEXT("application/vnd.example.odd"),
                          NULL, 0, 100, &list, &error));
    CHECK(pkgreg_list_count(list) == 2);
    pkgreg_list_free(list);
    FAILS(PKGREG_DIGEST_INVALID, pkgreg_referrers(registry, TEXT("a"), TEXT("1"), NULL, 0, NULL, 0,
                                                  10, &list, &error));
    pkgreg_close(&registry);
}

static void what_is_removed_is_gone(void) {
    pkgreg_error *error = NULL;
    pkgreg_manifest *manifest = NULL;
    char digest[PKGREG_DIGEST_SIZE];
    pkgreg *registry = open_memory();
    push_image(registry, "a", "1", digest);
    push_image(registry, "a", "2", digest);
    FAILS(PKGREG_IN_USE,
          pkgreg_blob_delete(
              registry, TEXT("a"),
              TEXT("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
              &error));
    MUST(pkgreg_manifest_delete(registry, TEXT("a"), TEXT("1"), &error));
    FAILS(PKGREG_MANIFEST_UNKNOWN,
          pkgreg_manifest_delete(registry, TEXT("a"), TEXT("1"), &error));
    MUST(pkgreg_manifest_get(registry, TEXT("a"), TEXT("2"), &manifest, &error));
    MUST(pkgreg_manifest_delete(registry, TEXT("a"), TEXT(digest), &error));
    /* What was got before can still be read. */
    CHECK(same_text(pkgreg_manifest_digest(manifest, NULL), digest));
    pkgreg_manifest_free(manifest);
    FAILS(PKGREG_MANIFEST_UNKNOWN,
          pkgreg_manifest_get(registry, TEXT("a"), TEXT("2"), &manifest, &error));
    MUST(pkgreg_repository_delete(registry, TEXT("a"), &error));
    FAILS(PKGREG_NAME_UNKNOWN, pkgreg_repository_delete(registry, TEXT("a"), &error));
    pkgreg_close(&registry);
}

int main(void) {
    RUN(a_manifest_is_found_by_tag_and_by_digest);
    RUN(one_without_a_reference_is_found_by_its_digest);
    RUN(what_is_no_manifest_is_refused);
    RUN(lists_come_in_pages_and_in_order);
    RUN(referrers_are_found_by_subject_and_type);
    RUN(what_is_removed_is_gone);
    return 0;
}
