// Reads any bytes as a file of tensors. Of what is taken, tensors lie within the bytes and fill
// them.

#include <checkpoint/failure.hpp>
#include <checkpoint/safetensors_header.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace qlinear::checkpoint;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto result =
      detail::without_exceptions([&]() -> qlinear::Result<detail::SafetensorsHeader> {
        return detail::read_header(bytes, "input");
      });
  if (!result.ok()) {
    require(result.status().code() == qlinear::StatusCode::InvalidProblem);
    require(!result.status().message().empty());
    return 0;
  }
  std::size_t filled = 0;
  for (const auto& [name, entry] : result.value().tensors) {
    require(entry.begin <= entry.end && entry.end <= size);
    std::size_t elements = 1;
    for (const std::int64_t extent : entry.shape) elements *= static_cast<std::size_t>(extent);
    require(elements * dtype_bytes(entry.dtype) == entry.end - entry.begin);
    filled += entry.end - entry.begin;
  }
  require(filled + 8 <= size);
  return 0;
}
