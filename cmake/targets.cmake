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
  qlinear_target_floating_point(${target})
  qlinear_target_warnings(${target})
  if(QLINEAR_RESOURCE_USAGE)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--resource-usage>)
  endif()
  if(QLINEAR_SANITIZE)
    # Public: a program that links sanitized objects needs the sanitizers' runtime.
    set(sanitize -fsanitize=${QLINEAR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    if(QLINEAR_SANITIZE MATCHES "address")
      # Runtimes from g++ 13 and clang 15 on look for the use of locals after their function returned:
      # they map 3 MB for each stack, so for each emulated thread, and tests of 10 s take minutes.
      # Earlier ones look for it where asked to. Nothing else that is watched in a stack needs it.
      list(APPEND sanitize $<$<CXX_COMPILER_ID:GNU>:--param=asan-use-after-return=0>
           $<$<CXX_COMPILER_ID:Clang>:-fsanitize-address-use-after-return=never>)
    endif()
    target_compile_options(${target} PUBLIC "$<$<COMPILE_LANGUAGE:CXX>:${sanitize}>")
    target_link_options(${target} PUBLIC -fsanitize=${QLINEAR_SANITIZE})
  endif()
endfunction()

# The numerical contract says where a product and a sum are contracted, and relaxes nothing else. This
# undoes what a parent project's flags and directories relax. Each group is one string: of single
# options CMake drops a repeated one, and keeps that which comes before the parent's.
function(qlinear_target_floating_point target)
  # In this order: for clang, -fno-fast-math allows contraction.
  set(host "-fno-fast-math -ffp-contract=off")
  set(gnu "-fno-single-precision-constant")
  # clang keeps the flush to zero of -Ofast when it forgets the rest, and warns of what it forgets.
  string(CONCAT clang "-fdenormal-fp-math=ieee -Wno-unknown-warning-option "
                      "-Wno-overriding-t-option -Wno-overriding-option")
  set(device "--ftz=false --prec-div=true --prec-sqrt=true --fmad=false")
  string(REPLACE " " "," forwarded "${host}")
  target_compile_options(
    ${target}
    PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:${host}>"
            "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:SHELL:${gnu}>"
            "$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:${clang}>"
            "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:${device} -Xcompiler=${forwarded}>")
  # A link with -ffast-math adds a start file that sets flush to zero in whoever loads the library.
  target_link_options(${target} PRIVATE
                      "$<$<LINK_LANGUAGE:CXX>:SHELL:-fno-fast-math -fno-unsafe-math-optimizations>")
endfunction()

# A parent project chooses its own warnings. Its -Werror finds none here: GCC takes each array bound of
# type int for a conversion, which says nothing; clang looks at signs with -Wconversion.
function(qlinear_target_warnings target)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-sign-conversion>)
  if(NOT qlinear_IS_TOP_LEVEL)
    return()
  endif()
  set(host -Wall -Wextra -Wpedantic -Wconversion $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>)
  if(QLINEAR_WARNINGS_AS_ERRORS)
    list(APPEND host -Werror)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Werror all-warnings>")
  endif()
  target_compile_options(
    ${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${host}>"
                      "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>")
endfunction()

# qlinear_target_soversion(<target>): before 1.0 a minor version may change what programs are compiled
# against, as the package's version file has it.
function(qlinear_target_soversion target)
  set(soversion ${PROJECT_VERSION_MAJOR})
  if(soversion EQUAL 0)
    string(APPEND soversion .${PROJECT_VERSION_MINOR})
  endif()
  set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${soversion})
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
