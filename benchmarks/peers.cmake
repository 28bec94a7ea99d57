# The peers that other libraries provide.

# cuBLASLt, of the CUDA toolkit. Shared: the static library weighs hundreds of megabytes.
if(TARGET CUDA::cublasLt)
  target_sources(qlinear_bench PRIVATE peers/cublaslt_bf16.cpp peers/cublaslt_fp8.cpp
                                       peers/cublaslt_int8.cpp peers/cublaslt_matmul.cpp
                                       peers/decoder_cublaslt.cpp)
  target_link_libraries(qlinear_bench PRIVATE CUDA::cublasLt)
  target_compile_definitions(qlinear_bench PRIVATE QLINEAR_BENCHMARK_CUBLASLT)
endif()

# CUTLASS, where CUTLASS is at hand: in QLINEAR_CUTLASS_DIR, or as the Python package
# nvidia-cutlass (pip install nvidia-cutlass); its kernels here are for sm_90a only.

if(Python3_FOUND AND NOT QLINEAR_CUTLASS_DIR)
  execute_process(
    COMMAND "${Python3_EXECUTABLE}" -c
            "import importlib.util as u, pathlib; print(pathlib.Path(u.find_spec('cutlass_library').origin).parent / 'source')"
    OUTPUT_VARIABLE from_python
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
find_path(
  QLINEAR_CUTLASS_DIR include/cutlass/cutlass.h
  PATHS "${from_python}"
  DOC "CUTLASS, for its int8 GEMMs as peers; holds include/ and tools/util/include/")

if(NOT QLINEAR_CUTLASS_DIR OR NOT has_sm90a)
  message(STATUS "qlinear: no CUTLASS peers (they need QLINEAR_CUTLASS_DIR and the architecture 90a)")
  return()
endif()

add_library(
  qlinear_cutlass_int8 OBJECT
  "${PROJECT_SOURCE_DIR}/kernels/benchmark/cutlass_64x64x256.cu"
  "${PROJECT_SOURCE_DIR}/kernels/benchmark/cutlass_64x64x256_cluster_1x8.cu"
  "${PROJECT_SOURCE_DIR}/kernels/benchmark/cutlass_64x128x256_cluster_1x4.cu"
  "${PROJECT_SOURCE_DIR}/kernels/benchmark/cutlass_64x128x128_cluster_2x1_pingpong.cu"
  "${PROJECT_SOURCE_DIR}/kernels/benchmark/cutlass_128x128x128_cluster_2x1_pingpong.cu")
# Not the project's flags: CUTLASS is built as its own users build it. With its assertions on, ptxas
# serializes the wgmma of the main loop.
set_target_properties(
  qlinear_cutlass_int8 PROPERTIES CUDA_ARCHITECTURES 90a-real CUDA_STANDARD 17
                                  CUDA_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
target_compile_definitions(qlinear_cutlass_int8 PRIVATE NDEBUG)
target_compile_options(qlinear_cutlass_int8 PRIVATE -O3 --expt-relaxed-constexpr)
target_include_directories(qlinear_cutlass_int8 PRIVATE "${PROJECT_SOURCE_DIR}/kernels")
target_include_directories(
  qlinear_cutlass_int8 SYSTEM PRIVATE "${QLINEAR_CUTLASS_DIR}/include"
                                      "${QLINEAR_CUTLASS_DIR}/tools/util/include")

target_sources(qlinear_bench PRIVATE peers/cutlass_int8.cpp peers/decoder_cutlass.cpp
                                     $<TARGET_OBJECTS:qlinear_cutlass_int8>)
target_compile_definitions(qlinear_bench PRIVATE QLINEAR_BENCHMARK_CUTLASS)
