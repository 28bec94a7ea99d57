#include <selection/selection_cache.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

namespace qlinear::detail {
namespace {

constexpr std::size_t kEntries = 64;  // A power of two, as the hash below needs it.

struct Entry {
  std::uint64_t generation = 0;  ///< Of the tuning table; 0 for an entry that holds nothing.
  LinearState state;
};

/// Every field: a new one does not compile until it has a name here, and a plan for another problem
/// is not taken for the one asked for.
auto key(const QuantizedLinearDescriptor& descriptor) {
  const auto& [m, c_out, k, q_min, q_max, activation_element, weight_element, source, scale,
               weight_zero_points, epilogue] = descriptor;
  return std::tie(m, c_out, k, q_min, q_max, activation_element, weight_element, source, scale,
                  weight_zero_points, epilogue);
}

/// Returns the one entry that may hold `descriptor`, by a multiplicative hash of its sizes.
Entry& entry_for(const QuantizedLinearDescriptor& descriptor, int num_sms) {
  thread_local std::array<Entry, kEntries> entries;
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
  std::uint64_t hash = 0;
  for (const std::int64_t size :
       {std::int64_t{num_sms}, descriptor.m, descriptor.c_out, descriptor.k}) {
    hash = (hash ^ static_cast<std::uint64_t>(size)) * kGolden;
  }
  return entries[hash >> 58];
}
static_assert(kEntries == 1U << (64 - 58));

}  // namespace

const LinearState* remembered_selection(const DeviceInfo& device,
                                        const QuantizedLinearDescriptor& descriptor,
                                        std::uint64_t generation) {
  const Entry& entry = entry_for(descriptor, device.num_sms);
  const bool hit = entry.generation == generation && entry.state.device == device.ordinal &&
                   entry.state.num_sms == device.num_sms &&
                   key(entry.state.descriptor) == key(descriptor);
  return hit ? &entry.state : nullptr;
}

void remember_selection(const LinearState& state, std::uint64_t generation) {
  Entry& entry = entry_for(state.descriptor, state.num_sms);
  entry.generation = generation;
  entry.state = state;
}

}  // namespace qlinear::detail
