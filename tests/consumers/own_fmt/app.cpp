#include <fmt/core.h>
#include <qlinear/qlinear.hpp>

#include <cstdio>
#include <string>

FMT_BEGIN_NAMESPACE
std::string vformat(string_view /*format*/, format_args /*arguments*/) { return "the program's"; }
FMT_END_NAMESPACE

int main() {
  qlinear::QuantizedLinearDescriptor problem{-1, 1, 1};
  const qlinear::Status status = qlinear::reference::quantized_linear(
      problem, qlinear::QuantizedLinearArgs<float, qlinear::S8>{});
  std::puts(status.message().c_str());
  const bool its_own = fmt::format("{}", 1) == "the program's";
  const bool ours = status.message().find("a size cannot be negative") != std::string::npos;
  return its_own && ours ? 0 : 1;
}
