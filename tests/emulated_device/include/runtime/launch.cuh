#pragma once

#include <runtime/launch_config.cuh>

#include <emulated_device/launch_request.hpp>

#include <cuda_runtime_api.h>

#include <cstddef>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace qlinear::kernels {

/// Starts `kKernel(args...)`. Every thread gets copies of the arguments, as it gets parameters on a
/// GPU.
template <auto kKernel, class... Args>
cudaError_t launch_kernel(const LaunchConfig& config, Args... args) {
  static_assert(std::is_same_v<decltype(kKernel), void (*)(Args...)>,
                "the launch copies the arguments bytewise: their types must be the parameters'");
  if (const cudaError_t error = allow_dynamic_shared_memory<kKernel>(config.dynamic_shared_bytes);
      error != cudaSuccess) {
    return error;
  }
  emulated_device::LaunchRequest request;
  request.name = config.name;
  request.function = reinterpret_cast<const void*>(kKernel);
  request.grid = config.grid;
  request.block = config.block;
  request.cluster = config.cluster;
  request.dynamic_shared_bytes = config.dynamic_shared_bytes;
  request.parameter_bytes = (std::size_t{0} + ... + sizeof(Args));
  request.programmatic_dependent = config.programmatic_dependent;
  using Arguments = std::tuple<Args...>;
  static_assert(std::is_trivially_destructible_v<Arguments>);
  request.arguments =
      emulated_device::argument_storage(sizeof(Arguments), std::align_val_t{alignof(Arguments)});
  const auto* arguments = new (request.arguments.get()) Arguments(args...);
  request.body = [arguments] { std::apply(kKernel, *arguments); };
  return emulated_device::launch(std::move(request), config.stream);
}

}  // namespace qlinear::kernels
