#pragma once

#include <vector_types.h>

// CUDA's built-in variables, of the thread that is running. The engine sets them when it switches.

extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
inline constexpr int warpSize = 32;
