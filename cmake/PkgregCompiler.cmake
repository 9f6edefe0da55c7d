# How everything here is compiled: C++20, warnings, sanitizers, and a compiler cache where there is one.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 99)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# Line tables are enough for a profile and a backtrace, and halve the size of the objects.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g1")

# Who works on the sources has ccache installed: each source is compiled by itself, so that a change
# recompiles little, and objects are shared between build folders (which a precompiled header, whose
# path is its folder's, would prevent). Who builds once has not: sources are compiled eight at a time
# beside a precompiled header, since most of the time goes into coroutines' templates that they have
# in common; that takes less than half as long.
find_program(PKGREG_CCACHE ccache)
if(PKGREG_CCACHE)
    set(separate ON)
else()
    set(separate OFF)
endif()
option(PKGREG_SEPARATE "Compile each source by itself, without a precompiled header" ${separate})
if(PKGREG_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER "${PKGREG_CCACHE}")
    set(CMAKE_CXX_COMPILER_LAUNCHER "${PKGREG_CCACHE}")
endif()
if(PKGREG_SEPARATE)
    set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
else()
    set(CMAKE_UNITY_BUILD ON)
    set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
endif()

# OpenSSL's macros would keep the paths of our sources in what is installed.
add_compile_definitions(OPENSSL_NO_FILENAMES)

add_library(pkgreg_warnings INTERFACE)
target_compile_options(pkgreg_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-mismatched-new-delete -Wno-subobject-linkage>
    $<$<BOOL:${PKGREG_WERROR}>:-Werror>)

if(PKGREG_SANITIZE)
    add_compile_options(-fsanitize=${PKGREG_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${PKGREG_SANITIZE})
    if(PKGREG_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize-recover=undefined)
        add_link_options(-fno-sanitize-recover=undefined)
    endif()
    if(PKGREG_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # Asio's fences are beside atomics that TSan sees; gcc warns for each of them.
        add_compile_options(-Wno-tsan)
    endif()
endif()

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 17)
    # It has coroutines, but does not say so in the way that libstdc++ and Asio ask.
    add_compile_definitions(__cpp_impl_coroutine=201902L)
    # Nor can it place what this check wants in front of a coroutine's function.
    add_compile_options(-fno-sanitize=function)
endif()
