# Which kernels are compiled, for which architectures and type pairs. A family is a set of kernels
# that the same GPUs run; each is an object library of its own, compiled for no other GPU.

# qlinear_architectures_between(<variable> <first> <end>): the entries of QLINEAR_CUDA_ARCHITECTURES
# from compute capability <first> up to, without, <end>.
function(qlinear_architectures_between variable first end)
  set(found "")
  foreach(architecture IN LISTS QLINEAR_CUDA_ARCHITECTURES)
    string(REGEX MATCH "^[0-9]+" version "${architecture}")
    if(version GREATER_EQUAL first AND version LESS end)
      list(APPEND found "${architecture}")
    endif()
  endforeach()
  set(${variable} "${found}" PARENT_SCOPE)
endfunction()

# m16n8k32 is at least as fast as m8n8k16 and dp4a wherever it exists, so those are for GPUs without
# it. A PTX entry below 80 serves later GPUs, too: then they are all that those have.
qlinear_architectures_between(QLINEAR_FAMILY_QUANTIZE 0 10000)
qlinear_architectures_between(QLINEAR_FAMILY_QUANTIZE_CLUSTER 90 10000)
qlinear_architectures_between(QLINEAR_FAMILY_DP4A 0 80)
qlinear_architectures_between(QLINEAR_FAMILY_MMA_M8N8K16 0 80)
qlinear_architectures_between(QLINEAR_FAMILY_MMA_M16N8K32 80 10000)
# wgmma assembles for 90a alone. The mma.sync kernels that TMA feeds would for later ones, but ptxas
# spills registers of the larger one for sm_100, and they would not fit the shared memory of sm_120.
set(QLINEAR_FAMILY_SM90A ${QLINEAR_CUDA_ARCHITECTURES})
list(FILTER QLINEAR_FAMILY_SM90A INCLUDE REGEX "^90a")

set(QLINEAR_FAMILIES QUANTIZE QUANTIZE_CLUSTER DP4A MMA_M8N8K16 MMA_M16N8K32 SM90A)
foreach(family IN LISTS QLINEAR_FAMILIES)
  if(NOT QLINEAR_KERNELS STREQUAL "all" AND NOT family MATCHES "^QUANTIZE")
    string(TOLOWER "${family}" lower)
    if(NOT lower IN_LIST QLINEAR_KERNELS)
      set(QLINEAR_FAMILY_${family} "")
    endif()
  endif()
endforeach()
if(NOT QLINEAR_FAMILY_DP4A
   AND NOT QLINEAR_FAMILY_MMA_M8N8K16
   AND NOT QLINEAR_FAMILY_MMA_M16N8K32
   AND NOT QLINEAR_FAMILY_SM90A)
  message(FATAL_ERROR "QLINEAR_KERNELS=${QLINEAR_KERNELS} leaves no GEMM kernel for "
                      "QLINEAR_CUDA_ARCHITECTURES=${QLINEAR_CUDA_ARCHITECTURES}.")
endif()

# A mask with the bits of `TypePairs` in kernels/common/type_pairs.hpp.
set(QLINEAR_TYPE_PAIRS 0)
set(bit 1)
foreach(activation IN ITEMS f16 bf16 f32 f64)
  foreach(weight IN ITEMS s8 u8)
    if(QLINEAR_TYPES STREQUAL "all" OR "${activation}-${weight}" IN_LIST QLINEAR_TYPES)
      math(EXPR QLINEAR_TYPE_PAIRS "${QLINEAR_TYPE_PAIRS} | ${bit}")
    endif()
    math(EXPR bit "${bit} * 2")
  endforeach()
endforeach()

# qlinear_build_definitions(<target>): tells the target's C++ code what is compiled.
function(qlinear_build_definitions target)
  foreach(name IN ITEMS QLINEAR_CUDA_ARCHITECTURES QLINEAR_TYPES)
    list(JOIN ${name} "\\;" text)
    target_compile_definitions(${target} PRIVATE "${name}=\"${text}\"")
  endforeach()
  foreach(family IN LISTS QLINEAR_FAMILIES)
    list(JOIN QLINEAR_FAMILY_${family} "\\;" text)
    target_compile_definitions(${target} PRIVATE "QLINEAR_FAMILY_${family}=\"${text}\"")
  endforeach()
  target_compile_definitions(${target} PRIVATE QLINEAR_TYPE_PAIRS=${QLINEAR_TYPE_PAIRS})
endfunction()
