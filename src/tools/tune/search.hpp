#pragma once

#include "tune/layer_problem.hpp"

#include <cstddef>
#include <cstdint>

namespace qlinear::tools {

/// How much is measured. Its defaults are for a GPU.
struct SearchEffort {
  double graph_seconds = 1e-3;
  int rounds = 7;
  double hopeless = 1.3;  ///< Candidates that a first look finds so many times slower are dropped.
};

struct SearchResult {
  KernelChoice best;
  KernelChoice model;  ///< The choice of the cost model, whose split is 0.
  double best_seconds = 0;
  double model_seconds = 0;
  std::size_t candidates = 0;
};

/// Times everything that can run `problem`, quantization included.
SearchResult fastest(LayerProblem& problem, bool quantize_kernels, cudaStream_t stream,
                     const SearchEffort& effort);

}  // namespace qlinear::tools
