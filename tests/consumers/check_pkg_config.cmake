# Builds PROGRAM from SOURCES by what pkg-config says of the qlinear installed in PREFIX, and runs it.
# The install is moved first: nothing in it may name the place that it was made for.

file(REMOVE_RECURSE "${PREFIX}.moved")
file(COPY "${PREFIX}/" DESTINATION "${PREFIX}.moved")

file(GLOB_RECURSE license "${PREFIX}.moved/share/*/LICENSE")
if(NOT license)
  message(SEND_ERROR "LICENSE is not installed")
endif()

find_program(PKG_CONFIG NAMES pkg-config pkgconf)
if(NOT PKG_CONFIG)
  message(FATAL_ERROR "pkg-config is needed, package pkg-config or pkgconf")
endif()
file(GLOB_RECURSE package_files "${PREFIX}.moved/*/qlinear.pc")
if(NOT package_files)
  message(FATAL_ERROR "qlinear.pc is not installed")
endif()
cmake_path(GET package_files PARENT_PATH package_dir)
cmake_path(GET package_dir PARENT_PATH libdir)
set(ENV{PKG_CONFIG_PATH} "${package_dir}")

# A program that links the shared library alone finds what the library needs.
file(GLOB shared_library "${libdir}/libqlinear.so")
if(shared_library)
  execute_process(COMMAND ldd "${shared_library}" OUTPUT_VARIABLE needed COMMAND_ERROR_IS_FATAL ANY)
  if(needed MATCHES "[^\n]*not found")
    message(SEND_ERROR "The installed library does not find: ${CMAKE_MATCH_0}")
  endif()
endif()

function(ask_pkg_config result)
  execute_process(
    COMMAND "${PKG_CONFIG}" ${ARGN} qlinear
    OUTPUT_VARIABLE text
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(arguments UNIX_COMMAND "${text}")
  set(${result} ${arguments} PARENT_SCOPE)
endfunction()
ask_pkg_config(compile_options --cflags)
ask_pkg_config(link_options --libs)

separate_arguments(flags UNIX_COMMAND "${FLAGS}")
execute_process(COMMAND "${CXX}" ${flags} ${compile_options} ${SOURCES} -o "${PROGRAM}" ${link_options}
                        "-Wl,-rpath,${libdir}" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${PROGRAM}" COMMAND_ERROR_IS_FATAL ANY)
