/* Pushes a blob into a registry in memory and pulls it back. Prints the blob's digest. */

#include <pkgreg.h>

#include <stdio.h>
#include <string.h>

static const char name[] = "team/hello";

static int failed(const char *what, pkgreg_error *error) {
    fprintf(stderr, "%s: %s\n", what, pkgreg_error_message(error));
    pkgreg_error_free(error);
    return 1;
}

int main(void) {
    pkgreg_registry *registry = NULL;
    pkgreg_error *error = NULL;
    pkgreg_reader *reader = NULL;
    pkgreg_blob_info info;
    char bytes[16];
    size_t size = 0;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;

    if (pkgreg_open("memory:", PKGREG_NUL, NULL, 0, &registry, &error)) return failed("open", error);
    if (pkgreg_blob_put(registry, name, PKGREG_NUL, NULL, 0, "Hello", 5, &info, &error)) {
        return failed("put", error);
    }
    if (pkgreg_blob_open(registry, name, PKGREG_NUL, info.digest, PKGREG_NUL, 0, 5, &reader,
                         &error) ||
        pkgreg_reader_read(reader, bytes, sizeof bytes, &size, &error)) {
        return failed("read", error);
    }
    pkgreg_reader_free(reader);
    if (size != 5 || memcmp(bytes, "Hello", 5) != 0) return 1;
    puts(info.digest);
    return pkgreg_close(&registry) == PKGREG_OK ? 0 : 1;
}
