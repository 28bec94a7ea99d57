# What is compiled for, given what a project or its parent asks for.

cmake_minimum_required(VERSION 3.25)
include("${QLINEAR_SOURCE_DIR}/cmake/architectures.cmake")

unset(ENV{CUDAARCHS})

# expect(<ours> <the parent's> <architectures>)
function(expect ours parents expected)
  set(QLINEAR_CUDA_ARCHITECTURES "${ours}")
  set(CMAKE_CUDA_ARCHITECTURES "${parents}")
  qlinear_resolve_architectures(resolved)
  if(NOT "${resolved}" STREQUAL "${expected}")
    message(SEND_ERROR "'${ours}' in a parent of '${parents}' gave '${resolved}', not '${expected}'")
  endif()
endfunction()

expect("" "" "${QLINEAR_EVERY_ARCHITECTURE}")
expect("80-real;120" "75" "80-real;120")
expect("" "80;90a-real" "80;90a-real")
expect("" "all-major" "${QLINEAR_EVERY_ARCHITECTURE}")
expect("all" "75" "${QLINEAR_EVERY_ARCHITECTURE}")

# The instruction set of 90 has no wgmma, that of 90a has.
expect("90" "" "90a-real;90-virtual")
expect("90-real;120" "" "90a-real;120")
expect("" "80-real;90-real" "80-real;90a-real")
expect("90-real;90a-real" "" "90a-real")
expect("90a;90-real" "" "90a")

# CMake's own default for a parent with CUDA is nobody's request.
set(CMAKE_CUDA_ARCHITECTURES 75 CACHE STRING "CUDA architectures")
expect("" "75" "${QLINEAR_EVERY_ARCHITECTURE}")
expect("" "86" "86")

# The environment's are what CMake would take where nobody set any.
set(ENV{CUDAARCHS} "90a;120")
expect("80" "" "80")
expect("" "86" "86")
unset(CMAKE_CUDA_ARCHITECTURES CACHE)
expect("" "" "90a;120")
