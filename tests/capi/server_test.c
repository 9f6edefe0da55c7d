/* Servers: addresses, ports that are taken, stopping with and without patience. */

#include "client.h"
#include "folder.h"

#include <errno.h>
#include <sys/stat.h>

static pkgreg_server *serve(pkgreg *registry, const char *address) {
    pkgreg_error *error = NULL;
    pkgreg_server *server = NULL;
    MUST(pkgreg_serve(registry, address, PKGREG_NUL, &server, &error));
    return server;
}

static void what_is_in_the_registry_is_served(void) {
    pkgreg *registry = open_memory();
    pkgreg_server *server = serve(registry, "127.0.0.1:0");
    size_t size = 0;
    CHECK(strlen(pkgreg_server_url(server, 0, &size)) == size);
    CHECK(pkgreg_server_url(server, 1, &size) == NULL && size == 0);
    CHECK(get_status(port_of(server), "/v2/a/manifests/1") == 404);
    push_image(registry, "a", "1", NULL);
    CHECK(get_status(port_of(server), "/v2/a/manifests/1") == 200);
    pkgreg_server_free(server);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
}

static void a_port_that_is_taken_is_told(void) {
    char address[32];
    pkgreg_error *error = NULL;
    pkgreg_server *second = (pkgreg_server *)1;
    pkgreg *registry = open_memory();
    pkgreg_server *server = serve(registry, "127.0.0.1:0");
    snprintf(address, sizeof address, "127.0.0.1:%d", port_of(server));
    CHECK(pkgreg_serve(registry, TEXT(address), &second, &error) == PKGREG_LOCKED);
    CHECK(second == NULL && strstr(pkgreg_error_message(error), "is taken") != NULL);
    pkgreg_error_free(error);
    error = NULL;
    pkgreg_server_free(server);
    /* Freed: the port can be used at once. */
    server = serve(registry, address);
    CHECK(get_status(port_of(server), "/v2/") == 200);
    pkgreg_server_free(server);
    pkgreg_close(&registry);
}

static void addresses_come_from_the_options_too(void) {
    const folder folder = make_folder();
    char options[256];
    char path[128];
    struct stat status;
    pkgreg_error *error = NULL;
    pkgreg *registry = NULL;
    pkgreg_server *server = NULL;
    snprintf(path, sizeof path, "%s/socket", folder.path);
    snprintf(options, sizeof options,
             "{\"pkgreg\":{\"listen\":[\"127.0.0.1:0\",\"unix:%s\"],\"threads\":1}}", path);
    MUST(pkgreg_open(TEXT("memory:"), TEXT(options), &registry, &error));
    server = serve(registry, NULL);
    CHECK(stat(path, &status) == 0 && S_ISSOCK(status.st_mode));
    CHECK(strstr(pkgreg_server_url(server, 1, NULL), path) != NULL);
    CHECK(get_status(port_of(server), "/v2/") == 200);
    pkgreg_server_free(server);
    CHECK(stat(path, &status) != 0 && errno == ENOENT);
    pkgreg_close(&registry);
    remove_folder(&folder);
}

static void a_clusters_certificate_is_not_got_here(void) {
    const char *options = "{\"pkgreg\":{\"cluster\":{\"certificate\":\"on\"}}}";
    pkgreg_error *error = NULL;
    pkgreg *registry = NULL;
    pkgreg_server *server = NULL;
    MUST(pkgreg_open(TEXT("memory:"), TEXT(options), &registry, &error));
    CHECK(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error) == PKGREG_UNSUPPORTED);
    CHECK(strstr(pkgreg_error_message(error), "pkgreg.tls-cert") != NULL);
    pkgreg_error_free(error);
    pkgreg_close(&registry);
}

static void an_address_that_cannot_be_is_refused(void) {
    pkgreg_error *error = NULL;
    pkgreg_server *server = NULL;
    pkgreg *registry = open_memory();
    FAILS(PKGREG_INVALID_OPTIONS, pkgreg_serve(registry, TEXT("nonsense"), &server, &error));
    FAILS(PKGREG_INVALID_OPTIONS, pkgreg_serve(registry, TEXT("127.0.0.1:99999"), &server, &error));
    FAILS(PKGREG_INVALID_OPTIONS, pkgreg_serve(registry, TEXT("0.0.0.0:0"), &server, &error));
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_serve(registry, TEXT("127.0.0.1:0"), NULL, &error));
    CHECK(server == NULL);
    pkgreg_close(&registry);
}

static void several_servers_show_one_registry(void) {
    pkgreg *registry = open_memory();
    pkgreg_server *one = serve(registry, "127.0.0.1:0");
    pkgreg_server *two = serve(registry, "127.0.0.1:0");
    push_image(registry, "a", "1", NULL);
    CHECK(get_status(port_of(one), "/v2/a/manifests/1") == 200);
    pkgreg_server_free(one);
    CHECK(get_status(port_of(two), "/v2/a/manifests/1") == 200);
    pkgreg_server_free(two);
    pkgreg_close(&registry);
}

static void stopping_without_transfers_cuts_nothing_off(void) {
    int port = 0;
    int32_t complete = 7;
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_server *server = serve(registry, "127.0.0.1:0");
    port = port_of(server);
    MUST(pkgreg_server_stop(server, 10000, &complete, &error));
    CHECK(complete == 1 && connect_to(port) < 0);
    complete = 7;
    MUST(pkgreg_server_stop(server, 0, &complete, &error));
    CHECK(complete == 1);
    MUST(pkgreg_server_stop(server, 0, NULL, &error));
    /* Its URL can still be read. */
    CHECK(port_of(server) == port);
    FAILS(PKGREG_INVALID_ARGUMENT, pkgreg_server_stop(NULL, 0, NULL, &error));
    pkgreg_server_free(server);
    pkgreg_close(&registry);
}

/* A request for a blob that is too large for the buffers between two sockets; the client that reads
 * nothing holds the transfer up. */
static int begin_transfer(pkgreg *registry, pkgreg_server *server) {
    const size_t size = 32 * 1024 * 1024;
    unsigned char *bytes = some_bytes(size);
    char target[256];
    char start[16];
    int fd = -1;
    pkgreg_error *error = NULL;
    pkgreg_blob_info info = blob_info();
    MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, bytes, size, &info, &error));
    free(bytes);
    snprintf(target, sizeof target, "/v2/a/blobs/%s", info.digest);
    fd = connect_to(port_of(server));
    CHECK(fd >= 0);
    send_get(fd, target);
    CHECK(read(fd, start, sizeof start) == (ssize_t)sizeof start);
    CHECK(memcmp(start, "HTTP/1.1 200", 12) == 0);
    return fd;
}

static void a_transfer_that_takes_too_long_is_cut_off(void) {
    int32_t complete = 7;
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_server *server = serve(registry, "127.0.0.1:0");
    const int fd = begin_transfer(registry, server);
    MUST(pkgreg_server_stop(server, 50, &complete, &error));
    CHECK(complete == 0);
    /* That something was cut off stays true. */
    MUST(pkgreg_server_stop(server, 50, &complete, &error));
    CHECK(complete == 0);
    close(fd);
    pkgreg_server_free(server);
    pkgreg_close(&registry);
}

static void closing_the_registry_cuts_transfers_off(void) {
    pkgreg_error *error = NULL;
    pkgreg *registry = open_memory();
    pkgreg_server *server = serve(registry, "127.0.0.1:0");
    const int port = port_of(server);
    const int fd = begin_transfer(registry, server);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    CHECK(connect_to(port) < 0);
    FAILS(PKGREG_CLOSED, pkgreg_server_stop(server, 0, NULL, &error));
    CHECK(port_of(server) == port);
    pkgreg_server_free(server);
    close(fd);
}

int main(void) {
    RUN(what_is_in_the_registry_is_served);
    RUN(a_port_that_is_taken_is_told);
    RUN(addresses_come_from_the_options_too);
    RUN(a_clusters_certificate_is_not_got_here);
    RUN(an_address_that_cannot_be_is_refused);
    RUN(several_servers_show_one_registry);
    RUN(stopping_without_transfers_cuts_nothing_off);
    RUN(a_transfer_that_takes_too_long_is_cut_off);
    RUN(closing_the_registry_cuts_transfers_off);
    return 0;
}
