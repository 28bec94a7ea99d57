# What the library takes of a CUDA toolkit: for GPUs CUDAToolkit, for the emulated device the headers
# alone, as qlinear::cuda_headers. Included by the build and, installed, by the config file, with
# qlinear_device set. `qlinear_cuda_problem` says why it cannot be had, or is empty.

set(QLINEAR_MINIMUM_CUDA 13.0)
set(qlinear_cuda_problem "")

# qlinear_cuda_headers_release(<variable> <file>): the release of a cuda_runtime_api.h, such as 13.0.
function(qlinear_cuda_headers_release variable file)
  file(STRINGS "${file}" line REGEX "^#define CUDART_VERSION +[0-9]+" LIMIT_COUNT 1)
  string(REGEX MATCH "[0-9]+" number "${line}")
  set(release 0)
  if(number)
    math(EXPR major "${number} / 1000")
    math(EXPR minor "${number} % 1000 / 10")
    set(release "${major}.${minor}")
  endif()
  set(${variable} ${release} PARENT_SCOPE)
endfunction()

# For find_path: whether the headers are new enough.
function(qlinear_accept_cuda_headers result directory)
  qlinear_cuda_headers_release(release "${directory}/cuda_runtime_api.h")
  if(release VERSION_LESS QLINEAR_MINIMUM_CUDA)
    set(${result} FALSE PARENT_SCOPE)
  endif()
endfunction()

macro(qlinear_find_cuda_headers)
  # A toolkit that was there the last time, and is gone.
  if(QLINEAR_CUDA_INCLUDE_DIR AND NOT EXISTS "${QLINEAR_CUDA_INCLUDE_DIR}/cuda_runtime_api.h")
    unset(QLINEAR_CUDA_INCLUDE_DIR CACHE)
  endif()
  find_program(qlinear_nvcc nvcc NO_CACHE)
  if(qlinear_nvcc)
    file(REAL_PATH "${qlinear_nvcc}" qlinear_nvcc)
    get_filename_component(qlinear_nvcc "${qlinear_nvcc}/../.." ABSOLUTE)
  endif()
  set(qlinear_places
      HINTS "${CUDAToolkit_ROOT}" ENV CUDAToolkit_ROOT ENV CUDA_PATH "${qlinear_nvcc}" /usr/local/cuda
      PATH_SUFFIXES include "targets/${CMAKE_SYSTEM_PROCESSOR}-linux/include")
  find_path(
    QLINEAR_CUDA_INCLUDE_DIR cuda_runtime_api.h ${qlinear_places}
    VALIDATOR qlinear_accept_cuda_headers
    DOC "Headers of the CUDA toolkit, for the emulated device")
  mark_as_advanced(QLINEAR_CUDA_INCLUDE_DIR)

  # Failing that any, whose release the message gives.
  set(qlinear_headers "${QLINEAR_CUDA_INCLUDE_DIR}")
  find_path(qlinear_headers cuda_runtime_api.h ${qlinear_places} NO_CACHE)
  if(qlinear_headers)
    qlinear_cuda_headers_release(qlinear_release "${qlinear_headers}/cuda_runtime_api.h")
    if(qlinear_release VERSION_LESS QLINEAR_MINIMUM_CUDA)
      set(qlinear_cuda_problem "the headers found are ${qlinear_release}, in ${qlinear_headers}")
    elseif(NOT TARGET qlinear::cuda_headers)
      add_library(qlinear::cuda_headers INTERFACE IMPORTED)
      target_include_directories(qlinear::cuda_headers SYSTEM INTERFACE "${qlinear_headers}")
    endif()
  else()
    set(qlinear_cuda_problem "no headers were found")
  endif()
endmacro()

macro(qlinear_find_cuda_toolkit)
  # CMake 3.25.0 and 3.25.1 give a property to CUDA::nvToolsExt, which CUDA 12.9 and later lack,
  # where a project says that it wants CMake 3.25.
  set(qlinear_minimum_cmake "${CMAKE_MINIMUM_REQUIRED_VERSION}")
  if(CMAKE_VERSION VERSION_LESS 3.25.2)
    set(CMAKE_MINIMUM_REQUIRED_VERSION 3.24)
  endif()
  find_package(CUDAToolkit QUIET)
  set(CMAKE_MINIMUM_REQUIRED_VERSION "${qlinear_minimum_cmake}")
  if(NOT CUDAToolkit_FOUND)
    set(qlinear_cuda_problem "no toolkit was found")
  elseif(CUDAToolkit_VERSION VERSION_LESS QLINEAR_MINIMUM_CUDA)
    set(qlinear_cuda_problem
        "the toolkit found is ${CUDAToolkit_VERSION}, in ${CUDAToolkit_TARGET_DIR}")
  endif()
endmacro()

if(qlinear_device STREQUAL "emulated")
  qlinear_find_cuda_headers()
else()
  qlinear_find_cuda_toolkit()
endif()
if(qlinear_cuda_problem)
  string(PREPEND qlinear_cuda_problem "qlinear needs CUDA ${QLINEAR_MINIMUM_CUDA} or later, and ")
  string(APPEND qlinear_cuda_problem ". Set CUDAToolkit_ROOT to the directory of one that serves.")
endif()
