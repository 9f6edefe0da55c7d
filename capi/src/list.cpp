#include "list.hpp"

#include "arguments.hpp"

using pkgreg::capi::tell_size;

size_t pkgreg_list_count(const pkgreg_list* list) {
    return list ? list->items.size() : 0;
}

const char* pkgreg_list_item(const pkgreg_list* list, size_t number, size_t* size) {
    if (!list || number >= list->items.size()) {
        tell_size(size, 0);
        return nullptr;
    }
    tell_size(size, list->items[number].size());
    return list->items[number].c_str();
}

const char* pkgreg_list_next(const pkgreg_list* list, size_t* size) {
    const bool more = list && list->next;
    tell_size(size, more ? list->next->size() : 0);
    return more ? list->next->c_str() : nullptr;
}

void pkgreg_list_free(pkgreg_list* list) {
    delete list;
}
