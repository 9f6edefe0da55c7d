// pkgreg_text: bytes that the caller frees.
#pragma once

#include "pkgreg.h"

#include <string>

struct pkgreg_text {
    std::string bytes;
};
