#include "capture.hpp"
#include "runtime.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>

using namespace qlinear::emulated_device;

namespace {

constexpr int kLeastPriority = 0;
constexpr int kGreatestPriority = -5;

template <class Call>
cudaError_t stream_call(cudaStream_t handle, Call call) {
  return api_call([&] {
    Stream* stream = runtime().find_stream(handle);
    return stream == nullptr ? cudaErrorInvalidResourceHandle : call(*stream);
  });
}

void leave_capture(Stream& stream) {
  if (stream.capture == nullptr) return;
  stream.capture->invalidated = true;
  auto& streams = stream.capture->streams;
  streams.erase(std::find(streams.begin(), streams.end(), &stream));
}

cudaError_t wait_event(Stream& stream, const Event& event) {
  if (stream.capture != nullptr || event.capture != nullptr) return capture_wait(stream, event);
  if (event.recorded == nullptr) return cudaSuccess;
  return runtime().enqueue(stream, Task{}, Edge::Full, event.recorded);
}

cudaError_t query(Stream& stream) {
  if (stream.capture != nullptr) {
    stream.capture->invalidated = true;
    return cudaErrorStreamCaptureUnsupported;
  }
  runtime().queue.maybe_advance();
  const bool done = stream.last == nullptr || stream.last->complete();
  const cudaError_t failed = runtime().errors[static_cast<std::size_t>(stream.device)];
  if (failed != cudaSuccess) return failed;
  return done ? cudaSuccess : cudaErrorNotReady;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* out, unsigned flags, int priority) {
  return api_call([&] {
    const bool known = flags == cudaStreamDefault || flags == cudaStreamNonBlocking;
    if (out == nullptr || !known) return cudaErrorInvalidValue;
    auto* stream = new Stream;
    stream->device = current_device();
    stream->blocking = flags == cudaStreamDefault;
    stream->priority = std::clamp(priority, kGreatestPriority, kLeastPriority);
    runtime().streams.insert(stream);
    *out = reinterpret_cast<cudaStream_t>(stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* out, unsigned flags) {
  return cudaStreamCreateWithPriority(out, flags, kLeastPriority);
}

cudaError_t cudaStreamCreate(cudaStream_t* out) {
  return cudaStreamCreateWithFlags(out, cudaStreamDefault);
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  if (least != nullptr) *least = kLeastPriority;
  if (greatest != nullptr) *greatest = kGreatestPriority;
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  return stream_call(handle, [](Stream& stream) {
    if (runtime().streams.erase(&stream) == 0) return cudaErrorInvalidResourceHandle;
    leave_capture(stream);
    if (stream.last != nullptr) runtime().queue.wait_for(stream.last);
    delete &stream;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return stream_call(handle, [](Stream& stream) {
    if (stream.capture != nullptr) {
      stream.capture->invalidated = true;
      return cudaErrorStreamCaptureUnsupported;
    }
    if (const cudaError_t error = check_implicit_synchronisation(stream); error != cudaSuccess) {
      return error;
    }
    return runtime().synchronise(stream);
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) { return stream_call(handle, query); }

cudaError_t cudaStreamGetDevice(cudaStream_t handle, int* device) {
  return stream_call(handle, [&](Stream& stream) {
    if (device == nullptr) return cudaErrorInvalidValue;
    if (stream.capture != nullptr) {
      stream.capture->invalidated = true;  // An H200's driver does so in every mode.
      return cudaErrorStreamCaptureUnsupported;
    }
    *device = stream.device;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int* priority) {
  return stream_call(handle, [&](Stream& stream) {
    if (priority == nullptr) return cudaErrorInvalidValue;
    *priority = stream.priority;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned* flags) {
  return stream_call(handle, [&](Stream& stream) {
    if (flags == nullptr) return cudaErrorInvalidValue;
    *flags = stream.blocking ? cudaStreamDefault : cudaStreamNonBlocking;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event_handle, unsigned flags) {
  return stream_call(handle, [&](Stream& stream) {
    const Event* event = runtime().find_event(event_handle);
    if (event == nullptr) return cudaErrorInvalidResourceHandle;
    return flags == cudaEventWaitDefault ? wait_event(stream, *event) : cudaErrorInvalidValue;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* data) {
  return stream_call(handle, [&](Stream& stream) {
    if (function == nullptr) return cudaErrorInvalidValue;
    Task task;
    task.type = cudaGraphNodeTypeHost;
    task.work = [function, data] {
      runtime().in_host_function = true;
      function(data);
      runtime().in_host_function = false;
    };
    return runtime().enqueue(stream, std::move(task));
  });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return stream_call(handle, [&](Stream& stream) {
    if (&stream == &runtime().device(stream.device).legacy_stream) {
      return cudaErrorStreamCaptureUnsupported;
    }
    if (stream.capture != nullptr) return cudaErrorIllegalState;
    auto capture = std::make_shared<Capture>();
    capture->origin = &stream;
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    capture->streams.push_back(&stream);
    runtime().captures.push_back(capture);
    stream.capture = std::move(capture);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* out) {
  return stream_call(handle, [&](Stream& stream) {
    if (out == nullptr) return cudaErrorInvalidValue;
    *out = nullptr;
    if (stream.capture == nullptr) return cudaErrorIllegalState;
    std::unique_ptr<Graph> graph;
    if (const cudaError_t error = end_capture(stream, graph); error != cudaSuccess) return error;
    runtime().graphs.insert(graph.get());
    *out = reinterpret_cast<cudaGraph_t>(graph.release());
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return stream_call(handle, [&](Stream& stream) {
    if (status == nullptr) return cudaErrorInvalidValue;
    *status = cudaStreamCaptureStatusNone;
    if (stream.capture != nullptr) {
      *status = stream.capture->invalidated ? cudaStreamCaptureStatusInvalidated
                                            : cudaStreamCaptureStatusActive;
    }
    return cudaSuccess;
  });
}

}  // extern "C"
