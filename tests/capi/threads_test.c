/* Any number of threads, on one registry and on one handle. */

#include "folder.h"

#include <pthread.h>

enum { THREADS = 4 };

struct shared {
    pkgreg *registry;
    pkgreg_reader *reader;
    pkgreg_upload *upload;
    pkgreg_response *response;
    size_t read[THREADS];
    size_t received[THREADS];
};

struct worker {
    struct shared *shared;
    int number;
    pthread_t thread;
};

static void push_and_pull(pkgreg *registry, int thread, int round) {
    char repository[32];
    char tag[32];
    char target[128];
    pkgreg_error *error = NULL;
    pkgreg_response *response = NULL;
    pkgreg_list *list = NULL;
    pkgreg_request request;
    snprintf(repository, sizeof repository, "r%d", (thread + round) % 2);
    snprintf(tag, sizeof tag, "t%d-%d", thread, round);
    push_image(registry, repository, tag, NULL);
    snprintf(target, sizeof target, "/v2/%s/manifests/%s", repository, tag);
    request = request_for("GET", target);
    MUST(pkgreg_handle(registry, &request, &response, &error));
    CHECK(view_of(response).status == 200);
    pkgreg_response_free(response);
    MUST(pkgreg_tags(registry, TEXT(repository), NULL, 0, 1000, &list, &error));
    CHECK(pkgreg_list_count(list) >= 1);
    pkgreg_list_free(list);
    MUST(pkgreg_manifest_delete(registry, TEXT(repository), TEXT(tag), &error));
}

static void *work(void *user) {
    struct worker *worker = user;
    struct shared *shared = worker->shared;
    const int rounds = is_slow() ? 5 : 30;
    char bytes[4096];
    size_t got = 1;
    int round;
    pkgreg_error *error = NULL;
    for (round = 0; round < rounds; ++round) push_and_pull(shared->registry, worker->number, round);
    for (round = 0; round < rounds; ++round) {
        MUST(pkgreg_upload_append(shared->upload, "0123456789", 10, &error));
    }
    while (got != 0) {
        MUST(pkgreg_reader_read(shared->reader, bytes, sizeof bytes, &got, &error));
        shared->read[worker->number] += got;
    }
    do {
        MUST(pkgreg_response_read(shared->response, bytes, sizeof bytes, &got, &error));
        shared->received[worker->number] += got;
    } while (got != 0);
    return NULL;
}

static void use_by_threads(pkgreg *registry) {
    const size_t size = 300000;
    unsigned char *bytes = some_bytes(size);
    struct shared shared;
    struct worker workers[THREADS];
    char target[256];
    size_t read = 0;
    size_t received = 0;
    int i;
    pkgreg_error *error = NULL;
    pkgreg_request request;
    pkgreg_blob_info info = blob_info();
    memset(&shared, 0, sizeof shared);
    shared.registry = registry;
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, bytes, size, &info, &error));
    MUST(pkgreg_blob_open(registry, TEXT("a"), TEXT(info.digest), 0, UINT64_MAX, &shared.reader,
                          &error));
    MUST(pkgreg_upload_begin(registry, TEXT("a"), NULL, 0, &shared.upload, &error));
    snprintf(target, sizeof target, "/v2/a/blobs/%s", info.digest);
    request = request_for("GET", target);
    MUST(pkgreg_handle(registry, &request, &shared.response, &error));
    for (i = 0; i < THREADS; ++i) {
        workers[i].shared = &shared;
        workers[i].number = i;
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (i = 0; i < THREADS; ++i) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        read += shared.read[i];
        received += shared.received[i];
    }
    /* Each byte went to one thread. */
    CHECK(read == size && received == size);
    info = blob_info();
    MUST(pkgreg_upload_commit(shared.upload, NULL, 0, &info, &error));
    CHECK(info.size == (uint64_t)(THREADS * (is_slow() ? 5 : 30) * 10));
    pkgreg_reader_free(shared.reader);
    pkgreg_upload_free(shared.upload);
    pkgreg_response_free(shared.response);
    free(bytes);
}

static void threads_share_a_registry_in_memory(void) {
    pkgreg *registry = open_memory();
    use_by_threads(registry);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
}

static void threads_share_a_directory(void) {
    const folder folder = make_folder();
    pkgreg *registry = open_folder(&folder);
    use_by_threads(registry);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    remove_folder(&folder);
}

static void *open_many(void *user) {
    const int rounds = is_slow() ? 20 : 300;
    int i;
    (void)user;
    for (i = 0; i < rounds; ++i) {
        pkgreg_error *error = NULL;
        pkgreg_list *list = NULL;
        pkgreg *registry = open_memory();
        MUST(pkgreg_repositories(registry, NULL, 0, 1, &list, &error));
        pkgreg_list_free(list);
        CHECK(pkgreg_close(&registry) == PKGREG_OK);
    }
    return NULL;
}

static void threads_open_and_close_their_own(void) {
    pthread_t threads[THREADS];
    int i;
    for (i = 0; i < THREADS; ++i) CHECK(pthread_create(&threads[i], NULL, open_many, NULL) == 0);
    for (i = 0; i < THREADS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
    RUN(threads_share_a_registry_in_memory);
    RUN(threads_share_a_directory);
    RUN(threads_open_and_close_their_own);
    return 0;
}
