/* Copies from and to other registries: pkgreg_pull and pkgreg_push. */

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* A registry with the image team/app:v1, behind a server; both are ended by `end`. */
struct remote {
    pkgreg *registry;
    pkgreg_server *server;
    char digest[PKGREG_DIGEST_SIZE];
    char image[256]; /* team/app:v1 there */
};

static struct remote start_remote(void) {
    struct remote remote;
    pkgreg_error *error = NULL;
    memset(&remote, 0, sizeof remote);
    remote.registry = open_memory();
    push_image(remote.registry, "team/app", "v1", remote.digest);
    MUST(pkgreg_serve(remote.registry, TEXT("127.0.0.1:0"), &remote.server, &error));
    snprintf(remote.image, sizeof remote.image, "%s/team/app:v1",
             pkgreg_server_url(remote.server, 0, NULL));
    return remote;
}

static void end(struct remote *remote) {
    pkgreg_server_free(remote->server);
    CHECK(pkgreg_close(&remote->registry) == PKGREG_OK);
}

static void an_image_comes_and_goes(void) {
    struct remote remote = start_remote();
    pkgreg *registry = open_memory();
    pkgreg_error *error = NULL;
    pkgreg_manifest *manifest = NULL;
    char digest[PKGREG_DIGEST_SIZE];
    char target[300];

    MUST(pkgreg_pull(registry, TEXT(remote.image), TEXT("mirror/app"), TEXT("v1"),
                     TEXT("{\"platforms\":[\"linux/amd64\"]}"), digest, &error));
    CHECK(same_text(digest, remote.digest));
    MUST(pkgreg_manifest_get(registry, TEXT("mirror/app"), TEXT("v1"), &manifest, &error));
    CHECK(same_text(pkgreg_manifest_digest(manifest, NULL), remote.digest));
    pkgreg_manifest_free(manifest);
    MUST(pkgreg_pull(registry, TEXT(remote.image), TEXT("mirror/other"), NULL, 0, NULL, 0, NULL,
                     &error));

    snprintf(target, sizeof target, "%s/team/copy:v2", pkgreg_server_url(remote.server, 0, NULL));
    MUST(pkgreg_push(registry, TEXT("mirror/app"), TEXT("v1"), TEXT(target), NULL, 0, &error));
    MUST(pkgreg_manifest_get(remote.registry, TEXT("team/copy"), TEXT("v2"), &manifest, &error));
    CHECK(same_text(pkgreg_manifest_digest(manifest, NULL), remote.digest));
    pkgreg_manifest_free(manifest);

    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    end(&remote);
}

static void what_is_wrong_is_told(void) {
    struct remote remote = start_remote();
    pkgreg *registry = open_memory();
    pkgreg_error *error = NULL;

    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_pull(registry, NULL, 0, TEXT("a"), NULL, 0, NULL, 0,
                                               NULL, &error));
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_pull(registry, TEXT("Not An Image"), TEXT("a"), NULL, 0,
                                               NULL, 0, NULL, &error));
    FAILS(PKGREG_NAME_INVALID, pkgreg_pull(registry, TEXT(remote.image), TEXT("A"), NULL, 0, NULL,
                                           0, NULL, &error));
    FAILS(PKGREG_INVALID_OPTIONS, pkgreg_pull(registry, TEXT(remote.image), TEXT("a"), NULL, 0,
                                              TEXT("{\"user\":\"me\"}"), NULL, &error));
    FAILS(PKGREG_MANIFEST_UNKNOWN, pkgreg_push(registry, TEXT("a"), TEXT("v1"),
                                               TEXT(remote.image), NULL, 0, &error));
    CHECK(pkgreg_pull(registry, TEXT(remote.image), TEXT("a"), NULL, 0,
                      TEXT("{\"password\":12345}"), NULL, &error) == PKGREG_INVALID_OPTIONS);
    CHECK(strstr(pkgreg_error_message(error), "12345") == NULL);
    pkgreg_error_free(error);

    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    end(&remote);
}

static int32_t stop(void *user, const pkgreg_progress *progress) {
    CHECK(same_text(progress->operation, "pull"));
    *(pkgreg **)user = NULL;
    return 1;
}

static void a_callback_stops_a_copy(void) {
    struct remote remote = start_remote();
    pkgreg *registry = open_memory();
    pkgreg *seen = registry;
    pkgreg_error *error = NULL;

    MUST(pkgreg_set_progress(registry, stop, &seen, &error));
    FAILS(PKGREG_CANCELLED, pkgreg_pull(registry, TEXT(remote.image), TEXT("a"), NULL, 0, NULL, 0,
                                        NULL, &error));
    CHECK(seen == NULL);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    end(&remote);
}

struct waiting {
    pkgreg *registry;
    char image[64];
    int32_t code;
};

static void *pull_what_never_comes(void *user) {
    struct waiting *waiting = user;
    waiting->code = pkgreg_pull(waiting->registry, TEXT(waiting->image), TEXT("a"), NULL, 0, NULL,
                                0, NULL, NULL);
    return NULL;
}

static void closing_ends_a_copy_that_waits(void) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct waiting waiting;
    pthread_t thread;
    pkgreg *registry = open_memory();
    int connection;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    waiting.registry = registry;
    waiting.code = PKGREG_OK;
    snprintf(waiting.image, sizeof waiting.image, "http://127.0.0.1:%d/a",
             (int)ntohs(address.sin_port));
    CHECK(pthread_create(&thread, NULL, pull_what_never_comes, &waiting) == 0);
    connection = accept(listener, NULL, NULL); /* the copy has begun, and now waits */
    CHECK(connection >= 0);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(waiting.code == PKGREG_CLOSED);
    close(connection);
    close(listener);
}

int main(void) {
    RUN(an_image_comes_and_goes);
    RUN(what_is_wrong_is_told);
    RUN(a_callback_stops_a_copy);
    RUN(closing_ends_a_copy_that_waits);
    return 0;
}
