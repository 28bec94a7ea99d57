#pragma once

// The CUDA intrinsics, built-in variables and number formats that kernels use. nvcc declares them
// all; the emulated device supplies this header with declarations of its own.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
