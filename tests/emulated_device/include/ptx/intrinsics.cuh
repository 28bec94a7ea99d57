#pragma once

// nvcc knows all of this without a header; a C++ compiler needs declarations.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <emulated_device/arithmetic.hpp>
#include <emulated_device/atomics.hpp>
#include <emulated_device/block_intrinsics.hpp>
#include <emulated_device/builtin_variables.hpp>
#include <emulated_device/kernel_calls.hpp>
#include <emulated_device/min_max.hpp>
#include <emulated_device/warp_exchange.hpp>

// Inlined by force under sanitizers, kernels take three times as long to compile and run no faster.
#undef __forceinline__
#define __forceinline__ inline
#undef __launch_bounds__
#define __launch_bounds__(...)
#undef __maxnreg__
#define __maxnreg__(...)
#undef __cluster_dims__
#define __cluster_dims__(...)

template <class T>
T __ldg(const T* address) {
  qlinear::emulated_device::check_global(address, sizeof(T), "ld.global.nc");
  return *address;
}
