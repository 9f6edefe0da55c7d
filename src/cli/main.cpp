// The program pkgreg. What concerns the whole process, and not the library, is set here.
#include "cli/command_line.hpp"

#include <malloc.h>

int main(int argc, char** argv) {
    // By default glibc keeps an arena for each thread, up to eight for each core; what one thread
    // freed does then not serve another, and the memory of an idle server is several times as
    // large.
    mallopt(M_ARENA_MAX, 2);
    return pkgreg::cli::run(argc, argv);
}
