#pragma once

#include <qlinear/status.hpp>

#include <string_view>

namespace qlinear::detail {

/// Returns whether machine code or PTX of `list`, in the form of CMake's CUDA_ARCHITECTURES
/// ("80-real;90a;120"), runs on `architecture` (major * 10 + minor). Machine code runs on later
/// minor versions of the same major one, "a" code on its own version only, PTX on everything later.
bool runs_on(std::string_view list, int architecture);

/// Returns Ok if `list` serves `device`, of compute capability `architecture`; otherwise
/// Unsupported with a message that names the GPUs that `list` does serve.
Status check_architecture(std::string_view list, int device, int architecture);

}  // namespace qlinear::detail
