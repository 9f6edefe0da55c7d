/* A client of the server under test: HTTP over a plain socket. */
#ifndef CLIENT_H
#define CLIENT_H

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The port at the end of the server's first URL. */
static inline int port_of(const pkgreg_server *server) {
    const char *url = pkgreg_server_url(server, 0, NULL);
    CHECK(url != NULL);
    return atoi(strrchr(url, ':') + 1);
}

/* A connection to a port of the loopback, or -1 where nobody listens. */
static inline int connect_to(int port) {
    struct sockaddr_in address;
    const struct timeval patience = {30, 0};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
    close(fd);
    return -1;
}

/* Sends a GET for `target`. */
static inline void send_get(int fd, const char *target) {
    char request[512];
    const int size = snprintf(request, sizeof request,
                              "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                              target);
    CHECK(write(fd, request, (size_t)size) == size);
}

/* The status of a GET, whose answer is read to its end. */
static inline int get_status(int port, const char *target) {
    char answer[65536];
    size_t size = 0;
    ssize_t n = 0;
    const int fd = connect_to(port);
    CHECK(fd >= 0);
    send_get(fd, target);
    while ((n = read(fd, answer + size, sizeof answer - 1 - size)) > 0) size += (size_t)n;
    answer[size] = '\0';
    close(fd);
    CHECK(strncmp(answer, "HTTP/1.1 ", 9) == 0);
    return atoi(answer + 9);
}

#endif
