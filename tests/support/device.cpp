#include "device.hpp"

#include <qlinear/plan.hpp>

#include <sstream>
#include <string>

namespace qlinear::test {
namespace {

bool lacks_shared_memory(const KernelSku& sku) {
  PlanPreference preference;
  preference.kernel = sku.name;
  const auto plan = QuantizedLinearPlan<__half, S8>::select(
      nullptr, {1, 1, 1, -127, 127, ElementKind::F16}, preference);
  return plan.status().code() == StatusCode::Unsupported &&
         plan.status().message().find("bytes of shared memory") != std::string::npos;
}

}  // namespace

bool holds_code_for(std::string_view architectures, int architecture) {
  std::istringstream entries{std::string(architectures)};
  for (std::string entry; std::getline(entries, entry, ';');) {
    const int version = std::stoi(entry);
    const bool specific = entry.find('a') < entry.find('-');
    const bool has_ptx = entry.find("-real") == std::string::npos;
    const bool has_code = entry.find("-virtual") == std::string::npos;
    const bool same_major = version / 10 == architecture / 10;
    if (specific ? version == architecture
                 : version <= architecture && (has_ptx || (has_code && same_major))) {
      return true;
    }
  }
  return false;
}

bool runs_here(const KernelSku& sku) {
  if (!architecture_fits(sku)) return false;
  return sku.category == KernelCategory::Quantize || !lacks_shared_memory(sku);
}

}  // namespace qlinear::test
