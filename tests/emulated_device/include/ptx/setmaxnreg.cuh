#pragma once

#include <ptx/intrinsics.cuh>

#include <emulated_device/warp_registers.hpp>

namespace qlinear::ptx {

template <int kRegisters>
__device__ __forceinline__ void setmaxnreg_dec() {
  emulated_device::set_max_registers(kRegisters);
}

template <int kRegisters>
__device__ __forceinline__ void setmaxnreg_inc() {
  emulated_device::set_max_registers(kRegisters);
}

}  // namespace qlinear::ptx
