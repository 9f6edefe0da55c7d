# Debian packages, by CPack: `cmake --preset package && cmake --build build/package`, then
# `cpack --config build/package/CPackConfig.cmake -B build/package`.
#
#   pkgreg         the program, a systemd unit and /etc/pkgreg/options.json
#   libpkgreg1     the C library
#   python3-pkgreg the Python package
#   libpkgreg-dev  headers, the static C++ library, CMake package and pkg-config file

option(PKGREG_DEBIAN "Install what a Debian package has beside the program: unit, user, options file"
    OFF)
if(NOT PKGREG_DEBIAN)
    return()
endif()
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr" OR NOT PKGREG_PYTHON_DIR
        OR NOT TARGET pkgreg_program OR NOT TARGET pkgreg_c)
    message(FATAL_ERROR "PKGREG_DEBIAN needs -DCMAKE_INSTALL_PREFIX=/usr, PKGREG_PYTHON_DIR, the "
        "program and the C library; use the preset 'package'")
endif()

set(debian_dir "${PROJECT_SOURCE_DIR}/cmake/debian")
install(FILES "${debian_dir}/pkgreg.service" DESTINATION lib/systemd/system COMPONENT program)
install(FILES "${debian_dir}/options.json" DESTINATION /etc/pkgreg COMPONENT program)
install(FILES "${PROJECT_SOURCE_DIR}/README.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
    COMPONENT program)
foreach(package pkgreg libpkgreg1 libpkgreg-dev python3-pkgreg)
    set(component_of_pkgreg program)
    set(component_of_libpkgreg1 c_runtime)
    set(component_of_libpkgreg-dev c)
    set(component_of_python3-pkgreg python)
    install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "share/doc/${package}"
        RENAME copyright COMPONENT ${component_of_${package}})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME pkgreg)
set(CPACK_PACKAGE_VENDOR "pkgreg")
set(CPACK_PACKAGE_CONTACT "pkgreg <pkgreg@example.com>")
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)  # /etc is not below the prefix
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program c_runtime c cxx python)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENT_PROGRAM_GROUP program)
set(CPACK_COMPONENT_C_RUNTIME_GROUP library)
set(CPACK_COMPONENT_PYTHON_GROUP python)
set(CPACK_COMPONENT_C_GROUP development)
set(CPACK_COMPONENT_CXX_GROUP development)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME pkgreg)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libpkgreg1)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libpkgreg-dev)
set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-pkgreg)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.9), libpkgreg1 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "registry of container images and DC/OS packages")
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION
    "The server and its command line: content lies in a directory or in an S3 bucket, and is served
by the OCI distribution protocol and as a Universe repository.")
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION
    "The library for C and other languages: a registry inside a process.")
set(CPACK_DEBIAN_PYTHON_DESCRIPTION
    "For Python: a registry inside a program, and a fixture for pytest.")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
    "To build against: headers for C and C++, the static C++ library, a CMake package.")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "ca-certificates")
# The static library's, as cmake/PkgregDependencies.cmake finds them.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libpkgreg1 (= ${PROJECT_VERSION}), libboost1.81-dev, libssl-dev, libsimdjson-dev, libcurl4-openssl-dev, libpugixml-dev, libarchive-dev, zlib1g-dev, libzstd-dev")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA
    "${debian_dir}/conffiles" "${debian_dir}/postinst" "${debian_dir}/prerm" "${debian_dir}/postrm")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA "${debian_dir}/triggers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
