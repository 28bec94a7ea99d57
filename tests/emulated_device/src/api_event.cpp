#include "runtime.hpp"

#include <cuda_runtime_api.h>

#include <chrono>

using namespace qlinear::emulated_device;

namespace {

template <class Call>
cudaError_t event_call(cudaEvent_t handle, Call call) {
  return api_call([&] {
    Event* event = runtime().find_event(handle);
    return event == nullptr ? cudaErrorInvalidResourceHandle : call(*event);
  });
}

cudaError_t error_of(const Event& event) {
  return runtime().errors[static_cast<std::size_t>(event.device)];
}

bool done(const Event& event) { return event.recorded == nullptr || event.recorded->complete(); }

cudaError_t record(Event& event, Stream& stream) {
  if (event.device != stream.device) return cudaErrorInvalidResourceHandle;
  if (stream.capture != nullptr) {
    event.capture = stream.capture;
    event.captured = stream.captured_last;
    return cudaSuccess;
  }
  const cudaError_t error = runtime().enqueue(stream, Task{});
  if (error != cudaSuccess) return error;
  event.capture = nullptr;
  event.captured.clear();
  event.recorded = stream.last;
  return cudaSuccess;
}

cudaError_t elapsed(const Event& start, const Event& end, float& milliseconds) {
  if (!start.timed || !end.timed || start.device != end.device) {
    return cudaErrorInvalidResourceHandle;
  }
  if (start.recorded == nullptr || end.recorded == nullptr) return cudaErrorInvalidResourceHandle;
  if (!done(start) || !done(end)) return cudaErrorNotReady;
  using Milliseconds = std::chrono::duration<float, std::milli>;
  milliseconds = Milliseconds(end.recorded->completed_at - start.recorded->completed_at).count();
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* out, unsigned flags) {
  constexpr unsigned kKnown = cudaEventBlockingSync | cudaEventDisableTiming;
  return api_call([&] {
    if (out == nullptr || (flags & ~kKnown) != 0) return cudaErrorInvalidValue;
    auto* event = new Event;
    event->device = current_device();
    event->timed = (flags & cudaEventDisableTiming) == 0;
    runtime().events.insert(event);
    *out = reinterpret_cast<cudaEvent_t>(event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* out) {
  return cudaEventCreateWithFlags(out, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t handle) {
  return event_call(handle, [](Event& event) {
    runtime().events.erase(&event);
    delete &event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream_handle) {
  return event_call(handle, [&](Event& event) {
    Stream* stream = runtime().find_stream(stream_handle);
    return stream == nullptr ? cudaErrorInvalidResourceHandle : record(event, *stream);
  });
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  if (flags != cudaEventRecordDefault) return remember(cudaErrorNotSupported);
  return cudaEventRecord(event, stream);
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return event_call(handle, [](Event& event) {
    if (event.capture != nullptr) return cudaErrorCapturedEvent;
    if (event.recorded != nullptr) runtime().queue.wait_for(event.recorded);
    return error_of(event);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return event_call(handle, [](Event& event) {
    if (event.capture != nullptr) return cudaErrorCapturedEvent;
    runtime().queue.maybe_advance();
    if (error_of(event) != cudaSuccess) return error_of(event);
    return done(event) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start_handle,
                                 cudaEvent_t end_handle) {
  return event_call(start_handle, [&](Event& start) {
    const Event* end = runtime().find_event(end_handle);
    if (end == nullptr) return cudaErrorInvalidResourceHandle;
    return milliseconds == nullptr ? cudaErrorInvalidValue : elapsed(start, *end, *milliseconds);
  });
}

}  // extern "C"
