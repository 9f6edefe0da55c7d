/* Blobs and readers: ranges, mounts, digests, and what the interface refuses. */

#include "check.h"

static const char absent[] =
    "sha256:0000000000000000000000000000000000000000000000000000000000000000";

static pkgreg_blob_info put(pkgreg *registry, const void *bytes, size_t size) {
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, bytes, size, &info, &error));
    CHECK(info.size == size);
    return info;
}

static void a_blob_comes_back_byte_for_byte(void) {
    const size_t size = 3 * 1024 * 1024 + 17;
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    unsigned char *bytes = some_bytes(size);
    unsigned char *back = malloc(size);
    pkgreg_reader *reader = NULL;
    size_t done = 0;
    size_t got = 1;
    const pkgreg_blob_info info = put(registry, bytes, size);
    MUST(pkgreg_blob_open(registry, TEXT("a"), TEXT(info.digest), 0, UINT64_MAX, &reader, &error));
    CHECK(pkgreg_reader_length(reader) == size && pkgreg_reader_object_size(reader) == size);
    while (got != 0) {
        MUST(pkgreg_reader_read(reader, back + done, size - done > 70000 ? 70000 : size - done,
                                &got, &error));
        done += got;
    }
    CHECK(done == size && memcmp(bytes, back, size) == 0);
    pkgreg_reader_free(reader);
    free(back);
    free(bytes);
    pkgreg_close(&registry);
}

static void expect_range(pkgreg *registry, const char *digest, uint64_t offset, uint64_t length,
                         const char *wanted) {
    pkgreg_error *error = NULL;
    pkgreg_reader *reader = NULL;
    char bytes[32];
    size_t got = 0;
    MUST(pkgreg_blob_open(registry, TEXT("a"), TEXT(digest), offset, length, &reader, &error));
    CHECK(pkgreg_reader_length(reader) == strlen(wanted));
    CHECK(pkgreg_reader_object_size(reader) == 10);
    MUST(pkgreg_reader_read(reader, bytes, 0, &got, &error));
    CHECK(got == 0);
    MUST(pkgreg_reader_read(reader, bytes, sizeof bytes, &got, &error));
    CHECK(got == strlen(wanted) && memcmp(bytes, wanted, got) == 0);
    MUST(pkgreg_reader_read(reader, bytes, sizeof bytes, &got, &error));
    CHECK(got == 0);
    pkgreg_reader_free(reader);
}

static void a_range_is_what_was_asked_for(void) {
    pkgreg_error *error = NULL;
    pkgreg_reader *reader = (pkgreg_reader *)1;
    pkgreg *registry = open_memory();
    const pkgreg_blob_info info = put(registry, "0123456789", 10);
    expect_range(registry, info.digest, 0, UINT64_MAX, "0123456789");
    expect_range(registry, info.digest, 3, 4, "3456");
    expect_range(registry, info.digest, 7, 100, "789");
    expect_range(registry, info.digest, 9, UINT64_MAX, "9");
    expect_range(registry, info.digest, 1, UINT64_MAX - 1, "123456789");
    expect_range(registry, info.digest, 5, 0, "");
    expect_range(registry, info.digest, 0, 0, "");
    FAILS(PKGREG_RANGE_INVALID, pkgreg_blob_open(registry, TEXT("a"), TEXT(info.digest), 10,
                                                 UINT64_MAX, &reader, &error));
    CHECK(reader == NULL);
    FAILS(PKGREG_RANGE_INVALID, pkgreg_blob_open(registry, TEXT("a"), TEXT(info.digest),
                                                 UINT64_MAX, UINT64_MAX, &reader, &error));
    pkgreg_close(&registry);
}

static void an_empty_blob_can_be_opened(void) {
    pkgreg_error *error = NULL;
    pkgreg_reader *reader = NULL;
    char byte = 0;
    size_t got = 1;
    pkgreg *registry = open_memory();
    const pkgreg_blob_info info = put(registry, NULL, 0);
    MUST(pkgreg_blob_open(registry, TEXT("a"), TEXT(info.digest), 0, UINT64_MAX, &reader, &error));
    MUST(pkgreg_reader_read(reader, &byte, 1, &got, &error));
    CHECK(got == 0 && pkgreg_reader_length(reader) == 0);
    pkgreg_reader_free(reader);
    MUST(pkgreg_blob_open(registry, TEXT("a"), TEXT(info.digest), 0, 5, &reader, &error));
    CHECK(pkgreg_reader_length(reader) == 0);
    pkgreg_reader_free(reader);
    FAILS(PKGREG_RANGE_INVALID,
          pkgreg_blob_open(registry, TEXT("a"), TEXT(info.digest), 1, 1, &reader, &error));
    pkgreg_close(&registry);
}

static void a_repository_serves_only_its_own(void) {
    pkgreg_error *error = NULL;
    pkgreg_reader *reader = NULL;
    pkgreg *registry = open_memory();
    pkgreg_blob_info info = put(registry, "x", 1);
    const pkgreg_blob_info known = info;
    FAILS(PKGREG_BLOB_UNKNOWN,
          pkgreg_blob_stat(registry, TEXT("b"), TEXT(known.digest), &info, &error));
    FAILS(PKGREG_BLOB_UNKNOWN, pkgreg_blob_open(registry, TEXT("b"), TEXT(known.digest), 0,
                                                UINT64_MAX, &reader, &error));
    FAILS(PKGREG_BLOB_UNKNOWN, pkgreg_blob_mount(registry, TEXT("b"), TEXT(known.digest),
                                                 TEXT("c"), NULL, &error));
    FAILS(PKGREG_BLOB_UNKNOWN,
          pkgreg_blob_mount(registry, TEXT("b"), TEXT(absent), NULL, 0, NULL, &error));
    MUST(pkgreg_blob_mount(registry, TEXT("b"), TEXT(known.digest), TEXT("a"), NULL, &error));
    MUST(pkgreg_blob_mount(registry, TEXT("c"), TEXT(known.digest), NULL, 0, &info, &error));
    MUST(pkgreg_blob_stat(registry, TEXT("b"), TEXT(known.digest), &info, &error));
    CHECK(info.size == 1 && same_text(info.digest, known.digest));
    MUST(pkgreg_blob_delete(registry, TEXT("b"), TEXT(known.digest), &error));
    FAILS(PKGREG_BLOB_UNKNOWN,
          pkgreg_blob_delete(registry, TEXT("b"), TEXT(known.digest), &error));
    MUST(pkgreg_blob_stat(registry, TEXT("c"), TEXT(known.digest), &info, &error));
    pkgreg_close(&registry);
}

static void a_wrong_digest_is_refused(void) {
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg *registry = open_memory();
    FAILS(PKGREG_DIGEST_INVALID,
          pkgreg_blob_put(registry, TEXT("a"), TEXT(absent), "x", 1, NULL, &error));
    FAILS(PKGREG_DIGEST_INVALID,
          pkgreg_blob_put(registry, TEXT("a"), TEXT("md5:0"), "x", 1, NULL, &error));
    FAILS(PKGREG_BLOB_UNKNOWN, pkgreg_blob_stat(registry, TEXT("a"), TEXT(absent), &info, &error));
    pkgreg_close(&registry);
}

static void sha512_names_a_blob_as_well(void) {
    static const char digest[] =
        "sha512:a4abd4448c49562d828115d13a1fccea927f52b4d5459297f8b43e42da89238b"
        "c13626e43dcb38ddb082488927ec904fb42057443983e88585179d50551afe62";
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg *registry = open_memory();
    MUST(pkgreg_blob_put(registry, TEXT("a"), TEXT(digest), "x", 1, &info, &error));
    CHECK(same_text(info.digest, digest) && strlen(info.digest) + 1 == PKGREG_DIGEST_SIZE);
    pkgreg_close(&registry);
}

static void what_cannot_be_is_refused_by_name(void) {
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg_reader *reader = NULL;
    pkgreg *registry = open_memory();
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_blob_stat(registry, NULL, 0, TEXT(absent), &info, &error));
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_blob_stat(registry, TEXT("a"), NULL, 0, &info, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_blob_stat(registry, TEXT("a"), TEXT(absent), NULL, &error));
    FAILS(PKGREG_NAME_INVALID, pkgreg_blob_stat(registry, TEXT("A"), TEXT(absent), &info, &error));
    FAILS(PKGREG_NAME_INVALID, pkgreg_blob_stat(registry, "a\0b", 3, TEXT(absent), &info, &error));
    info.struct_size = 0;
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_blob_stat(registry, TEXT("a"), TEXT(absent), &info, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_blob_put(registry, TEXT("a"), NULL, 0, "x", 1, &info, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_blob_put(registry, TEXT("a"), NULL, 0, NULL, 1, NULL, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_blob_open(registry, TEXT("a"), TEXT(absent), 0, 1, NULL, &error));
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_reader_read(NULL, &info, 1, NULL, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_blob_open(NULL, TEXT("a"), TEXT(absent), 0, 1, &reader, &error));
    /* Nobody has to ask for the error. */
    CHECK(pkgreg_blob_stat(registry, NULL, 0, NULL, 0, NULL, NULL) == PKGREG_INVALID_ARGUMENT);
    pkgreg_close(&registry);
}

static void a_larger_struct_of_a_later_version_is_taken(void) {
    struct {
        pkgreg_blob_info info;
        uint64_t later;
    } both;
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    memset(&both, 0, sizeof both);
    both.info.struct_size = sizeof both;
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, "x", 1, &both.info, &error));
    CHECK(both.info.size == 1 && both.later == 0 && both.info.struct_size == sizeof both);
    pkgreg_close(&registry);
}

int main(void) {
    RUN(a_blob_comes_back_byte_for_byte);
    RUN(a_range_is_what_was_asked_for);
    RUN(an_empty_blob_can_be_opened);
    RUN(a_repository_serves_only_its_own);
    RUN(a_wrong_digest_is_refused);
    RUN(sha512_names_a_blob_as_well);
    RUN(what_cannot_be_is_refused_by_name);
    RUN(a_larger_struct_of_a_later_version_is_taken);
    return 0;
}
