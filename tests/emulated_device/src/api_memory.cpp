#include "runtime.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

using namespace qlinear::emulated_device;

namespace {

/// Rows of `width` bytes, `pitch` apart.
struct Rows {
  unsigned char* data;
  std::size_t pitch;
  std::size_t width;
  std::size_t height;

  bool empty() const { return width == 0 || height == 0; }
  std::size_t extent() const { return empty() ? 0 : (height - 1) * pitch + width; }
  unsigned char* row(std::size_t index) const { return data + index * pitch; }
};

Rows rows_of(const void* data, std::size_t pitch, std::size_t width, std::size_t height) {
  return {static_cast<unsigned char*>(const_cast<void*>(data)), pitch, width, height};
}

void copy_rows(const Rows& to, const Rows& from) {
  for (std::size_t i = 0; i < to.height; ++i) std::memmove(to.row(i), from.row(i), to.width);
}

enum class Place { Pageable, PageLocked, Device, Invalid };

Place place_of(const Rows& rows) {
  const Allocations& allocations = runtime().allocations;
  if (const Allocation* whole = allocations.find(rows.data, rows.extent())) {
    return whole->device == kHost ? Place::PageLocked : Place::Device;
  }
  const bool starts_inside = allocations.find(rows.data, 1) != nullptr;
  return starts_inside || rows.data == nullptr ? Place::Invalid : Place::Pageable;
}

bool is_host(Place place) { return place == Place::Pageable || place == Place::PageLocked; }

bool direction_fits(cudaMemcpyKind kind, Place to, Place from) {
  switch (kind) {
    case cudaMemcpyHostToHost:
      return is_host(to) && is_host(from);
    case cudaMemcpyHostToDevice:
      return to == Place::Device && is_host(from);
    case cudaMemcpyDeviceToHost:
      return is_host(to) && from == Place::Device;
    case cudaMemcpyDeviceToDevice:
      return to == Place::Device && from == Place::Device;
    default:
      return kind == cudaMemcpyDefault;
  }
}

/// Copies from pageable memory before the call returns.
Task copy_task(const Rows& to, const Rows& from, bool stage) {
  Task task;
  task.type = cudaGraphNodeTypeMemcpy;
  if (!stage) {
    task.work = [to, from] { copy_rows(to, from); };
    return task;
  }
  auto staged = std::make_shared<std::vector<unsigned char>>(to.width * to.height);
  const Rows between{staged->data(), to.width, to.width, to.height};
  copy_rows(between, from);
  task.work = [to, between, staged] { copy_rows(to, between); };
  return task;
}

cudaError_t copy(Stream& stream, const Rows& to, const Rows& from, cudaMemcpyKind kind,
                 bool async) {
  if (to.width > to.pitch || from.width > from.pitch) return cudaErrorInvalidValue;
  if (to.empty()) return cudaSuccess;
  const Place to_place = place_of(to);
  const Place from_place = place_of(from);
  if (to_place == Place::Invalid || from_place == Place::Invalid) return cudaErrorInvalidValue;
  if (!direction_fits(kind, to_place, from_place)) return cudaErrorInvalidMemcpyDirection;
  const bool capturing = stream.capture != nullptr;
  const bool stage = from_place == Place::Pageable && !capturing;
  const cudaError_t error = runtime().enqueue(stream, copy_task(to, from, stage));
  const bool within_device = to_place == Place::Device && from_place == Place::Device;
  const bool wait = async ? to_place == Place::Pageable && !capturing : !within_device;
  return error == cudaSuccess && wait ? runtime().synchronise(stream) : error;
}

cudaError_t copy_in_stream(const Rows& to, const Rows& from, cudaMemcpyKind kind,
                           cudaStream_t handle) {
  return api_call([&] {
    Stream* stream = runtime().find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    return copy(*stream, to, from, kind, true);
  });
}

cudaError_t copy_now(const Rows& to, const Rows& from, cudaMemcpyKind kind) {
  return api_call([&] {
    if (const cudaError_t error = check_not_capturing(); error != cudaSuccess) return error;
    return copy(runtime().device(current_device()).legacy_stream, to, from, kind, false);
  });
}

cudaError_t set(Stream& stream, void* data, int value, std::size_t bytes) {
  if (bytes == 0) return cudaSuccess;
  const Rows rows = rows_of(data, bytes, bytes, 1);
  const Place place = place_of(rows);
  if (place != Place::Device && place != Place::PageLocked) return cudaErrorInvalidValue;
  Task task;
  task.type = cudaGraphNodeTypeMemset;
  task.work = [data, value, bytes] { std::memset(data, value, bytes); };
  return runtime().enqueue(stream, std::move(task));
}

cudaError_t allocate(void** out, std::size_t bytes, int device) {
  if (out == nullptr) return cudaErrorInvalidValue;
  *out = nullptr;
  if (bytes == 0) return cudaSuccess;
  *out = runtime().allocations.allocate(bytes, device, runtime().random);
  return *out == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

/// Freeing waits for whatever may still use the memory.
cudaError_t release(void* data, bool host) {
  if (const cudaError_t error = check_not_capturing(); error != cudaSuccess) return error;
  if (data == nullptr) return cudaSuccess;
  cudaError_t error = cudaSuccess;
  for (int device = 0; device < settings().devices; ++device) {
    const cudaError_t failed = runtime().synchronise_device(device);
    if (device == current_device()) error = failed;
  }
  return runtime().allocations.release(data, host) ? error : cudaErrorInvalidValue;
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** out, std::size_t bytes) {
  return api_call([&] {
    if (const cudaError_t error = check_not_capturing(); error != cudaSuccess) return error;
    return allocate(out, bytes, current_device());
  });
}

cudaError_t cudaFree(void* data) {
  return api_call([&] { return release(data, false); });
}

cudaError_t cudaHostAlloc(void** out, std::size_t bytes, unsigned flags) {
  constexpr unsigned kKnown = cudaHostAllocPortable | cudaHostAllocMapped;
  return api_call([&] {
    if ((flags & ~kKnown) != 0) return cudaErrorInvalidValue;
    if (const cudaError_t error = check_not_capturing(); error != cudaSuccess) return error;
    return allocate(out, bytes, kHost);
  });
}

cudaError_t cudaMallocHost(void** out, std::size_t bytes) {
  return cudaHostAlloc(out, bytes, cudaHostAllocDefault);
}

cudaError_t cudaFreeHost(void* data) {
  return api_call([&] { return release(data, true); });
}

cudaError_t cudaMallocAsync(void** out, std::size_t bytes, cudaStream_t handle) {
  return api_call([&] {
    Stream* stream = runtime().find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (stream->capture != nullptr) return cudaErrorNotSupported;
    return allocate(out, bytes, stream->device);
  });
}

cudaError_t cudaFreeAsync(void* data, cudaStream_t handle) {
  return api_call([&] {
    Stream* stream = runtime().find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (stream->capture != nullptr) return cudaErrorNotSupported;
    if (data == nullptr) return cudaSuccess;
    if (runtime().allocations.find(data, 1) == nullptr) return cudaErrorInvalidValue;
    Task task;
    task.type = cudaGraphNodeTypeMemFree;
    task.work = [data] { runtime().allocations.release(data, false); };
    return runtime().enqueue(*stream, std::move(task));
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return copy_now(rows_of(to, bytes, bytes, 1), rows_of(from, bytes, bytes, 1), kind);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return copy_in_stream(rows_of(to, bytes, bytes, 1), rows_of(from, bytes, bytes, 1), kind, stream);
}

cudaError_t cudaMemcpy2D(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                         std::size_t width, std::size_t height, cudaMemcpyKind kind) {
  return copy_now(rows_of(to, to_pitch, width, height), rows_of(from, from_pitch, width, height),
                  kind);
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream) {
  return copy_in_stream(rows_of(to, to_pitch, width, height),
                        rows_of(from, from_pitch, width, height), kind, stream);
}

cudaError_t cudaMemset(void* data, int value, std::size_t bytes) {
  return api_call([&] {
    if (const cudaError_t error = check_not_capturing(); error != cudaSuccess) return error;
    return set(runtime().device(current_device()).legacy_stream, data, value, bytes);
  });
}

cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t handle) {
  return api_call([&] {
    Stream* stream = runtime().find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    return set(*stream, data, value, bytes);
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  return api_call([&] {
    if (free_bytes == nullptr || total_bytes == nullptr) return cudaErrorInvalidValue;
    *total_bytes = kDeviceBytes;
    *free_bytes = kDeviceBytes - runtime().allocations.bytes_of(current_device());
    return cudaSuccess;
  });
}

}  // extern "C"
