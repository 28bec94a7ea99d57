#include <selection/selection_cache.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

namespace qlinear::detail {
namespace {

constexpr std::size_t kEntries = 64;  // A power of two, as the hash below needs it.

struct Entry {
  bool used = false;
  LinearState state;
};

/// Every field: a new one does not compile until it has a name here, and a plan for another problem
/// is not taken for the one asked for.
auto key(const QuantizedLinearDescriptor& descriptor) {
  const auto& [m, c_out, k, q_min, q_max, activation_element, weight_element] = descriptor;
  return std::tie(m, c_out, k, q_min, q_max, activation_element, weight_element);
}

/// Returns the one entry that may hold `descriptor`, by a multiplicative hash of its sizes.
Entry& entry_for(const QuantizedLinearDescriptor& descriptor) {
  thread_local std::array<Entry, kEntries> entries;
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
  std::uint64_t hash = 0;
  for (const std::int64_t size : {descriptor.m, descriptor.c_out, descriptor.k}) {
    hash = (hash ^ static_cast<std::uint64_t>(size)) * kGolden;
  }
  return entries[hash >> 58];
}
static_assert(kEntries == 1U << (64 - 58));

}  // namespace

const LinearState* remembered_selection(int device, const QuantizedLinearDescriptor& descriptor) {
  const Entry& entry = entry_for(descriptor);
  const bool hit =
      entry.used && entry.state.device == device && key(entry.state.descriptor) == key(descriptor);
  return hit ? &entry.state : nullptr;
}

void remember_selection(const LinearState& state) {
  Entry& entry = entry_for(state.descriptor);
  entry.used = true;
  entry.state = state;
}

}  // namespace qlinear::detail
