#pragma once

#include "tune/cuda.hpp"
#include "tune/graph_timer.hpp"

#include <qlinear/types.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qlinear::tools {

struct LayerShape {
  std::int64_t n = 0;
  std::int64_t k = 0;
  bool operator==(const LayerShape&) const = default;
};

/// Kernels that can run a problem.
struct KernelChoice {
  std::string gemm;
  int split_k = 1;
  std::string quantize;  ///< Empty: as `select` chooses.
};

/// A layer with M tokens in device memory, and everything that could run it. The weights are as
/// many copies as it takes to read three times the L2 cache before one is read again: each call
/// finds them cold, as in a model whose other layers ran in between.
class LayerProblem {
 public:
  virtual ~LayerProblem() = default;

  /// The choice of the cost model, first, and then every kernel with every split of K that takes
  /// the problem. Takes memory for the workspace of all of them; call it before `graph`.
  virtual std::vector<KernelChoice> candidates() = 0;
  /// `choice` with every quantize kernel that takes the problem.
  virtual std::vector<KernelChoice> quantize_candidates(const KernelChoice& choice) const = 0;
  /// A graph of calls that runs for at least about `seconds`; 0: each copy of the weights once.
  virtual CallGraph graph(const KernelChoice& choice, double seconds) = 0;

 protected:
  LayerProblem() = default;
  LayerProblem(const LayerProblem&) = default;
  LayerProblem& operator=(const LayerProblem&) = default;
};

/// `activation` is F16, BF16, F32 or F64; weights are S8.
std::unique_ptr<LayerProblem> make_layer_problem(ElementKind activation, const LayerShape& layer,
                                                 std::int64_t m, const Gpu& gpu,
                                                 cudaStream_t stream);

}  // namespace qlinear::tools
