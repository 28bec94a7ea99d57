#pragma once

#include "pairwise.hpp"
#include "types.hpp"

#include <qlinear/kernels.hpp>

#include <gtest/gtest.h>

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

// Parameters of the grids that force every registered kernel. A grid is cut into shards so that
// ctest can run them side by side.

namespace qlinear::test {

struct KernelShard {
  KernelSku sku;
  std::size_t shard;
  std::size_t shards;
  std::uint64_t seed;
  std::size_t turn;  ///< The kernel's place among those of its category.
};

/// Whether each kernel takes all of a grid. The emulated device takes a thousand times as long as a
/// GPU: there kernels that stand together in the table share the large grids.
inline constexpr bool kWholeGrids = QLINEAR_TEST_WHOLE_GRIDS != 0;

/// Every registered kernel of `category`, each `shards` times.
inline std::vector<KernelShard> kernel_shards(KernelCategory category, std::size_t shards,
                                              std::uint64_t seed) {
  std::vector<KernelShard> parameters;
  std::size_t turn = 0;
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category != category) continue;
    for (std::size_t shard = 0; shard < shards; ++shard) {
      parameters.push_back({sku, shard, shards, seed, turn});
    }
    ++turn;
  }
  return parameters;
}

/// The same of a large grid. Where kernels share it, each has every second of the `shards`, which
/// are an even number, and the next kernel the others.
inline std::vector<KernelShard> shared_kernel_shards(KernelCategory category, std::size_t shards,
                                                     std::uint64_t seed) {
  std::vector<KernelShard> parameters = kernel_shards(category, shards, seed);
  if (!kWholeGrids) {
    std::erase_if(parameters, [](const KernelShard& p) { return (p.shard + p.turn) % 2 != 0; });
  }
  return parameters;
}

/// How GoogleTest prints the parameter.
inline void PrintTo(const KernelShard& shard, std::ostream* stream) {
  *stream << shard.sku.name << ", shard " << shard.shard;
}

/// "kernel_name_shard2_seed7"
inline std::string shard_name(const ::testing::TestParamInfo<KernelShard>& info) {
  std::string name = info.param.sku.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name + "_shard" + std::to_string(info.param.shard) + "_seed" +
         std::to_string(info.param.seed);
}

/// The rows of a pairwise grid that belong to `shard`.
inline std::vector<std::vector<std::size_t>> rows_of_shard(
    const KernelShard& shard, const std::vector<std::size_t>& level_counts) {
  const auto all = pairwise_rows(level_counts, shard.seed);
  std::vector<std::vector<std::size_t>> rows;
  for (std::size_t i = shard.shard; i < all.size(); i += shard.shards) rows.push_back(all[i]);
  return rows;
}

/// `kTypePairs[index]`, or a common pair in its place where `sku` is not compiled for that one.
inline TypePair types_of(const KernelSku& sku, std::size_t index) {
  const TypePair types = kTypePairs[index];
  if (supports(sku, types.activation, types.weight)) return types;
  return {index % 2 == 0 ? ElementKind::F16 : ElementKind::BF16, ElementKind::S8};
}

struct QuantizedRange {
  std::int32_t q_min;
  std::int32_t q_max;
};

}  // namespace qlinear::test
