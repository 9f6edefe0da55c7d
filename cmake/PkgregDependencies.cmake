# The libraries of others, each found once. All of them are Debian 12 packages; cmake/packages.sh
# lists and installs them.

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)  # headers only
find_package(OpenSSL 3 REQUIRED)
find_package(simdjson REQUIRED)
if(PKGREG_S3 OR PKGREG_REMOTE)
    find_package(CURL REQUIRED)
endif()
if(PKGREG_S3)
    find_package(pugixml REQUIRED)
endif()
if(PKGREG_PACKAGES)
    find_package(LibArchive REQUIRED)
    find_package(ZLIB REQUIRED)
    find_package(PkgConfig REQUIRED)
    pkg_check_modules(libzstd REQUIRED IMPORTED_TARGET libzstd)
endif()
if(PKGREG_BUILD_PROGRAM)
    find_package(CLI11 REQUIRED)
    find_package(spdlog REQUIRED)
endif()
if(PKGREG_BUILD_TESTS)
    find_package(GTest REQUIRED)
endif()
if(PKGREG_BUILD_BENCH)
    find_package(benchmark REQUIRED)
endif()

# Boost's headers as they are used here. Nothing that changes a layout may be defined: an embedder
# compiles the same headers without it.
add_library(pkgreg_asio INTERFACE)
target_link_libraries(pkgreg_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(pkgreg_asio INTERFACE
    BOOST_ASIO_NO_DEPRECATED BOOST_ERROR_CODE_HEADER_ONLY BOOST_JSON_NO_LIB BOOST_CONTAINER_NO_LIB)
