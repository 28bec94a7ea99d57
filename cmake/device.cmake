# Chooses where kernels run: QLINEAR_DEVICE=cuda compiles the .cu files of kernels/ with nvcc, =emulated compiles
# the same files as host C++ for the emulated device of the tests. The default is cuda where a CUDA
# compiler is found. The emulated device needs the headers of the CUDA toolkit.

if(NOT CMAKE_CUDA_COMPILER AND DEFINED ENV{CUDACXX})
  set(CMAKE_CUDA_COMPILER "$ENV{CUDACXX}")
endif()
if(NOT CMAKE_CUDA_COMPILER)
  find_program(
    QLINEAR_CUDA_COMPILER nvcc
    HINTS "${CUDAToolkit_ROOT}" ENV CUDAToolkit_ROOT ENV CUDA_PATH
    PATHS /usr/local/cuda
    PATH_SUFFIXES bin
    DOC "CUDA compiler for QLINEAR_DEVICE=cuda")
  mark_as_advanced(QLINEAR_CUDA_COMPILER)
  if(QLINEAR_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER "${QLINEAR_CUDA_COMPILER}")
  endif()
endif()

if(CMAKE_CUDA_COMPILER)
  set(default_device cuda)
else()
  set(default_device emulated)
endif()
set(QLINEAR_DEVICE
    ${default_device}
    CACHE STRING "Where kernels run: cuda or emulated")
set_property(CACHE QLINEAR_DEVICE PROPERTY STRINGS cuda emulated)
if(NOT QLINEAR_DEVICE MATCHES "^(cuda|emulated)$")
  message(FATAL_ERROR "QLINEAR_DEVICE is '${QLINEAR_DEVICE}'; it takes cuda or emulated.")
endif()
message(STATUS "qlinear: device is ${QLINEAR_DEVICE}")

# Before CMake tries the compiler: what it says of an architecture that an old one lacks does not
# help.
function(qlinear_check_cuda_compiler)
  if(NOT CMAKE_CUDA_COMPILER)
    message(
      FATAL_ERROR
        "QLINEAR_DEVICE=cuda needs nvcc, which is neither on PATH nor in /usr/local/cuda/bin. Set "
        "CUDACXX or CMAKE_CUDA_COMPILER to it, or build with -DQLINEAR_DEVICE=emulated.")
  endif()
  execute_process(COMMAND "${CMAKE_CUDA_COMPILER}" --version OUTPUT_VARIABLE text ERROR_QUIET)
  if(text MATCHES "release ([0-9.]+)" AND CMAKE_MATCH_1 VERSION_LESS 13.0)
    message(
      FATAL_ERROR
        "${CMAKE_CUDA_COMPILER} is of CUDA ${CMAKE_MATCH_1}; qlinear needs 13.0 or later. Set "
        "CUDACXX or CMAKE_CUDA_COMPILER to its nvcc, or build with -DQLINEAR_DEVICE=emulated.")
  endif()
endfunction()

if(QLINEAR_DEVICE STREQUAL "cuda")
  qlinear_check_cuda_compiler()
  message(STATUS "qlinear: architectures are ${QLINEAR_CUDA_ARCHITECTURES}")
  # Without a value of this scope CMake would put its own into the cache, where a parent sees it.
  set(CMAKE_CUDA_ARCHITECTURES "${QLINEAR_CUDA_ARCHITECTURES}")
  enable_language(CUDA)
endif()

set(qlinear_device ${QLINEAR_DEVICE})
include("${CMAKE_CURRENT_LIST_DIR}/qlinear-cuda.cmake")
if(qlinear_cuda_problem)
  message(FATAL_ERROR "${qlinear_cuda_problem}")
endif()
