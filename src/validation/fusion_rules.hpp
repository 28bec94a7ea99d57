#pragma once

#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>

namespace qlinear::detail {

constexpr bool is_norm(SourceKind kind) noexcept {
  return kind == SourceKind::RmsNorm || kind == SourceKind::LayerNorm;
}

/// Checks that `field` holds one of `count` enumerators, the first of them 0. Errors:
/// InvalidProblem.
Status validate_enumerator(const char* field, int value, int count);

// What sources, scales and epilogues may be asked for, alone and together. `activation` is the
// element kind of the activation. Errors: InvalidProblem for what contradicts itself, Unsupported
// for what the library lacks.

Status validate_source(const SourceDescriptor& source, const ScaleDescriptor& scale,
                       ElementKind activation);
Status validate_epilogue(const EpilogueDescriptor& epilogue, std::int64_t c_out,
                         ElementKind activation);

}  // namespace qlinear::detail
