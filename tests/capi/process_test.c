/* What the library leaves alone in the process that it is part of: signals, locale, umask, OpenSSL. */

#include "client.h"
#include "folder.h"

#include <dirent.h>
#include <locale.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>

/* Something of everything, with threads. */
static void use_the_library(const folder *folder) {
    pkgreg_error *error = NULL;
    pkgreg_server *server = NULL;
    unsigned char *bytes = some_bytes(3000000);
    pkgreg *registry = open_folder(folder);
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, bytes, 3000000, NULL, &error));
    push_image(registry, "a", "1", NULL);
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error));
    CHECK(get_status(port_of(server), "/v2/a/manifests/1") == 200);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    pkgreg_server_free(server);
    free(bytes);
}

static void the_process_is_as_it_was(void) {
    const folder folder = make_folder();
    struct sigaction before[32];
    struct sigaction after;
    sigset_t mask_before;
    sigset_t mask_after;
    char locale[64];
    mode_t mode;
    int signal;
    strcpy(locale, setlocale(LC_ALL, NULL));
    umask(031);
    sigprocmask(SIG_SETMASK, NULL, &mask_before);
    for (signal = 1; signal < 32; ++signal) sigaction(signal, NULL, &before[signal]);
    use_the_library(&folder);
    for (signal = 1; signal < 32; ++signal) {
        sigaction(signal, NULL, &after);
        CHECK(after.sa_handler == before[signal].sa_handler);
        CHECK(after.sa_flags == before[signal].sa_flags);
    }
    sigprocmask(SIG_SETMASK, NULL, &mask_after);
    for (signal = 1; signal < 32; ++signal) {
        CHECK(sigismember(&mask_before, signal) == sigismember(&mask_after, signal));
    }
    CHECK(same_text(setlocale(LC_ALL, NULL), locale));
    mode = umask(022);
    CHECK(mode == 031);
    remove_folder(&folder);
}

/* The signals that a thread blocks, as the system shows them. */
static unsigned long long blocked_by(const char *task) {
    char path[300];
    char line[256];
    unsigned long long blocked = 0;
    FILE *status = NULL;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    status = fopen(path, "r");
    if (!status) return ~0ULL; /* it has ended */
    while (fgets(line, sizeof line, status)) sscanf(line, "SigBlk: %llx", &blocked);
    fclose(status);
    return blocked;
}

/* How many threads there are beside this one; each must block all signals that can be blocked. */
static int check_threads(void) {
    const unsigned long long all =
        0x7fffffffULL & ~(1ULL << (SIGKILL - 1)) & ~(1ULL << (SIGSTOP - 1));
    int threads = 0;
    struct dirent *entry = NULL;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    while ((entry = readdir(tasks))) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == (int)getpid()) continue;
        CHECK((blocked_by(entry->d_name) & all) == all);
        ++threads;
    }
    closedir(tasks);
    return threads;
}

static void its_threads_block_all_signals(void) {
    const folder folder = make_folder();
    pkgreg_error *error = NULL;
    pkgreg_server *server = NULL;
    unsigned char *bytes = some_bytes(9000000);
    pkgreg *registry = open_folder(&folder);
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error));
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, bytes, 9000000, NULL, &error));
    CHECK(check_threads() >= 3); /* of the server and of the pool */
    pkgreg_close(&registry);
    pkgreg_server_free(server);
    free(bytes);
    remove_folder(&folder);
}

static void a_registry_in_memory_starts_no_thread(void) {
    unsigned char *bytes = some_bytes(3000000);
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, bytes, 3000000, NULL, &error));
    push_image(registry, "a", "1", NULL);
    CHECK(check_threads() == 0);
    pkgreg_close(&registry);
    free(bytes);
}

/* A client that goes away while a file is sent to it: the system would raise SIGPIPE. */
static void a_client_that_goes_away_raises_no_signal(void) {
    const size_t size = 16 * 1024 * 1024;
    const int rounds = is_slow() ? 5 : 50;
    const struct linger at_once = {1, 0};
    const folder folder = make_folder();
    unsigned char *bytes = some_bytes(size);
    char target[256];
    char start[16];
    int i;
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    pkgreg_server *server = NULL;
    pkgreg *registry = open_folder(&folder);
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, bytes, size, &info, &error));
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error));
    snprintf(target, sizeof target, "/v2/a/blobs/%s", info.digest);
    for (i = 0; i < rounds; ++i) {
        const int fd = connect_to(port_of(server));
        CHECK(fd >= 0);
        send_get(fd, target);
        CHECK(read(fd, start, sizeof start) > 0);
        if (i % 2) setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(fd);
    }
    CHECK(get_status(port_of(server), "/v2/") == 200);
    pkgreg_server_free(server);
    pkgreg_close(&registry);
    free(bytes);
    remove_folder(&folder);
}

/* As a write to a socket would whose other end is gone. */
static int32_t raise_broken_pipe(void *user, const pkgreg_progress *progress) {
    (void)progress;
    ++*(int *)user;
    return raise(SIGPIPE) == 0 ? 0 : 1;
}

/* A copy writes to sockets on the caller's thread. */
static void a_copy_raises_no_signal(void) {
    int calls = 0;
    char source[256];
    sigset_t signals;
    pkgreg_error *error = NULL;
    pkgreg_server *server = NULL;
    pkgreg *remote = open_memory();
    pkgreg *registry = open_memory();
    push_image(remote, "a", "1", NULL);
    MUST(pkgreg_serve(remote, TEXT("127.0.0.1:0"), &server, &error));
    snprintf(source, sizeof source, "%s/a:1", pkgreg_server_url(server, 0, NULL));
    MUST(pkgreg_set_progress(registry, raise_broken_pipe, &calls, &error));
    MUST(pkgreg_pull(registry, TEXT(source), TEXT("a"), TEXT("1"), NULL, 0, NULL, &error));
    CHECK(calls > 0);
    CHECK(sigpending(&signals) == 0 && !sigismember(&signals, SIGPIPE));
    CHECK(sigprocmask(SIG_SETMASK, NULL, &signals) == 0 && !sigismember(&signals, SIGPIPE));
    pkgreg_close(&registry);
    pkgreg_close(&remote);
    pkgreg_server_free(server);
}

/* An application that allows OpenSSL nothing: its own choice must not break the registry. */
static void the_applications_openssl_is_its_own(void) {
    const folder folder = make_folder();
    OSSL_PROVIDER *nothing = OSSL_PROVIDER_load(NULL, "null");
    EVP_MD *digest = NULL;
    CHECK(nothing != NULL && EVP_set_default_properties(NULL, "fips=yes"));
    digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    CHECK(digest == NULL);
    use_the_library(&folder);
    digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    CHECK(digest == NULL); /* and it is not changed by ours */
    EVP_set_default_properties(NULL, NULL);
    OSSL_PROVIDER_unload(nothing);
    remove_folder(&folder);
}

/* A program may end without closing anything. */
static void a_process_ends_with_a_registry_open(void) {
    int status = 0;
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        pkgreg_error *error = NULL;
        pkgreg_server *server = NULL;
        pkgreg *registry = open_memory();
        MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error));
        push_image(registry, "a", "1", NULL);
        CHECK(get_status(port_of(server), "/v2/a/manifests/1") == 200);
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    RUN(a_registry_in_memory_starts_no_thread);
    RUN(the_process_is_as_it_was);
    RUN(its_threads_block_all_signals);
    RUN(a_client_that_goes_away_raises_no_signal);
    RUN(a_copy_raises_no_signal);
    RUN(the_applications_openssl_is_its_own);
    RUN(a_process_ends_with_a_registry_open);
    return 0;
}
