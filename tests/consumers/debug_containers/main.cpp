// Takes everything across the library's boundary that is a type of the standard library.

#include "../multiply_ones.hpp"

#include <qlinear/qlinear.hpp>

#include <cstdio>
#include <string>
#include <vector>

namespace {

bool lists_kernels() {
  std::vector<std::string> names;
  for (const qlinear::KernelSku& sku : qlinear::registered_kernels()) names.push_back(sku.name);
  return !names.empty() && names.size() == qlinear::registered_kernels().size() &&
         names.back() == qlinear::registered_kernels()[names.size() - 1].name;
}

bool prints_kernels() {
  const std::string text = to_string(qlinear::registered_kernels()[0]);
  return text.find(qlinear::registered_kernels()[0].name) == 0;
}

bool takes_names_and_gives_messages() {
  qlinear::PlanPreference preference;
  preference.kernel = "no_such_kernel";
  const auto plan =
      qlinear::QuantizedLinearPlan<float, qlinear::S8>::select(nullptr, {1, 1, 1}, preference);
  const qlinear::Status copy = plan.status();
  return !plan.ok() && copy.message().find("no_such_kernel") != std::string::npos;
}

}  // namespace

int main() {
  struct {
    const char* name;
    bool passed;
  } const checks[] = {{"multiply_ones", consumer::multiply_ones()},
                      {"lists_kernels", lists_kernels()},
                      {"prints_kernels", prints_kernels()},
                      {"takes_names_and_gives_messages", takes_names_and_gives_messages()}};
  int failures = 0;
  for (const auto& check : checks) {
    if (!check.passed) std::printf("%s failed\n", check.name);
    failures += check.passed ? 0 : 1;
  }
  return failures;
}
