/* Callbacks: who is told, when one is taken away, and what a callback may not do. */

#include "client.h"
#include "folder.h"

#include <pthread.h>
#include <time.h>

static int32_t give_up(void *user, void *into, size_t size, size_t *got) {
    (void)user, (void)into, (void)size;
    *got = 0;
    return 13;
}

/* A request that ends in a line of the log: its body gives up. */
static void cause_a_line(pkgreg *registry) {
    pkgreg_request request = request_for("POST", "/v2/a/blobs/uploads/?digest=sha256:"
        "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969");
    pkgreg_response *response = NULL;
    request.read = give_up;
    request.read_length = 5;
    CHECK(pkgreg_handle(registry, &request, &response, NULL) == PKGREG_CANCELLED);
}

struct log {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int lines;
    int hold; /* inside the callback until this is 0 */
    int inside;
    int removed;
    int32_t level;
    char message[512];
    pkgreg *registry;
};

static void write_line(void *user, int32_t level, const char *message, size_t length) {
    struct log *log = user;
    pthread_mutex_lock(&log->mutex);
    ++log->lines;
    log->level = level;
    CHECK(strlen(message) == length && strchr(message, '\n') == NULL);
    snprintf(log->message, sizeof log->message, "%s", message);
    log->inside = 1;
    pthread_cond_broadcast(&log->changed);
    while (log->hold) pthread_cond_wait(&log->changed, &log->mutex);
    CHECK(!log->removed);
    log->inside = 0;
    pthread_mutex_unlock(&log->mutex);
}

static struct log new_log(void) {
    struct log log;
    memset(&log, 0, sizeof log);
    pthread_mutex_init(&log.mutex, NULL);
    pthread_cond_init(&log.changed, NULL);
    return log;
}

static void lines_go_to_the_function_that_is_set(void) {
    struct log one = new_log();
    struct log two = new_log();
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    cause_a_line(registry);
    MUST(pkgreg_set_log(registry, write_line, &one, &error));
    cause_a_line(registry);
    CHECK(one.lines == 1 && one.level == PKGREG_LOG_ERROR && one.message[0] != '\0');
    MUST(pkgreg_set_log(registry, write_line, &two, &error));
    cause_a_line(registry);
    MUST(pkgreg_set_log(registry, NULL, NULL, &error));
    cause_a_line(registry);
    CHECK(one.lines == 1 && two.lines == 1);
    pkgreg_close(&registry);
}

static void *cause_a_line_on_a_thread(void *user) {
    cause_a_line(user);
    return NULL;
}

static void *remove_log(void *user) {
    struct log *log = user;
    pkgreg_error *error = NULL;
    MUST(pkgreg_set_log(log->registry, NULL, NULL, &error));
    pthread_mutex_lock(&log->mutex);
    log->removed = 1;
    pthread_mutex_unlock(&log->mutex);
    return NULL;
}

static void removal_waits_for_the_one_that_runs(void) {
    const struct timespec moment = {0, 20000000};
    struct log log = new_log();
    pthread_t telling;
    pthread_t removing;
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    log.registry = registry;
    log.hold = 1;
    MUST(pkgreg_set_log(registry, write_line, &log, &error));
    CHECK(pthread_create(&telling, NULL, cause_a_line_on_a_thread, registry) == 0);
    pthread_mutex_lock(&log.mutex);
    while (!log.inside) pthread_cond_wait(&log.changed, &log.mutex);
    pthread_mutex_unlock(&log.mutex);
    CHECK(pthread_create(&removing, NULL, remove_log, &log) == 0);
    nanosleep(&moment, NULL);
    pthread_mutex_lock(&log.mutex);
    CHECK(log.inside && !log.removed);
    log.hold = 0;
    pthread_cond_broadcast(&log.changed);
    pthread_mutex_unlock(&log.mutex);
    CHECK(pthread_join(telling, NULL) == 0 && pthread_join(removing, NULL) == 0);
    CHECK(log.removed && log.lines == 1);
    pkgreg_close(&registry);
}

struct trespasser {
    pkgreg *registry;
    pkgreg_server *server;
    pkgreg_reader *reader;
    int calls;
};

static void wait_inside(void *user, int32_t level, const char *message, size_t length) {
    struct trespasser *trespasser = user;
    pkgreg *registry = trespasser->registry;
    char byte = 0;
    size_t got = 0;
    pkgreg_error *error = NULL;
    pkgreg_list *list = NULL;
    pkgreg *other = NULL;
    (void)level, (void)message, (void)length;
    ++trespasser->calls;
    FAILS(PKGREG_WOULD_DEADLOCK, pkgreg_repositories(registry, NULL, 0, 1, &list, &error));
    FAILS(PKGREG_WOULD_DEADLOCK, pkgreg_blob_put(registry, TEXT("a"), NULL, 0, "x", 1, NULL, &error));
    FAILS(PKGREG_WOULD_DEADLOCK, pkgreg_reader_read(trespasser->reader, &byte, 1, &got, &error));
    FAILS(PKGREG_WOULD_DEADLOCK, pkgreg_set_log(registry, NULL, NULL, &error));
    FAILS(PKGREG_WOULD_DEADLOCK, pkgreg_server_stop(trespasser->server, 0, NULL, &error));
    FAILS(PKGREG_WOULD_DEADLOCK, pkgreg_open(TEXT("memory:"), NULL, 0, &other, &error));
    CHECK(pkgreg_close(&registry) == PKGREG_WOULD_DEADLOCK && registry == trespasser->registry);
    /* What does not wait is allowed. */
    CHECK(pkgreg_reader_length(trespasser->reader) == 2);
}

static void a_callback_must_not_wait(void) {
    struct trespasser trespasser = {NULL, NULL, NULL, 0};
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    push_image(registry, "a", "1", NULL);
    trespasser.registry = registry;
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &trespasser.server, &error));
    MUST(pkgreg_blob_open(
        registry, TEXT("a"),
        TEXT("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"), 0,
        UINT64_MAX, &trespasser.reader, &error));
    MUST(pkgreg_set_log(registry, wait_inside, &trespasser, &error));
    cause_a_line(registry);
    CHECK(trespasser.calls == 1);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    pkgreg_reader_free(trespasser.reader);
    pkgreg_server_free(trespasser.server);
}

static void free_inside(void *user, int32_t level, const char *message, size_t length) {
    struct trespasser *trespasser = user;
    (void)level, (void)message, (void)length;
    pkgreg_reader_free(trespasser->reader);
    pkgreg_server_free(trespasser->server);
    trespasser->reader = NULL;
    trespasser->server = NULL;
}

static void a_callback_may_free(void) {
    struct trespasser trespasser = {NULL, NULL, NULL, 0};
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    push_image(registry, "a", "1", NULL);
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &trespasser.server, &error));
    MUST(pkgreg_blob_open(
        registry, TEXT("a"),
        TEXT("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"), 0,
        UINT64_MAX, &trespasser.reader, &error));
    MUST(pkgreg_set_log(registry, free_inside, &trespasser, &error));
    cause_a_line(registry);
    CHECK(trespasser.reader == NULL && trespasser.server == NULL);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
}

/* A registry whose only tag is damaged: whoever asks for it over HTTP causes a line on the server's own
 * thread. */
static pkgreg *open_damaged(const folder *folder) {
    char path[128];
    FILE *tag = NULL;
    pkgreg *registry = open_folder(folder);
    push_image(registry, "a", "1", NULL);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    snprintf(path, sizeof path, "%s/repositories/a/_tags/1", folder->path);
    tag = fopen(path, "w");
    CHECK(tag != NULL && fputs("damage", tag) >= 0 && fclose(tag) == 0);
    return open_folder(folder);
}

static void on_a_servers_thread(pkgreg_log_fn function, struct trespasser *trespasser) {
    const folder folder = make_folder();
    int port = 0;
    pkgreg_error *error = NULL;
    pkgreg *registry = open_damaged(&folder);
    trespasser->registry = registry;
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &trespasser->server, &error));
    MUST(pkgreg_blob_open(
        registry, TEXT("a"),
        TEXT("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"), 0,
        UINT64_MAX, &trespasser->reader, &error));
    port = port_of(trespasser->server);
    MUST(pkgreg_set_log(registry, function, trespasser, &error));
    CHECK(get_status(port, "/v2/a/manifests/1") == 500);
    MUST(pkgreg_set_log(registry, NULL, NULL, &error));
    /* Freed or not, it goes on. */
    CHECK(get_status(port, "/v2/") == 200);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    CHECK(connect_to(port) < 0);
    pkgreg_reader_free(trespasser->reader);
    pkgreg_server_free(trespasser->server);
    remove_folder(&folder);
}

static void a_callback_on_a_servers_thread_must_not_wait(void) {
    struct trespasser trespasser = {NULL, NULL, NULL, 0};
    on_a_servers_thread(wait_inside, &trespasser);
    CHECK(trespasser.calls == 1);
}

static void a_callback_on_a_servers_thread_may_free(void) {
    struct trespasser trespasser = {NULL, NULL, NULL, 0};
    on_a_servers_thread(free_inside, &trespasser);
    CHECK(trespasser.reader == NULL && trespasser.server == NULL);
}

int main(void) {
    RUN(lines_go_to_the_function_that_is_set);
    RUN(removal_waits_for_the_one_that_runs);
    RUN(a_callback_must_not_wait);
    RUN(a_callback_may_free);
    RUN(a_callback_on_a_servers_thread_must_not_wait);
    RUN(a_callback_on_a_servers_thread_may_free);
    return 0;
}
