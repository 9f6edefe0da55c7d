/* Uploads: every way to append, what stays after a failure, and their end. */

#include "folder.h"

#include <fcntl.h>

static pkgreg_upload *begin(pkgreg *registry) {
    pkgreg_error *error = NULL;
    pkgreg_upload *upload = NULL;
    MUST(pkgreg_upload_begin(registry, TEXT("a"), NULL, 0, &upload, &error));
    return upload;
}

static uint64_t offset_of(pkgreg_upload *upload) {
    pkgreg_error *error = NULL;
    uint64_t offset = 0;
    MUST(pkgreg_upload_status(upload, NULL, &offset, &error));
    return offset;
}

static pkgreg_blob_info digest_of(pkgreg *registry, const void *bytes, size_t size) {
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    MUST(pkgreg_blob_put(registry, TEXT("other"), NULL, 0, bytes, size, &info, &error));
    return info;
}

struct pieces {
    const unsigned char *bytes;
    size_t size;
    size_t done;
    size_t piece;
    size_t fail_at; /* 0: never */
};

static int32_t give_pieces(void *user, void *into, size_t size, size_t *got) {
    struct pieces *pieces = user;
    size_t n = pieces->size - pieces->done;
    if (pieces->fail_at != 0 && pieces->done >= pieces->fail_at) return 77;
    if (n > pieces->piece) n = pieces->piece;
    if (n > size) n = size;
    if (n != 0) memcpy(into, pieces->bytes + pieces->done, n);
    pieces->done += n;
    *got = n;
    return PKGREG_OK;
}

static void append_in_every_way(pkgreg *registry) {
    const size_t size = 5 * 1024 * 1024 + 3;
    const size_t third = size / 3;
    unsigned char *bytes = some_bytes(size);
    const pkgreg_blob_info wanted = digest_of(registry, bytes, size);
    struct pieces pieces = {NULL, 0, 0, 1234, 0};
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg_upload *upload = begin(registry);
    char path[] = "/tmp/pkgreg-upload-XXXXXX";
    const int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && unlink(path) == 0);
    CHECK(lseek(fd, 7, SEEK_SET) == 7);

    MUST(pkgreg_upload_append(upload, bytes, third, &error));
    MUST(pkgreg_upload_append(upload, NULL, 0, &error));
    pieces.bytes = bytes + third;
    pieces.size = third;
    MUST(pkgreg_upload_append_stream(upload, give_pieces, &pieces, &error));
    CHECK(offset_of(upload) == 2 * third);
    MUST(pkgreg_upload_append_file(upload, fd, 2 * third, 100, &error));
    MUST(pkgreg_upload_append_file(upload, fd, 2 * third + 100, UINT64_MAX, &error));
    CHECK(lseek(fd, 0, SEEK_CUR) == 7);
    CHECK(offset_of(upload) == size);
    MUST(pkgreg_upload_commit(upload, NULL, 0, &info, &error));
    CHECK(same_text(info.digest, wanted.digest) && info.size == size);
    pkgreg_upload_free(upload);
    close(fd);
    free(bytes);
}

static void bytes_come_in_every_way(void) {
    const folder folder = make_folder();
    pkgreg *registry = open_memory();
    append_in_every_way(registry);
    pkgreg_close(&registry);
    registry = open_folder(&folder);
    append_in_every_way(registry);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    remove_folder(&folder);
}

static void what_came_before_a_failure_stays(void) {
    const size_t size = 3 * 1024 * 1024;
    unsigned char *bytes = some_bytes(size);
    struct pieces pieces = {NULL, 0, 0, 100000, 1500000};
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg *registry = open_memory();
    const pkgreg_blob_info wanted = digest_of(registry, bytes, size);
    pkgreg_upload *upload = begin(registry);
    uint64_t offset = 0;
    pieces.bytes = bytes;
    pieces.size = size;
    FAILS(PKGREG_CANCELLED, pkgreg_upload_append_stream(upload, give_pieces, &pieces, &error));
    offset = offset_of(upload);
    CHECK(offset == pieces.done && offset >= 1500000);
    MUST(pkgreg_upload_append(upload, bytes + offset, size - offset, &error));
    MUST(pkgreg_upload_commit(upload, wanted.digest, PKGREG_NUL, &info, &error));
    pkgreg_upload_free(upload);
    pkgreg_close(&registry);
    free(bytes);
}

static int32_t claim_too_much(void *user, void *into, size_t size, size_t *got) {
    (void)user, (void)into;
    *got = size + 1;
    return PKGREG_OK;
}

static void a_function_that_gives_more_than_there_is_room_is_found_out(void) {
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_upload *upload = begin(registry);
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_upload_append_stream(upload, claim_too_much, NULL, &error));
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_upload_append_stream(upload, NULL, NULL, &error));
    CHECK(offset_of(upload) == 0);
    pkgreg_upload_free(upload);
    pkgreg_close(&registry);
}

static void a_file_that_cannot_be_read_is_refused(void) {
    int ends[2];
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_upload *upload = begin(registry);
    const int folder = open("/tmp", O_RDONLY);
    CHECK(pipe(ends) == 0);
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_upload_append_file(upload, -1, 0, 1, &error));
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_upload_append_file(upload, ends[0], 0, 1, &error));
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_upload_append_file(upload, folder, 0, 1, &error));
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_upload_append_file(upload, folder, UINT64_MAX, 1, &error));
    close(ends[0]);
    close(ends[1]);
    close(folder);
    pkgreg_upload_free(upload);
    pkgreg_close(&registry);
}

static void a_file_that_is_shorter_than_was_said_is_told(void) {
    FILE *file = tmpfile();
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_upload *upload = begin(registry);
    CHECK(file && fwrite("12345", 1, 5, file) == 5 && fflush(file) == 0);
    FAILS(PKGREG_TRUNCATED, pkgreg_upload_append_file(upload, fileno(file), 1, 9, &error));
    CHECK(offset_of(upload) == 4);
    fclose(file);
    pkgreg_upload_free(upload);
    pkgreg_close(&registry);
}

static void another_handle_goes_on_where_one_was_freed(void) {
    pkgreg_error *error = NULL;
    pkgreg_text *id = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg *registry = open_memory();
    pkgreg_upload *upload = begin(registry);
    MUST(pkgreg_upload_append(upload, "1234", 4, &error));
    MUST(pkgreg_upload_status(upload, &id, NULL, &error));
    pkgreg_upload_free(upload);
    FAILS(PKGREG_BLOB_UPLOAD_UNKNOWN,
          pkgreg_upload_resume(registry, TEXT("b"), pkgreg_text_data(id, NULL), PKGREG_NUL, &upload,
                               &error));
    CHECK(upload == NULL);
    MUST(pkgreg_upload_resume(registry, TEXT("a"), pkgreg_text_data(id, NULL), PKGREG_NUL, &upload,
                              &error));
    CHECK(offset_of(upload) == 4);
    MUST(pkgreg_upload_commit(upload, NULL, 0, &info, &error));
    CHECK(info.size == 4);
    pkgreg_upload_free(upload);
    FAILS(PKGREG_BLOB_UPLOAD_UNKNOWN,
          pkgreg_upload_resume(registry, TEXT("a"), pkgreg_text_data(id, NULL), PKGREG_NUL, &upload,
                               &error));
    pkgreg_text_free(id);
    pkgreg_close(&registry);
}

static void after_its_end_it_can_only_be_freed(void) {
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_upload *upload = begin(registry);
    MUST(pkgreg_upload_commit(upload, NULL, 0, NULL, &error));
    FAILS(PKGREG_BLOB_UPLOAD_UNKNOWN, pkgreg_upload_append(upload, "x", 1, &error));
    FAILS(PKGREG_BLOB_UPLOAD_UNKNOWN, pkgreg_upload_status(upload, NULL, NULL, &error));
    FAILS(PKGREG_BLOB_UPLOAD_UNKNOWN, pkgreg_upload_commit(upload, NULL, 0, NULL, &error));
    FAILS(PKGREG_BLOB_UPLOAD_UNKNOWN, pkgreg_upload_abort(upload, &error));
    pkgreg_upload_free(upload);
    upload = begin(registry);
    MUST(pkgreg_upload_abort(upload, &error));
    FAILS(PKGREG_BLOB_UPLOAD_UNKNOWN, pkgreg_upload_append(upload, "x", 1, &error));
    pkgreg_upload_free(upload);
    pkgreg_close(&registry);
}

static void a_wrong_digest_gives_it_up(void) {
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_upload *upload = begin(registry);
    MUST(pkgreg_upload_append(upload, "x", 1, &error));
    FAILS(PKGREG_DIGEST_INVALID, pkgreg_upload_commit(upload, TEXT("sha256:12"), NULL, &error));
    MUST(pkgreg_upload_append(upload, "y", 1, &error)); /* that was no digest: nothing was done */
    FAILS(PKGREG_DIGEST_INVALID,
          pkgreg_upload_commit(
              upload,
              TEXT("sha256:0000000000000000000000000000000000000000000000000000000000000000"),
              NULL, &error));
    FAILS(PKGREG_BLOB_UPLOAD_UNKNOWN, pkgreg_upload_append(upload, "x", 1, &error));
    pkgreg_upload_free(upload);
    pkgreg_close(&registry);
}

static void the_algorithm_names_the_blob(void) {
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg_upload *upload = NULL;
    pkgreg *registry = open_memory();
    MUST(pkgreg_upload_begin(registry, TEXT("a"), TEXT("sha512"), &upload, &error));
    MUST(pkgreg_upload_append(upload, "x", 1, &error));
    MUST(pkgreg_upload_commit(upload, NULL, 0, &info, &error));
    CHECK(strncmp(info.digest, "sha512:a4abd444", 15) == 0);
    pkgreg_upload_free(upload);
    FAILS(PKGREG_INVALID_ARGUMENT,
          pkgreg_upload_begin(registry, TEXT("a"), TEXT("md5"), &upload, &error));
    CHECK(upload == NULL);
    pkgreg_close(&registry);
}

struct nested {
    pkgreg *registry;
    pkgreg_upload *outer;
    int done;
};

static int32_t use_the_library(void *user, void *into, size_t size, size_t *got) {
    struct nested *nested = user;
    pkgreg_error *error = NULL;
    pkgreg *registry = nested->registry;
    (void)into, (void)size;
    *got = 0;
    if (nested->done) return PKGREG_OK;
    nested->done = 1;
    MUST(pkgreg_blob_put(nested->registry, TEXT("inner"), NULL, 0, "x", 1, NULL, &error));
    FAILS(PKGREG_WOULD_DEADLOCK, pkgreg_upload_append(nested->outer, "x", 1, &error));
    CHECK(pkgreg_close(&registry) == PKGREG_WOULD_DEADLOCK && registry == nested->registry);
    *got = 1;
    *(char *)into = 'n';
    return PKGREG_OK;
}

static void the_function_that_gives_bytes_may_call_the_library(void) {
    struct nested nested = {NULL, NULL, 0};
    pkgreg_error *error = NULL;
    nested.registry = open_memory();
    nested.outer = begin(nested.registry);
    MUST(pkgreg_upload_append_stream(nested.outer, use_the_library, &nested, &error));
    CHECK(nested.done && offset_of(nested.outer) == 1);
    pkgreg_upload_free(nested.outer);
    CHECK(pkgreg_close(&nested.registry) == PKGREG_OK);
}

int main(void) {
    RUN(bytes_come_in_every_way);
    RUN(what_came_before_a_failure_stays);
    RUN(a_function_that_gives_more_than_there_is_room_is_found_out);
    RUN(a_file_that_cannot_be_read_is_refused);
    RUN(a_file_that_is_shorter_than_was_said_is_told);
    RUN(another_handle_goes_on_where_one_was_freed);
    RUN(after_its_end_it_can_only_be_freed);
    RUN(a_wrong_digest_gives_it_up);
    RUN(the_algorithm_names_the_blob);
    RUN(the_function_that_gives_bytes_may_call_the_library);
    return 0;
}
