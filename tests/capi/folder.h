/* A directory for one test, and a registry in it. */
#ifndef FOLDER_H
#define FOLDER_H

#include "check.h"

#include <unistd.h>

typedef struct folder {
    char path[64];
} folder;

static inline folder make_folder(void) {
    folder made = {"/tmp/pkgreg-capi-XXXXXX"};
    CHECK(mkdtemp(made.path) != NULL);
    return made;
}

static inline void remove_folder(const folder *folder) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder->path);
    CHECK(system(command) == 0);
}

static inline pkgreg *open_folder(const folder *folder) {
    pkgreg *registry = NULL;
    pkgreg_error *error = NULL;
    MUST(pkgreg_open(TEXT(folder->path), NULL, 0, &registry, &error));
    return registry;
}

#endif
