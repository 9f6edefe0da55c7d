# The optional parts. One that is switched off needs no library of its own, and nothing looks for it;
# what calls it is there all the same, and throws `unsupported`: each part has one source with that
# name, *_absent.cpp, which is compiled in its place.

include(CMakeDependentOption)

option(PKGREG_S3 "Keep content in S3 buckets; needs libcurl and pugixml" ON)
option(PKGREG_PACKAGES "Add and serve DC/OS packages; needs libarchive, zlib and zstd" ON)
option(PKGREG_REMOTE "Copy images from and to other registries; needs libcurl" ON)
option(PKGREG_SERVER "Serve HTTP on sockets, with TLS; needs libssl" ON)

# The program, the tests and the benchmarks use every part.
set(all_parts "PKGREG_S3;PKGREG_PACKAGES;PKGREG_REMOTE;PKGREG_SERVER")
cmake_dependent_option(PKGREG_BUILD_PROGRAM
    "Build the program pkgreg, of all parts; needs CLI11 and spdlog" ON "${all_parts}" OFF)
cmake_dependent_option(PKGREG_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL} "${all_parts}" OFF)
cmake_dependent_option(PKGREG_BUILD_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL}
    "${all_parts}" OFF)

set(missing_parts "${all_parts}")
foreach(part IN LISTS all_parts)
    if(${part})
        list(REMOVE_ITEM missing_parts ${part})
    endif()
endforeach()
if(missing_parts)
    list(JOIN missing_parts ", " missing_parts)
    message(STATUS "Without ${missing_parts} the program, the tests and the benchmarks are not built")
endif()
unset(all_parts)
unset(missing_parts)
