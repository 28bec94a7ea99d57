#pragma once

#include "runtime.hpp"

namespace qlinear::emulated_device {

/// Adds a node after what the stream has captured so far.
cudaError_t capture_task(Stream& stream, Task task, Edge edge);

/// Makes the next node of `stream` depend on what `event` captured, too. A stream that does not
/// capture yet joins the capture.
cudaError_t capture_wait(Stream& stream, const Event& event);

/// Refuses an operation in the legacy default stream: it would make blocking streams wait, which a
/// capture of one of them cannot express.
cudaError_t check_implicit_synchronisation(const Stream& stream);

/// Ends the capture that `origin` began and hands out its graph; null after an error.
cudaError_t end_capture(Stream& origin, std::unique_ptr<Graph>& graph);

}  // namespace qlinear::emulated_device
