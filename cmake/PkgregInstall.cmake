# Installing: headers and the static library (component cxx), the C library (c_runtime) with its header
# and pkg-config file (c), the program (program) and the Python package (python). A CMake package finds
# what is there:
#
#   find_package(pkgreg REQUIRED COMPONENTS cxx)    target pkgreg::pkgreg
#   find_package(pkgreg REQUIRED COMPONENTS c)      target pkgreg::c
#
# What is installed may be moved: no file names the prefix, or where it was built.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/pkgreg")
set(generated_dir "${PROJECT_BINARY_DIR}/install")

# The C++ library. Its debug information names the sources' folder, so it goes where the others lose
# theirs (cmake --install --strip, and packages).
install(TARGETS pkgreg pkgreg_asio EXPORT pkgregCxxTargets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT cxx
    INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/pkgreg" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    COMPONENT cxx FILES_MATCHING PATTERN "*.hpp" PATTERN "*.md")
install(EXPORT pkgregCxxTargets NAMESPACE pkgreg:: DESTINATION "${package_dir}" COMPONENT cxx)
if(CMAKE_STRIP)
    install(CODE "
        if(CMAKE_INSTALL_DO_STRIP)
            execute_process(COMMAND \"${CMAKE_STRIP}\" --strip-debug
                \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/$<TARGET_FILE_NAME:pkgreg>\"
                COMMAND_ERROR_IS_FATAL ANY)
        endif()" COMPONENT cxx)
endif()

# The CMake package, whatever was installed beside it.
configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/pkgregConfig.cmake.in" "${generated_dir}/pkgregConfig.cmake"
    INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(
    "${generated_dir}/pkgregConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
foreach(component cxx c)
    install(FILES "${generated_dir}/pkgregConfig.cmake" "${generated_dir}/pkgregConfigVersion.cmake"
        DESTINATION "${package_dir}" COMPONENT ${component})
endforeach()

if(TARGET pkgreg_c)
    install(TARGETS pkgreg_c EXPORT pkgregCTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT c_runtime NAMELINK_COMPONENT c
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    install(FILES "${PROJECT_SOURCE_DIR}/capi/pkgreg.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        COMPONENT c)
    install(EXPORT pkgregCTargets NAMESPACE pkgreg:: DESTINATION "${package_dir}" COMPONENT c)

    # Names are relative to the file, so that it may be moved.
    file(RELATIVE_PATH from_pc "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/pkgreg.pc.in" "${generated_dir}/pkgreg.pc" @ONLY)
    install(FILES "${generated_dir}/pkgreg.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
        COMPONENT c)
endif()

if(TARGET pkgreg_program)
    install(TARGETS pkgreg_program RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT program)
    if(NOT PKGREG_DEBIAN)  # there it is named as Debian wants it
        install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
            COMPONENT program)
    endif()
endif()

set(PKGREG_PYTHON_DIR "" CACHE STRING
    "Where to install the Python package, such as lib/python3/dist-packages; empty: not")
if(PKGREG_PYTHON_DIR)
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/bindings/python/pkgreg" DESTINATION "${PKGREG_PYTHON_DIR}"
        COMPONENT python FILES_MATCHING PATTERN "*.py" PATTERN "py.typed"
        PATTERN "__pycache__" EXCLUDE)
endif()

include(PkgregPackage)
