#pragma once

#include <qlinear/problem.hpp>
#include <qlinear/tuning.hpp>
#include <selection/kernel_table.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace qlinear::detail {

/// What an entry of a tuning table must match exactly.
struct TuningKey {
  int architecture = 0;  ///< major * 10 + minor
  int num_sms = 0;
  ElementKind activation_element = ElementKind::F32;
  ElementKind weight_element = ElementKind::S8;
  std::int64_t n = 0;
  std::int64_t k = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads a literal 0 into it.
  auto operator<=>(const TuningKey&) const = default;
};

/// The kernels for M from `first_m` to `last_m`.
struct TuningEntry {
  std::int64_t first_m = 0;
  std::int64_t last_m = 0;
  const GemmKernel* kernel = nullptr;
  int split_k = 1;
  const QuantizeKernel* quantize_kernel = nullptr;  ///< Null: not the entry's business.

  bool operator==(const TuningEntry&) const = default;
  bool covers(std::int64_t m) const { return first_m <= m && m <= last_m; }
};

/// Immutable once it is shared. Of the entries of a key a later one wins.
class TuningTable {
 public:
  void add(const TuningKey& key, const TuningEntry& entry);
  std::span<const TuningEntry> entries(const TuningKey& key) const noexcept;
  std::string text() const;

 private:
  std::map<TuningKey, std::vector<TuningEntry>> entries_;
};

/// Grows with each change of the process's table, so that selections of an older one are forgotten.
/// Never 0. The first call reads the environment's table. Takes no lock later.
std::uint64_t tuning_generation() noexcept;

/// The process's table; null while it is empty.
std::shared_ptr<const TuningTable> tuning_table() noexcept;

}  // namespace qlinear::detail
