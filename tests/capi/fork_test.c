/* Forks: what was opened before answers FORKED in the child, the parent is not disturbed, and the
 * child can open registries of its own. */

#include "client.h"
#include "folder.h"

#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>

/* One of everything, opened before the fork. */
struct everything {
    folder folder;
    pkgreg *registry;
    pkgreg_reader *reader;
    pkgreg_upload *upload;
    pkgreg_response *stream;
    pkgreg_response *small;
    pkgreg_server *server;
    pkgreg_manifest *manifest;
};

static void open_everything(struct everything *all) {
    const size_t size = 3 * 1024 * 1024;
    unsigned char *bytes = some_bytes(size);
    char target[256];
    pkgreg_error *error = NULL;
    pkgreg_request request;
    pkgreg_blob_info info = blob_info();
    all->folder = make_folder();
    all->registry = open_folder(&all->folder);
    push_image(all->registry, "a", "1", NULL);
    MUST(pkgreg_blob_put(all->registry, TEXT("a"), NULL, 0, bytes, size, &info, &error));
    free(bytes);
    MUST(pkgreg_blob_open(all->registry, TEXT("a"), TEXT(info.digest), 0, UINT64_MAX, &all->reader,
                          &error));
    MUST(pkgreg_upload_begin(all->registry, TEXT("a"), NULL, 0, &all->upload, &error));
    MUST(pkgreg_upload_append(all->upload, "Hel", 3, &error));
    snprintf(target, sizeof target, "/v2/a/blobs/%s", info.digest);
    request = request_for("GET", target);
    MUST(pkgreg_handle(all->registry, &request, &all->stream, &error));
    request = request_for("GET", "/v2/a/manifests/1");
    MUST(pkgreg_handle(all->registry, &request, &all->small, &error));
    MUST(pkgreg_manifest_get(all->registry, TEXT("a"), TEXT("1"), &all->manifest, &error));
    MUST(pkgreg_serve(all->registry, TEXT("127.0.0.1:0"), &all->server, &error));
}

static void free_everything(struct everything *all) {
    pkgreg_reader_free(all->reader);
    pkgreg_upload_free(all->upload);
    pkgreg_response_free(all->stream);
    pkgreg_response_free(all->small);
    pkgreg_manifest_free(all->manifest);
    pkgreg_server_free(all->server);
}

/* Runs `child` in a forked process, which must end well. */
static void in_child(void (*child)(struct everything *), struct everything *all) {
    int status = 0;
    const pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        child(all);
        exit(0);
    }
    CHECK(waitpid(process, &status, 0) == process);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int32_t go_on(void *user, const pkgreg_progress *progress) {
    (void)user, (void)progress;
    return 0;
}

static void expect_forked(struct everything *all) {
    char byte;
    size_t got = 0;
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg_text *text = NULL;
    pkgreg_server *server = NULL;
    pkgreg_response *response = NULL;
    pkgreg_upload *upload = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg_response_view view;
    const pkgreg_request request = request_for("GET", "/v2/");
    pkgreg *registry = all->registry;
    memset(&view, 0, sizeof view);
    view.struct_size = sizeof view;
    FAILS(PKGREG_FORKED, pkgreg_repositories(registry, NULL, 0, 1, &list, &error));
    FAILS(PKGREG_FORKED, pkgreg_handle(registry, &request, &response, &error));
    FAILS(PKGREG_FORKED, pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error));
    FAILS(PKGREG_FORKED, pkgreg_blob_put(registry, TEXT("a"), NULL, 0, "x", 1, &info, &error));
    FAILS(PKGREG_FORKED, pkgreg_upload_begin(registry, TEXT("a"), NULL, 0, &upload, &error));
    FAILS(PKGREG_FORKED, pkgreg_packages(registry, NULL, 0, NULL, 0, 1, &list, &error));
    FAILS(PKGREG_FORKED, pkgreg_package_repository(registry, NULL, 0, &text, &error));
    FAILS(PKGREG_FORKED, pkgreg_set_progress(registry, go_on, NULL, &error));
    FAILS(PKGREG_FORKED, pkgreg_set_log(registry, NULL, NULL, &error));
    FAILS(PKGREG_FORKED, pkgreg_reader_read(all->reader, &byte, 1, &got, &error));
    FAILS(PKGREG_FORKED, pkgreg_upload_append(all->upload, "x", 1, &error));
    FAILS(PKGREG_FORKED, pkgreg_upload_status(all->upload, NULL, NULL, &error));
    FAILS(PKGREG_FORKED, pkgreg_response_read(all->stream, &byte, 1, &got, &error));
    FAILS(PKGREG_FORKED, pkgreg_response_read(all->small, &byte, 1, &got, &error));
    CHECK(pkgreg_response_get(all->small, &view) == PKGREG_FORKED);
    FAILS(PKGREG_FORKED, pkgreg_server_stop(all->server, 0, NULL, &error));
    CHECK(pkgreg_manifest_digest(all->manifest, NULL) != NULL);
    free_everything(all);
    CHECK(pkgreg_close(&registry) == PKGREG_FORKED && registry == NULL);
}

static void open_own(struct everything *all) {
    pkgreg_error *error = NULL;
    pkgreg *mine = open_memory();
    pkgreg *theirs = NULL;
    pkgreg_server *server = NULL;
    pkgreg_list *list = NULL;
    push_image(mine, "b", "1", NULL);
    MUST(pkgreg_serve(mine, TEXT("127.0.0.1:0"), &server, &error));
    CHECK(get_status(port_of(server), "/v2/b/manifests/1") == 200);
    /* The parent's directory is the parent's, though the lock came from this process' memory. */
    FAILS(PKGREG_LOCKED, pkgreg_open(TEXT(all->folder.path), NULL, 0, &theirs, &error));
    FAILS(PKGREG_FORKED, pkgreg_repositories(all->registry, NULL, 0, 1, &list, &error));
    CHECK(pkgreg_close(&mine) == PKGREG_OK);
    pkgreg_server_free(server);
}

static void go_on_in_parent(struct everything *all) {
    char bytes[1000];
    size_t got = 0;
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    MUST(pkgreg_reader_read(all->reader, bytes, sizeof bytes, &got, &error));
    CHECK(got == sizeof bytes);
    MUST(pkgreg_upload_append(all->upload, "lo", 2, &error));
    MUST(pkgreg_upload_commit(
        all->upload,
        TEXT("sha256:185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"), &info,
        &error));
    CHECK(get_status(port_of(all->server), "/v2/a/manifests/1") == 200);
}

static void the_child_is_refused_and_the_parent_undisturbed(void) {
    struct everything all;
    pkgreg *again = NULL;
    open_everything(&all);
    in_child(expect_forked, &all);
    in_child(open_own, &all);
    /* Two children have ended, and all their descriptors were closed: the lock is still held. */
    in_child(open_own, &all);
    go_on_in_parent(&all);
    CHECK(pkgreg_close(&all.registry) == PKGREG_OK);
    free_everything(&all);
    again = open_folder(&all.folder);
    CHECK(pkgreg_close(&again) == PKGREG_OK);
    remove_folder(&all.folder);
}

static void wait_for_end_of_input(int fd) {
    char byte;
    while (read(fd, &byte, 1) > 0) continue;
}

/* A child that lives on keeps copies of the parent's sockets: they must not keep its port. */
static void a_child_does_not_keep_the_parents_port(void) {
    char address[32];
    int ends[2];
    int status = 0;
    int port = 0;
    pid_t process = 0;
    pkgreg_error *error = NULL;
    pkgreg_server *server = NULL;
    pkgreg *registry = open_memory();
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error));
    port = port_of(server);
    CHECK(pipe(ends) == 0);
    process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        close(ends[1]);
        wait_for_end_of_input(ends[0]);
        _exit(0);
    }
    close(ends[0]);
    pkgreg_server_free(server);
    CHECK(connect_to(port) < 0);
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    MUST(pkgreg_serve(registry, TEXT(address), &server, &error));
    CHECK(get_status(port, "/v2/") == 200);
    pkgreg_server_free(server);
    close(ends[1]);
    CHECK(waitpid(process, &status, 0) == process && WIFEXITED(status));
    pkgreg_close(&registry);
}

struct busy {
    pthread_mutex_t mutex;
    int stop;
    folder folder;
};

static int stopped(struct busy *busy) {
    int stop;
    pthread_mutex_lock(&busy->mutex);
    stop = busy->stop;
    pthread_mutex_unlock(&busy->mutex);
    return stop;
}

static void *open_and_close(void *user) {
    while (!stopped(user)) {
        pkgreg *registry = open_memory();
        push_image(registry, "a", "1", NULL);
        CHECK(pkgreg_close(&registry) == PKGREG_OK);
    }
    return NULL;
}

static void *open_and_close_a_directory(void *user) {
    struct busy *busy = user;
    while (!stopped(busy)) {
        pkgreg *registry = open_folder(&busy->folder);
        CHECK(pkgreg_close(&registry) == PKGREG_OK);
    }
    return NULL;
}

static void use_afresh(struct everything *all) {
    pkgreg *registry = open_memory();
    push_image(registry, "a", "1", NULL);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    registry = open_folder(&all->folder);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
}

/* AddressSanitizer of g++ 12 does not take its own locks around a fork: where a thread allocates
 * at that moment, the child waits for its allocator for ever, whatever the library does. */
#ifdef __SANITIZE_ADDRESS__
static const int forks_beside_threads = 0;
#else
static const int forks_beside_threads = 1;
#endif

static void a_fork_at_any_moment_leaves_the_library_usable(void) {
    static struct busy busy = {PTHREAD_MUTEX_INITIALIZER, 0, {""}};
    static struct everything all;
    const int forks = is_slow() ? 10 : 100;
    pthread_t threads[2];
    size_t i;
    int round;
    busy.folder = make_folder();
    all.folder = make_folder();
    CHECK(pthread_create(&threads[0], NULL, open_and_close, &busy) == 0);
    CHECK(pthread_create(&threads[1], NULL, open_and_close_a_directory, &busy) == 0);
    for (round = 0; round < forks; ++round) in_child(use_afresh, &all);
    pthread_mutex_lock(&busy.mutex);
    busy.stop = 1;
    pthread_mutex_unlock(&busy.mutex);
    for (i = 0; i < COUNT(threads); ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    remove_folder(&busy.folder);
    remove_folder(&all.folder);
}

int main(void) {
    RUN(the_child_is_refused_and_the_parent_undisturbed);
    RUN(a_child_does_not_keep_the_parents_port);
    if (forks_beside_threads) RUN(a_fork_at_any_moment_leaves_the_library_usable);
    return 0;
}
