#pragma once

#include <qlinear/status.hpp>

#include <string_view>

namespace qlinear::detail {

/// Returns the architecture whose code a GPU of compute capability `architecture` (major * 10 +
/// minor) runs of `list`, which has the form of CMake's CUDA_ARCHITECTURES ("80-real;90a;120"), or
/// 0 for none. Machine code runs on later minor versions of the same major one, "a" code on its own
/// version only, PTX on everything later. The driver prefers machine code, and the latest of each.
int code_version(std::string_view list, int architecture);

/// Returns whether any code of `list` runs on `architecture`.
inline bool runs_on(std::string_view list, int architecture) {
  return code_version(list, architecture) != 0;
}

/// Returns Ok if `list` serves `device`, of compute capability `architecture`; otherwise
/// Unsupported with a message that names the GPUs that `list` does serve.
Status check_architecture(std::string_view list, int device, int architecture);

}  // namespace qlinear::detail
