# Every setting of the build. All are prefixed, so a parent project's cache stays its own.

option(QLINEAR_BUILD_TESTS "Build the test suite" ${PROJECT_IS_TOP_LEVEL})
option(QLINEAR_BUILD_BENCHMARKS "Build the benchmarks" OFF)
option(QLINEAR_INSTALL "Generate install rules" ${PROJECT_IS_TOP_LEVEL})
option(QLINEAR_WARNINGS_AS_ERRORS "Treat compiler warnings as errors" OFF)
option(QLINEAR_RESOURCE_USAGE "Let ptxas print the registers and spills of every kernel" OFF)
set(QLINEAR_SANITIZE
    ""
    CACHE STRING "Sanitizers for host code, as -fsanitize takes them")
set(QLINEAR_CUDA_RUNTIME
    "Static"
    CACHE STRING "CUDA runtime library to link: Static or Shared")
set_property(CACHE QLINEAR_CUDA_RUNTIME PROPERTY STRINGS Static Shared)
set(QLINEAR_CUDA_ARCHITECTURES
    ""
    CACHE STRING "GPU architectures to compile for; empty: CMAKE_CUDA_ARCHITECTURES, or every one")

if(NOT QLINEAR_CUDA_RUNTIME MATCHES "^(Static|Shared)$")
  message(FATAL_ERROR "QLINEAR_CUDA_RUNTIME is '${QLINEAR_CUDA_RUNTIME}'; it takes Static or Shared.")
endif()
# Not in the cache: a later value of the parent's counts, too.
include("${CMAKE_CURRENT_LIST_DIR}/architectures.cmake")
qlinear_resolve_architectures(QLINEAR_CUDA_ARCHITECTURES)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE
      Release
      CACHE STRING "Build type" FORCE)
endif()
