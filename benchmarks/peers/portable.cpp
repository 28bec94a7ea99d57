#include <harness/library_cases.hpp>
#include <peers/peers.hpp>
#include <qlinear/kernels.hpp>

#include <memory>
#include <string>

namespace qlinear::benchmark {
namespace {

class Portable : public LibraryLinear {
 public:
  explicit Portable(std::string kernel) : LibraryLinear("qlinear_portable", std::move(kernel)) {}
  /// Beyond this a call takes so long that it would dominate the benchmark.
  bool takes(std::int64_t m, const LayerShape& layer) const override {
    constexpr double kMostOperations = 1.2e12;
    return gemm_operations(m, layer.n, layer.k) <= kMostOperations;
  }
};

}  // namespace

void add_portable(TimedCases& cases) {
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.backend == KernelBackend::Dp4a) {
      cases.push_back(std::make_unique<Portable>(sku.name));
      return;
    }
  }
}

}  // namespace qlinear::benchmark
