# Chooses where kernels run: QLINEAR_DEVICE=cuda compiles kernels/*.cu with nvcc, =emulated compiles
# the same files as host C++ for the emulated device of the tests. The default is cuda where a CUDA
# compiler is found. Both need the headers of the CUDA toolkit.

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
message(STATUS "qlinear: device is ${QLINEAR_DEVICE}")

if(QLINEAR_DEVICE STREQUAL "cuda")
  if(NOT CMAKE_CUDA_COMPILER)
    message(
      FATAL_ERROR
        "QLINEAR_DEVICE=cuda needs nvcc, which is neither on PATH nor in /usr/local/cuda/bin. Set "
        "CUDACXX or CMAKE_CUDA_COMPILER to it, or build with -DQLINEAR_DEVICE=emulated.")
  endif()
  # Without a value of this scope CMake would put its own into the cache, where a parent sees it.
  set(CMAKE_CUDA_ARCHITECTURES "${QLINEAR_CUDA_ARCHITECTURES}")
  enable_language(CUDA)
elseif(NOT QLINEAR_DEVICE STREQUAL "emulated")
  message(FATAL_ERROR "QLINEAR_DEVICE is '${QLINEAR_DEVICE}'; it takes cuda or emulated.")
endif()

find_package(CUDAToolkit REQUIRED)
