#include "runtime.hpp"

#include "capture.hpp"
#include "failure.hpp"

namespace qlinear::emulated_device {
namespace {

thread_local int g_current_device = 0;
thread_local bool g_has_context = false;
thread_local cudaError_t g_last_error = cudaSuccess;

void add_last(std::vector<Dependency>& out, const Stream& stream) {
  if (stream.last != nullptr) out.push_back({stream.last, Edge::Full});
}

}  // namespace

Runtime& runtime() {
  static auto* instance = new Runtime;  // It outlives static objects that still call the API.
  return *instance;
}

int current_device() { return g_current_device; }
void set_current_device(int ordinal) { g_current_device = ordinal; }
bool has_context() { return g_has_context; }
void set_has_context(bool value) { g_has_context = value; }

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) g_last_error = error;
  return error;
}
cudaError_t last_error() { return g_last_error; }
void forget_last_error() { g_last_error = cudaSuccess; }

Runtime::Runtime()
    : random(current_seed()),
      errors(static_cast<std::size_t>(settings().devices), cudaSuccess),
      queue(allocations, random, errors) {
  for (int ordinal = 0; ordinal < settings().devices; ++ordinal) {
    devices.push_back(std::make_unique<Device>());
    devices.back()->legacy_stream.device = ordinal;
    devices.back()->context_id = ++contexts;
  }
}

Stream* Runtime::find_stream(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) {
    return &device(current_device()).legacy_stream;
  }
  if (handle == cudaStreamPerThread) {
    auto& stream = thread_streams[{std::this_thread::get_id(), current_device()}];
    if (stream == nullptr) {
      stream = std::make_unique<Stream>();
      stream->device = current_device();
    }
    return stream.get();
  }
  const auto found = streams.find(reinterpret_cast<Stream*>(handle));
  return found == streams.end() ? nullptr : *found;
}

Event* Runtime::find_event(cudaEvent_t handle) {
  const auto found = events.find(reinterpret_cast<Event*>(handle));
  return found == events.end() ? nullptr : *found;
}

std::vector<Stream*> Runtime::streams_of(int ordinal) const {
  std::vector<Stream*> result = {&devices[static_cast<std::size_t>(ordinal)]->legacy_stream};
  for (Stream* stream : streams) {
    if (stream->device == ordinal) result.push_back(stream);
  }
  for (const auto& [key, stream] : thread_streams) {
    if (key.second == ordinal) result.push_back(stream.get());
  }
  return result;
}

std::vector<Dependency> Runtime::predecessors(const Stream& stream, Edge edge) const {
  std::vector<Dependency> result;
  if (stream.last != nullptr) {
    const bool after_kernel = stream.last->task.launch != nullptr;
    result.push_back({stream.last, after_kernel ? edge : Edge::Full});
  }
  const Stream& legacy = devices[static_cast<std::size_t>(stream.device)]->legacy_stream;
  if (&stream == &legacy) {
    for (const Stream* other : streams_of(stream.device)) {
      if (other != &legacy && other->blocking) add_last(result, *other);
    }
  } else if (stream.blocking) {
    add_last(result, legacy);
  }
  return result;
}

cudaError_t Runtime::enqueue(Stream& stream, Task task, Edge edge, OperationPointer also_after) {
  const cudaError_t failed = errors[static_cast<std::size_t>(stream.device)];
  if (failed != cudaSuccess) return failed;
  if (stream.capture != nullptr) return capture_task(stream, std::move(task), edge);
  if (const cudaError_t error = check_implicit_synchronisation(stream); error != cudaSuccess) {
    return error;
  }
  std::vector<Dependency> dependencies = predecessors(stream, edge);
  if (also_after != nullptr) dependencies.push_back({std::move(also_after), Edge::Full});
  stream.last = queue.submit(std::move(task), stream.device, dependencies);
  return cudaSuccess;
}

cudaError_t Runtime::synchronise(Stream& stream) {
  if (stream.last != nullptr) queue.wait_for(stream.last);
  return errors[static_cast<std::size_t>(stream.device)];
}

cudaError_t Runtime::synchronise_device(int ordinal) {
  for (const Stream* stream : streams_of(ordinal)) {
    if (stream->last != nullptr) queue.wait_for(stream->last);
  }
  return errors[static_cast<std::size_t>(ordinal)];
}

void Runtime::reset_device(int ordinal) {
  synchronise_device(ordinal);
  std::erase_if(streams, [ordinal](Stream* stream) {
    if (stream->device != ordinal) return false;
    delete stream;
    return true;
  });
  std::erase_if(events, [ordinal](Event* event) {
    if (event->device != ordinal) return false;
    delete event;
    return true;
  });
  std::erase_if(thread_streams,
                [ordinal](const auto& entry) { return entry.first.second == ordinal; });
  allocations.release_all(ordinal);
  errors[static_cast<std::size_t>(ordinal)] = cudaSuccess;
  device(ordinal) = Device{};
  device(ordinal).legacy_stream.device = ordinal;
  device(ordinal).context_id = ++contexts;
}

cudaError_t check_not_capturing() {
  bool forbidden = false;
  for (const auto& capture : runtime().captures) {
    const bool concerned = capture->mode == cudaStreamCaptureModeGlobal ||
                           (capture->mode == cudaStreamCaptureModeThreadLocal &&
                            capture->thread == std::this_thread::get_id());
    if (!concerned) continue;
    capture->invalidated = true;
    forbidden = true;
  }
  return forbidden ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

}  // namespace qlinear::emulated_device
