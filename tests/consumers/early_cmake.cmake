# CMake 3.25.0 and 3.25.1 fail to find CUDA 12.9 and later where a project says that it wants 3.25:
# they must be told another version while they look, and only then.

cmake_minimum_required(VERSION 3.25)

set(modules "${CMAKE_CURRENT_BINARY_DIR}/early_cmake")
file(WRITE "${modules}/FindCUDAToolkit.cmake" "
if(CMAKE_VERSION VERSION_LESS 3.25.2 AND CMAKE_MINIMUM_REQUIRED_VERSION VERSION_GREATER_EQUAL 3.25)
  message(FATAL_ERROR \"set_property could not find TARGET CUDA::nvToolsExt\")
endif()
set(CUDAToolkit_FOUND TRUE)
set(CUDAToolkit_VERSION \"\${found_version}\")
")
set(CMAKE_MODULE_PATH "${modules}")
set(CMAKE_VERSION 3.25.1)
set(qlinear_device cuda)

set(found_version 13.0.48)
include("${QLINEAR_SOURCE_DIR}/cmake/qlinear-cuda.cmake")
if(qlinear_cuda_problem OR NOT CMAKE_MINIMUM_REQUIRED_VERSION VERSION_EQUAL 3.25)
  message(SEND_ERROR "'${qlinear_cuda_problem}', ${CMAKE_MINIMUM_REQUIRED_VERSION}")
endif()

set(found_version 12.4.127)
include("${QLINEAR_SOURCE_DIR}/cmake/qlinear-cuda.cmake")
if(NOT qlinear_cuda_problem MATCHES "the toolkit found is 12.4.127")
  message(SEND_ERROR "An old toolkit gave '${qlinear_cuda_problem}'")
endif()
