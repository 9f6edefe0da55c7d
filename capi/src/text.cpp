#include "text.hpp"

#include "arguments.hpp"

const char* pkgreg_text_data(const pkgreg_text* text, size_t* size) {
    pkgreg::capi::tell_size(size, text ? text->bytes.size() : 0);
    return text ? text->bytes.c_str() : nullptr;
}

void pkgreg_text_free(pkgreg_text* text) {
    delete text;
}
