/* Closing: with handles open, while others call, and what a stale pointer answers. */

#include "folder.h"

#include <pthread.h>
#include <time.h>

static void nap(long milliseconds) {
    struct timespec time;
    time.tv_sec = milliseconds / 1000;
    time.tv_nsec = milliseconds % 1000 * 1000000;
    nanosleep(&time, NULL);
}

static void handles_outlive_the_registry(void) {
    const folder folder = make_folder();
    const size_t size = 3 * 1024 * 1024;
    unsigned char *bytes = some_bytes(size);
    char target[256];
    char byte;
    size_t got = 0;
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg_reader *reader = NULL;
    pkgreg_upload *upload = NULL;
    pkgreg_manifest *manifest = NULL;
    pkgreg_list *list = NULL;
    pkgreg_response *stream = NULL;
    pkgreg_response *small = NULL;
    pkgreg_server *server = NULL;
    pkgreg_request request;
    pkgreg *registry = open_folder(&folder);
    pkgreg *again = NULL;
    push_image(registry, "a", "1", NULL);
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, bytes, size, &info, &error));
    MUST(pkgreg_blob_open(registry, TEXT("a"), TEXT(info.digest), 0, UINT64_MAX, &reader, &error));
    MUST(pkgreg_upload_begin(registry, TEXT("a"), NULL, 0, &upload, &error));
    MUST(pkgreg_upload_append(upload, bytes, size, &error));
    MUST(pkgreg_manifest_get(registry, TEXT("a"), TEXT("1"), &manifest, &error));
    MUST(pkgreg_tags(registry, TEXT("a"), NULL, 0, 10, &list, &error));
    snprintf(target, sizeof target, "/v2/a/blobs/%s", info.digest);
    request = request_for("GET", target);
    MUST(pkgreg_handle(registry, &request, &stream, &error));
    request = request_for("GET", "/v2/a/manifests/1");
    MUST(pkgreg_handle(registry, &request, &small, &error));
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error));

    CHECK(pkgreg_close(&registry) == PKGREG_OK && registry == NULL);
    /* The directory was released, whatever is still held. */
    again = open_folder(&folder);
    FAILS(PKGREG_CLOSED, pkgreg_reader_read(reader, &byte, 1, &got, &error));
    CHECK(pkgreg_reader_length(reader) == size && pkgreg_reader_object_size(reader) == size);
    FAILS(PKGREG_CLOSED, pkgreg_upload_append(upload, "x", 1, &error));
    FAILS(PKGREG_CLOSED, pkgreg_upload_status(upload, NULL, NULL, &error));
    FAILS(PKGREG_CLOSED, pkgreg_upload_commit(upload, NULL, 0, NULL, &error));
    FAILS(PKGREG_CLOSED, pkgreg_upload_abort(upload, &error));
    FAILS(PKGREG_CLOSED, pkgreg_response_read(stream, &byte, 1, &got, &error));
    FAILS(PKGREG_CLOSED, pkgreg_response_read(small, &byte, 1, &got, &error));
    FAILS(PKGREG_CLOSED, pkgreg_server_stop(server, 0, NULL, &error));
    /* What lies in memory stays readable. */
    CHECK(view_of(small).status == 200 && *(const char *)view_of(small).body == '{');
    CHECK(view_of(stream).status == 200 && view_of(stream).content_length == size);
    CHECK(pkgreg_manifest_bytes(manifest, &got) != NULL && got > 0);
    CHECK(same_text(pkgreg_list_item(list, 0, NULL), "1"));
    CHECK(pkgreg_server_url(server, 0, NULL) != NULL);
    pkgreg_reader_free(reader);
    pkgreg_upload_free(upload);
    pkgreg_manifest_free(manifest);
    pkgreg_list_free(list);
    pkgreg_response_free(stream);
    pkgreg_response_free(small);
    pkgreg_server_free(server);
    CHECK(pkgreg_close(&again) == PKGREG_OK);
    free(bytes);
    remove_folder(&folder);
}

static void a_pointer_to_a_closed_registry_answers_closed(void) {
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg *registry = open_memory();
    pkgreg *copy = registry;
    pkgreg *second = registry;
    pkgreg *other = NULL;
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    FAILS(PKGREG_CLOSED, pkgreg_repositories(copy, NULL, 0, 1, &list, &error));
    /* Another registry may take its place, but not its name. */
    other = open_memory();
    CHECK(other != copy);
    FAILS(PKGREG_CLOSED, pkgreg_repositories(copy, NULL, 0, 1, &list, &error));
    FAILS(PKGREG_CLOSED, pkgreg_set_log(copy, NULL, NULL, &error));
    CHECK(pkgreg_close(&second) == PKGREG_CLOSED && second == NULL);
    MUST(pkgreg_repositories(other, NULL, 0, 1, &list, &error));
    pkgreg_list_free(list);
    CHECK(pkgreg_close(&other) == PKGREG_OK);
}

static void what_is_no_registry_is_refused(void) {
    int object = 0;
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg *wrong = (pkgreg *)(void *)&object;
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_repositories(wrong, NULL, 0, 1, &list, &error));
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_repositories(NULL, NULL, 0, 1, &list, &error));
}

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int entered;
    int open;
    int closed_returned;
    pkgreg *registry;
    pkgreg *copy;
    pkgreg_upload *upload;
};

static int32_t wait_at_gate(void *user, void *into, size_t size, size_t *got) {
    struct gate *gate = user;
    (void)into, (void)size;
    pthread_mutex_lock(&gate->mutex);
    gate->entered = 1;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open) pthread_cond_wait(&gate->changed, &gate->mutex);
    CHECK(!gate->closed_returned);
    pthread_mutex_unlock(&gate->mutex);
    *got = 0;
    return PKGREG_OK;
}

static void *append_at_gate(void *user) {
    struct gate *gate = user;
    pkgreg_error *error = NULL;
    MUST(pkgreg_upload_append_stream(gate->upload, wait_at_gate, gate, &error));
    return NULL;
}

static void *close_gate(void *user) {
    struct gate *gate = user;
    CHECK(pkgreg_close(&gate->registry) == PKGREG_OK);
    pthread_mutex_lock(&gate->mutex);
    gate->closed_returned = 1;
    pthread_mutex_unlock(&gate->mutex);
    return NULL;
}

static void closing_waits_for_calls_and_refuses_new_ones(void) {
    static struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, NULL,
                               NULL, NULL};
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pthread_t appending;
    pthread_t closing;
    int32_t answer = PKGREG_OK;
    gate.registry = open_memory();
    gate.copy = gate.registry;
    MUST(pkgreg_upload_begin(gate.registry, TEXT("a"), NULL, 0, &gate.upload, &error));
    CHECK(pthread_create(&appending, NULL, append_at_gate, &gate) == 0);
    pthread_mutex_lock(&gate.mutex);
    while (!gate.entered) pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
    CHECK(pthread_create(&closing, NULL, close_gate, &gate) == 0);
    while (answer == PKGREG_OK) {
        answer = pkgreg_repositories(gate.copy, NULL, 0, 1, &list, NULL);
        pkgreg_list_free(list);
        nap(1);
    }
    CHECK(answer == PKGREG_CLOSED);
    nap(20);
    pthread_mutex_lock(&gate.mutex);
    CHECK(!gate.closed_returned);
    gate.open = 1;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
    CHECK(pthread_join(appending, NULL) == 0 && pthread_join(closing, NULL) == 0);
    CHECK(gate.closed_returned && gate.registry == NULL);
    pkgreg_upload_free(gate.upload);
}

static void *use_until_closed(void *user) {
    pkgreg *registry = user;
    pkgreg_request request = request_for("GET", "/v2/a/manifests/1");
    pkgreg_reader *reader = NULL;
    int32_t answer = PKGREG_OK;
    int i;
    for (i = 0; answer == PKGREG_OK; ++i) {
        pkgreg_response *response = NULL;
        answer = pkgreg_handle(registry, &request, &response, NULL);
        CHECK((answer == PKGREG_OK) == (response != NULL));
        if (response) CHECK(view_of(response).status == 200);
        if (i % 3 == 0) pkgreg_reader_free(reader), reader = NULL;
        if (!reader) {
            pkgreg_blob_open(
                registry, TEXT("a"),
                TEXT("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"), 0,
                UINT64_MAX, &reader, NULL);
        }
        pkgreg_response_free(response);
    }
    CHECK(answer == PKGREG_CLOSED);
    pkgreg_reader_free(reader);
    return NULL;
}

static void *close_it(void *user) {
    pkgreg *registry = user;
    const int32_t answer = pkgreg_close(&registry);
    CHECK(registry == NULL && (answer == PKGREG_OK || answer == PKGREG_CLOSED));
    return answer == PKGREG_OK ? user : NULL;
}

static void threads_may_use_it_while_it_is_closed(void) {
    const int rounds = is_slow() ? 10 : 40;
    const folder folder = make_folder();
    int round;
    for (round = 0; round < rounds; ++round) {
        pthread_t users[3];
        pthread_t closers[2];
        void *closed[2];
        size_t i;
        pkgreg *registry = open_folder(&folder);
        push_image(registry, "a", "1", NULL);
        for (i = 0; i < COUNT(users); ++i) {
            CHECK(pthread_create(&users[i], NULL, use_until_closed, registry) == 0);
        }
        nap(round % 5);
        for (i = 0; i < COUNT(closers); ++i) {
            CHECK(pthread_create(&closers[i], NULL, close_it, registry) == 0);
        }
        for (i = 0; i < COUNT(closers); ++i) CHECK(pthread_join(closers[i], &closed[i]) == 0);
        for (i = 0; i < COUNT(users); ++i) CHECK(pthread_join(users[i], NULL) == 0);
        /* One of the two closed it, and the other was told that it is closed. */
        CHECK((closed[0] != NULL) + (closed[1] != NULL) == 1);
    }
    remove_folder(&folder);
}

int main(void) {
    RUN(handles_outlive_the_registry);
    RUN(a_pointer_to_a_closed_registry_answers_closed);
    RUN(what_is_no_registry_is_refused);
    RUN(closing_waits_for_calls_and_refuses_new_ones);
    RUN(threads_may_use_it_while_it_is_closed);
    return 0;
}
