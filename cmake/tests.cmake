# Functions that declare tests.

find_package(GTest REQUIRED)
include(GoogleTest)

# qlinear_add_test(<name> <source>... [LABELS <label>...] [TIMEOUT <seconds>]
# [ENVIRONMENT <variable>=<value>...] [FILTER <gtest filter>]): a GoogleTest executable, each of whose
# tests (that the filter lets through) is a test of ctest. Sources may be .cu files. It sees the public headers, src/, kernels/ and tests/, and links
# the library and the CUDA runtime of this build.
function(qlinear_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 test "" "TIMEOUT;FILTER" "LABELS;ENVIRONMENT")
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 300)
  endif()
  if(NOT test_FILTER)
    set(test_FILTER "*")
  endif()
  set(device_sources ${test_UNPARSED_ARGUMENTS})
  list(FILTER device_sources INCLUDE REGEX "\\.cu$")
  if(device_sources)
    qlinear_device_sources(${device_sources})
  endif()

  add_executable(${name} ${test_UNPARSED_ARGUMENTS})
  qlinear_target_defaults(${name})
  qlinear_device_includes(${name})
  qlinear_build_definitions(${name})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src"
                                             "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE qlinear::qlinear GTest::gtest_main)
  # Discovery runs the executable, which a machine that only builds may be unable to do.
  gtest_discover_tests(
    ${name}
    TEST_PREFIX ${name}.
    TEST_FILTER "${test_FILTER}"
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${test_LABELS}" TIMEOUT ${test_TIMEOUT} ENVIRONMENT "${test_ENVIRONMENT}")
endfunction()

# qlinear_add_c_program(<name> <source>...): a program in C11 that sees the public headers. Where the
# library is static, it needs the C++ runtime, which the C++ compiler adds as it links.
function(qlinear_add_c_program name)
  add_executable(${name} ${ARGN})
  set_target_properties(
    ${name}
    PROPERTIES C_STANDARD 11
               C_STANDARD_REQUIRED ON
               C_EXTENSIONS OFF
               LINKER_LANGUAGE CXX)
  target_compile_options(${name} PRIVATE -pedantic -Wall -Wextra -Werror)
  target_link_libraries(${name} PRIVATE qlinear::qlinear)
endfunction()
