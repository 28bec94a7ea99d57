#include "device.hpp"

#include <qlinear/plan.hpp>

#include <string>

namespace qlinear::test {
namespace {

bool lacks_shared_memory(const KernelSku& sku) {
  PlanPreference preference;
  preference.kernel = sku.name;
  const auto plan = QuantizedLinearPlan<float, S8>::select(nullptr, {1, 1, 1}, preference);
  return plan.status().code() == StatusCode::Unsupported &&
         plan.status().message().find("bytes of shared memory") != std::string::npos;
}

}  // namespace

bool runs_here(const KernelSku& sku) {
  if (!architecture_fits(sku)) return false;
  return sku.category == KernelCategory::Quantize || !lacks_shared_memory(sku);
}

}  // namespace qlinear::test
