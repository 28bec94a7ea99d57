#pragma once

#include <qlinear/status.hpp>

#include <string_view>

namespace qlinear::detail {

/// The architecture whose code a GPU of compute capability `architecture` (major * 10 + minor) runs
/// of `list`, which has the form of CMake's CUDA_ARCHITECTURES ("80-real;90a;120"); 0 for none.
/// Machine code runs on later minor versions of the same major one, "a" code on its own version
/// only, PTX on everything later. The driver prefers machine code, and of each the latest.
int code_version(std::string_view list, int architecture);

/// Whether there is any.
inline bool runs_on(std::string_view list, int architecture) {
  return code_version(list, architecture) != 0;
}

/// Ok if `list` serves `device`, of compute capability `architecture`. Otherwise Unsupported, with
/// what serves it.
Status check_architecture(std::string_view list, int device, int architecture);

}  // namespace qlinear::detail
