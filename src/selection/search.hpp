#pragma once

#include <qlinear/status.hpp>
#include <selection/choice_origin.hpp>
#include <selection/feasibility.hpp>
#include <selection/forced_kernel.hpp>
#include <selection/kernel_table.hpp>
#include <selection/tiling.hpp>
#include <selection/tuning_table.hpp>

#include <limits>
#include <span>

namespace qlinear::detail {

/// A kernel with a split of K, and what the cost model expects of it.
struct Candidate {
  const GemmKernel* kernel = nullptr;  ///< Null where there is none.
  Tiling tiling;
  double clocks = std::numeric_limits<double>::infinity();
};

/// What a search found for operands of some alignment.
struct Finding {
  Candidate candidate;
  ChoiceOrigin origin = ChoiceOrigin::Model;
  /// The kernel of a tuning entry that comes first but cannot be done.
  const GemmKernel* passed_over = nullptr;
};

/// Finds what the last of `entries` asks for that covers the problem, takes operands of `alignment`
/// bytes and can be done as preferred, or else what the cost model holds for the fastest.
Finding find_gemm(const GemmRequest& request, int alignment, std::span<const TuningEntry> entries);

/// Returns the forced kernel with the fastest split of K that is preferred. Errors: Unsupported.
Result<Candidate> forced_gemm(const GemmRequest& request, const ForcedKernel& forced);

}  // namespace qlinear::detail
