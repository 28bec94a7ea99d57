# The GPU architectures to compile for, from what QLINEAR_CUDA_ARCHITECTURES, or else
# CMAKE_CUDA_ARCHITECTURES, or else the environment's CUDAARCHS asks for.

set(QLINEAR_EVERY_ARCHITECTURE 75-real 80-real 86-real 89-real 90a-real 100-real 110-real 120)

# qlinear_requested_architectures(<variable>): what was asked for, or nothing. CMake caches nvcc's
# default, its oldest architecture, as CMAKE_CUDA_ARCHITECTURES: that is nobody's request.
function(qlinear_requested_architectures variable)
  set(requested "${QLINEAR_CUDA_ARCHITECTURES}")
  if(NOT requested AND CMAKE_CUDA_ARCHITECTURES)
    set(requested "${CMAKE_CUDA_ARCHITECTURES}")
    get_property(cached CACHE CMAKE_CUDA_ARCHITECTURES PROPERTY VALUE)
    get_property(help CACHE CMAKE_CUDA_ARCHITECTURES PROPERTY HELPSTRING)
    if("${requested}" STREQUAL "${cached}" AND help STREQUAL "CUDA architectures"
       AND NOT DEFINED ENV{CUDAARCHS})
      set(requested "")
    endif()
  endif()
  # CMake itself reads it when it enables CUDA, which is later.
  if(NOT requested)
    set(requested "$ENV{CUDAARCHS}")
  endif()
  set(${variable} "${requested}" PARENT_SCOPE)
endfunction()

# qlinear_native_architectures(<variable>): those of this machine's GPUs that the library serves.
function(qlinear_native_architectures variable)
  execute_process(
    COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
    OUTPUT_VARIABLE text ERROR_QUIET)
  string(REGEX MATCHALL "[0-9]+\\.[0-9]" capabilities "${text}")
  set(native "")
  foreach(capability IN LISTS capabilities)
    if(NOT capability VERSION_LESS 7.5)
      string(REPLACE "." "" number "${capability}")
      list(APPEND native ${number}-real)
    endif()
  endforeach()
  if(NOT native)
    message(FATAL_ERROR "The architectures of this machine's GPUs were asked for ('native'), and "
                        "nvidia-smi shows none of 7.5 or later: set QLINEAR_CUDA_ARCHITECTURES to "
                        "numbers such as 90a-real.")
  endif()
  set(${variable} "${native}" PARENT_SCOPE)
endfunction()

# qlinear_wgmma_architectures(<variable> <list>): the list with 90, which has no wgmma, as 90a and
# the PTX of 90, which later GPUs can use.
function(qlinear_wgmma_architectures variable list)
  set(result "")
  foreach(architecture IN LISTS list)
    if(architecture STREQUAL "90")
      list(APPEND result 90a-real 90-virtual)
    elseif(architecture STREQUAL "90-real")
      list(APPEND result 90a-real)
    else()
      list(APPEND result ${architecture})
    endif()
  endforeach()
  if("90a" IN_LIST result)
    list(REMOVE_ITEM result 90a-real)
  endif()
  list(REMOVE_DUPLICATES result)
  if(NOT "${result}" STREQUAL "${list}")
    message(STATUS "qlinear: takes architecture 90 as 90a, for wgmma")
  endif()
  if("90-virtual" IN_LIST result AND NOT result MATCHES "90a")
    message(WARNING "qlinear: PTX of 90 has no wgmma: on GPUs of compute capability 9.0 layers will "
                    "be slow. Add 90a-real to QLINEAR_CUDA_ARCHITECTURES.")
  endif()
  set(${variable} "${result}" PARENT_SCOPE)
endfunction()

# qlinear_resolve_architectures(<variable>)
function(qlinear_resolve_architectures variable)
  qlinear_requested_architectures(architectures)
  if(NOT architectures OR architectures MATCHES "^(all|all-major)$")
    set(architectures ${QLINEAR_EVERY_ARCHITECTURE})
  elseif(architectures STREQUAL "native")
    qlinear_native_architectures(architectures)
  endif()
  foreach(architecture IN LISTS architectures)
    if(NOT architecture MATCHES "^[0-9]+[af]?(-real|-virtual)?$")
      message(
        FATAL_ERROR
          "QLINEAR_CUDA_ARCHITECTURES or CMAKE_CUDA_ARCHITECTURES holds '${architecture}'; they take "
          "numbers such as 80-real, 90a-real or 120, or native or all alone.")
    endif()
  endforeach()
  qlinear_wgmma_architectures(architectures "${architectures}")
  set(${variable} "${architectures}" PARENT_SCOPE)
endfunction()
