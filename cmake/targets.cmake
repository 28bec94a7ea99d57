# What every target of this project is compiled with. Settings are properties of targets; no global
# flag and no directory variable is touched.

# qlinear_target_defaults(<target>): language level, floating-point discipline, visibility, warnings
# and sanitizers.
function(qlinear_target_defaults target)
  set_target_properties(
    ${target}
    PROPERTIES CXX_EXTENSIONS OFF
               CXX_VISIBILITY_PRESET hidden
               CUDA_VISIBILITY_PRESET hidden
               CUDA_ARCHITECTURES "${QLINEAR_CUDA_ARCHITECTURES}"
               CUDA_RUNTIME_LIBRARY ${QLINEAR_CUDA_RUNTIME}
               CUDA_SEPARABLE_COMPILATION OFF
               VISIBILITY_INLINES_HIDDEN ON
               POSITION_INDEPENDENT_CODE ON)
  # Not as CXX_STANDARD, which implies a CUDA_STANDARD 20 that CMake 3.25 does not know.
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)
  # The numerical contract says where a product and a sum are contracted: nowhere else.
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>
                                           $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false>
                                           "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-ffp-contract=off>")
  qlinear_target_warnings(${target})
  if(QLINEAR_RESOURCE_USAGE)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--resource-usage>)
  endif()
  if(QLINEAR_SANITIZE)
    # Public: a program that links sanitized objects needs the sanitizers' runtime.
    set(sanitize -fsanitize=${QLINEAR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(${target} PUBLIC "$<$<COMPILE_LANGUAGE:CXX>:${sanitize}>")
    target_link_options(${target} PUBLIC -fsanitize=${QLINEAR_SANITIZE})
  endif()
endfunction()

function(qlinear_target_warnings target)
  set(host -Wall -Wextra -Wpedantic -Wconversion $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>)
  if(QLINEAR_WARNINGS_AS_ERRORS)
    list(APPEND host -Werror)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Werror all-warnings>")
  endif()
  target_compile_options(
    ${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${host}>"
                      "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>")
endfunction()

# qlinear_device_sources(<file>...): for .cu files of the calling directory. Without nvcc they are
# C++ for the emulated device.
function(qlinear_device_sources)
  if(QLINEAR_DEVICE STREQUAL "emulated")
    # nvcc's `#pragma unroll` means nothing to a host compiler. A GPU's registers start with garbage,
    # which shows in results where one is used; GCC's guess is wrong where a load and a use have the
    # same condition.
    set(options -Wno-unknown-pragmas -Wno-psabi -ftrivial-auto-var-init=pattern
                $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "${options}")
  endif()
endfunction()

# qlinear_device_includes(<target>): the path on which kernels find <ptx/...>. The emulated device
# supplies the same names ahead of kernels/.
function(qlinear_device_includes target)
  if(QLINEAR_DEVICE STREQUAL "emulated")
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests/emulated_device/include")
  endif()
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/kernels"
                                               "${PROJECT_SOURCE_DIR}/include")
endfunction()

# The CUDA runtime that programs link: the toolkit's, or the emulated device.
if(QLINEAR_DEVICE STREQUAL "emulated")
  set(QLINEAR_RUNTIME_TARGETS qlinear_emulated_device qlinear::cuda_headers)
elseif(QLINEAR_CUDA_RUNTIME STREQUAL "Static")
  set(QLINEAR_RUNTIME_TARGETS CUDA::cudart_static)
else()
  set(QLINEAR_RUNTIME_TARGETS CUDA::cudart)
endif()
