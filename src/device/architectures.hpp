#pragma once

#include <qlinear/status.hpp>

#include <string_view>

namespace qlinear::detail {

/// Whether machine code or PTX of `list`, in the form of CMake's CUDA_ARCHITECTURES ("80-real;90a;
/// 120"), runs on `architecture` (major * 10 + minor): machine code on later minor versions of the
/// same major one, "a" code on its own version only, PTX on everything later.
bool runs_on(std::string_view list, int architecture);

/// Ok if `list` serves `device`, of compute capability `architecture`. Otherwise Unsupported, with
/// what serves it.
Status check_architecture(std::string_view list, int device, int architecture);

}  // namespace qlinear::detail
