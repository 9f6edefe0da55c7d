/* A registry and a server, opened and closed a thousand times in one process: quick, and without
 * growth in memory, threads or descriptors. */

#include "client.h"
#include "folder.h"

#include <dirent.h>
#include <time.h>

static int entries_of(const char *path) {
    int count = 0;
    DIR *folder = opendir(path);
    CHECK(folder != NULL);
    while (readdir(folder)) ++count;
    closedir(folder);
    return count;
}

static long resident_kib(void) {
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status)) sscanf(line, "VmRSS: %ld", &kib);
    fclose(status);
    return kib;
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Opens, serves, closes; returns the milliseconds until it was served. */
static double once(int ask) {
    pkgreg_error *error = NULL;
    pkgreg *registry = NULL;
    pkgreg_server *server = NULL;
    double begin = now_ms();
    double taken = 0;
    MUST(pkgreg_open(TEXT("memory:"), NULL, 0, &registry, &error));
    MUST(pkgreg_serve(registry, TEXT("127.0.0.1:0"), &server, &error));
    taken = now_ms() - begin;
    if (ask) CHECK(get_status(port_of(server), "/v2/") == 200);
    CHECK(pkgreg_close(&registry) == PKGREG_OK);
    pkgreg_server_free(server);
    return taken;
}

static void a_thousand_leave_nothing_behind(void) {
    const int rounds = is_slow() ? 50 : 1000;
    double *times = malloc((size_t)rounds * sizeof *times);
    int threads = 0;
    int descriptors = 0;
    long memory = 0;
    int i;
    CHECK(times != NULL);
    for (i = 0; i < rounds / 4; ++i) once(1);
    threads = entries_of("/proc/self/task");
    descriptors = entries_of("/proc/self/fd");
    memory = resident_kib();
    for (i = 0; i < rounds; ++i) times[i] = once(i % 10 == 0);
    CHECK(entries_of("/proc/self/task") == threads);
    CHECK(entries_of("/proc/self/fd") == descriptors);
    qsort(times, (size_t)rounds, sizeof times[0], by_value);
    printf("  %d times: median %.2f ms, 99 %% %.2f ms, longest %.2f ms; %ld KiB, then %ld KiB\n",
           rounds, times[rounds / 2], times[rounds * 99 / 100], times[rounds - 1], memory,
           resident_kib());
    if (!is_slow()) {
        /* Half of the threads' stacks and arenas that a leak of each round would cost. */
        CHECK(resident_kib() - memory < 1024);
        CHECK(times[rounds / 2] < 5);
    }
    free(times);
}

static void a_directory_too(void) {
    const int rounds = is_slow() ? 10 : 100;
    const folder folder = make_folder();
    int descriptors = 0;
    int threads = 0;
    int i;
    for (i = 0; i < rounds; ++i) {
        pkgreg_error *error = NULL;
        pkgreg *registry = open_folder(&folder);
        MUST(pkgreg_blob_put(registry, TEXT("a"), NULL, 0, "x", 1, NULL, &error));
        CHECK(pkgreg_close(&registry) == PKGREG_OK);
        if (i != 0) continue;
        threads = entries_of("/proc/self/task");
        descriptors = entries_of("/proc/self/fd");
    }
    CHECK(entries_of("/proc/self/task") == threads);
    CHECK(entries_of("/proc/self/fd") == descriptors);
    remove_folder(&folder);
}

int main(void) {
    RUN(a_thousand_leave_nothing_behind);
    RUN(a_directory_too);
    return 0;
}
