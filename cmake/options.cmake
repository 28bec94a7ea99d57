# Every setting of the build. All are prefixed, so a parent project's cache stays its own.

option(QLINEAR_BUILD_TESTS "Build the test suite" ${PROJECT_IS_TOP_LEVEL})
option(QLINEAR_BUILD_BENCHMARKS "Build the benchmarks" OFF)
option(QLINEAR_BUILD_CHECKPOINT "Build qlinear::checkpoint (needs nlohmann-json)" ${PROJECT_IS_TOP_LEVEL})
set(tools_default ${PROJECT_IS_TOP_LEVEL})
if(NOT QLINEAR_BUILD_CHECKPOINT)
  set(tools_default OFF)
endif()
option(QLINEAR_BUILD_TOOLS "Build the command qlinear (needs CLI11)" ${tools_default})
option(QLINEAR_TEST_WHOLE_GRIDS "On the emulated device, too, test each kernel with all of each grid" OFF)
option(QLINEAR_NVTX "Name each launch in an NVTX range, for profilers" OFF)
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

set(QLINEAR_TYPES
    "all"
    CACHE STRING "Pairs of activation and weight type: all, or a list such as bf16-s8;f16-s8")
set(QLINEAR_KERNELS
    "all"
    CACHE STRING "GEMM kernels: all, or a list of dp4a, mma_m8n8k16, mma_m16n8k32 and sm90a")

if(QLINEAR_BUILD_TOOLS AND NOT QLINEAR_BUILD_CHECKPOINT)
  message(FATAL_ERROR "QLINEAR_BUILD_TOOLS needs QLINEAR_BUILD_CHECKPOINT; set it, too, or "
                      "QLINEAR_BUILD_TOOLS=OFF.")
endif()

if(NOT QLINEAR_CUDA_RUNTIME MATCHES "^(Static|Shared)$")
  message(FATAL_ERROR "QLINEAR_CUDA_RUNTIME is '${QLINEAR_CUDA_RUNTIME}'; it takes Static or Shared.")
endif()
# Not in the cache: a later value of the parent's counts, too.
include("${CMAKE_CURRENT_LIST_DIR}/architectures.cmake")
qlinear_resolve_architectures(QLINEAR_CUDA_ARCHITECTURES)

foreach(pair IN LISTS QLINEAR_TYPES)
  if(NOT pair MATCHES "^(all|(f16|bf16|f32|f64)-(s8|u8))$")
    message(FATAL_ERROR "QLINEAR_TYPES holds '${pair}'; it takes all, or a list of f16-s8, f16-u8, "
                        "bf16-s8, bf16-u8, f32-s8, f32-u8, f64-s8 and f64-u8.")
  endif()
endforeach()
foreach(family IN LISTS QLINEAR_KERNELS)
  if(NOT family MATCHES "^(all|dp4a|mma_m8n8k16|mma_m16n8k32|sm90a)$")
    message(FATAL_ERROR "QLINEAR_KERNELS holds '${family}'; it takes all, or a list of dp4a, "
                        "mma_m8n8k16, mma_m16n8k32 and sm90a.")
  endif()
endforeach()

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE
      Release
      CACHE STRING "Build type" FORCE)
endif()
