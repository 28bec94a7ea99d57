#pragma once

#include <quantize/source.cuh>

#include <type_traits>

namespace qlinear::kernels {

/// Calls `launch(std::integral_constant<int, kSource>{})` with the source that a kernel is compiled
/// for: with f16 and bf16, which engines use, one for each kind, and else one for all.
template <class TIn, class Launch>
cudaError_t dispatch_source(SourceKind kind, Launch launch) {
  if constexpr (sizeof(TIn) > 2) {
    return launch(std::integral_constant<int, kAnySource>{});
  } else {
    const auto launch_for = [&](auto tag) {
      return launch(std::integral_constant<int, static_cast<int>(decltype(tag)::value)>{});
    };
    switch (kind) {
      case SourceKind::Plain:
        return launch_for(std::integral_constant<SourceKind, SourceKind::Plain>{});
      case SourceKind::ColumnFactor:
        return launch_for(std::integral_constant<SourceKind, SourceKind::ColumnFactor>{});
      case SourceKind::RmsNorm:
        return launch_for(std::integral_constant<SourceKind, SourceKind::RmsNorm>{});
      case SourceKind::LayerNorm:
        return launch_for(std::integral_constant<SourceKind, SourceKind::LayerNorm>{});
      case SourceKind::Gated:
        return launch_for(std::integral_constant<SourceKind, SourceKind::Gated>{});
    }
    return cudaErrorInvalidValue;
  }
}

}  // namespace qlinear::kernels
