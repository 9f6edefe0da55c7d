// operator new that fails on demand: the library's own, since a program's definition comes first.
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

// How many allocations of this thread succeed before one fails; negative: none fails.
thread_local long left = -1;
thread_local bool failed = false;

void* allocate(std::size_t size, std::size_t alignment) {
    if (left == 0) {
        left = -1;
        failed = true;
        throw std::bad_alloc();
    }
    if (left > 0) --left;
    if (size == 0) size = 1;
    void* const memory =
        alignment == 0
            ? std::malloc(size)
            : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (!memory) throw std::bad_alloc();
    return memory;
}

}  // namespace

/// Lets the allocation behind the next `count` ones of this thread fail.
extern "C" void fail_allocation_after(long count) {
    left = count;
    failed = false;
}

/// Whether it came to that; none fails from here on.
extern "C" int allocation_failed() {
    left = -1;
    return failed ? 1 : 0;
}

void* operator new(std::size_t size) {
    return allocate(size, 0);
}
void* operator new[](std::size_t size) {
    return allocate(size, 0);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
