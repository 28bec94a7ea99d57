#pragma once

#include <qlinear/plan.hpp>

#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>

namespace qlinear::detail {

/// Bytes that a plan's storage has to spare, lest a new field of a state changes its size.
inline constexpr std::size_t kSpareBytes = 32;

/// The storage of a plan that holds `state`.
template <class Storage, class State>
Storage stored(const State& state) noexcept {
  static_assert(std::is_trivially_copyable_v<State> && std::is_trivially_copyable_v<Storage>);
  static_assert(alignof(State) <= alignof(Storage));
  static_assert(sizeof(State) + kSpareBytes <= sizeof(Storage),
                "give the plan's storage in qlinear/plan.hpp more bytes: an ABI break");
  Storage storage{};
  std::memcpy(storage.bytes.data(), &state, sizeof(State));
  return storage;
}

/// What `stored` put there, in `storage` or in a copy of it.
template <class State, std::size_t Bytes>
const State& held(const PlanStorage<Bytes>& storage) noexcept {
  return *std::launder(reinterpret_cast<const State*>(storage.bytes.data()));
}

}  // namespace qlinear::detail
