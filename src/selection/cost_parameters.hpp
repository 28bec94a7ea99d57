#pragma once

#include <device/device_info.hpp>

#include <array>
#include <cstdint>
#include <string_view>

// The numbers of the cost model and of the launch policy, by meaning. Their values are in
// cost_parameters.inc, which benchmarks/tuning/fit_cost_model.py writes: it fits them to the
// comparisons in benchmarks/tuning/data/. Clocks and rates are those of one SM.

namespace qlinear::detail {

/// What the model knows of a class of GPUs.
struct GpuParameters {
  double memory_share;            ///< The share of its nominal rate that memory delivers.
  double memory_bytes_per_clock;  ///< Memory's nominal rate where the runtime does not tell it.
  double stream_bytes_per_clock;  ///< One SM receives no more weights from memory.
  double launch_clocks;           ///< What a launch costs every kernel.
  /// Without a split of K, neighbours along M read this share of the weights from memory again.
  double unsplit_reread;
};

/// What the model knows of the kernels that share a main loop and a store.
struct FamilyCost {
  double macs_per_clock;    ///< Rate of the instructions, where `TileCost` has none for the tile.
  double stage_gap_clocks;  ///< Clocks between the instructions of two stages, likewise.
  /// A block alone on an SM where two should run takes this many times as long.
  double lone_factor;
  /// Clocks from the request for a whole pipeline of stages until it has arrived.
  double latency_clocks;
  /// A block waits for at least this part of a pipeline, however few stages it has.
  double least_pipelines;
  double store_clocks;  ///< Clocks to store an element of a tile.
  /// Clocks that a wave adds to its main loops and stores. 0 where the next tile's stages load
  /// while this one is stored.
  double wave_clocks;
  /// How much of the unevenness of the blocks shows where memory is the limit, with one block per
  /// SM and with two.
  double uneven_share_of_one_block;
  double uneven_share_of_two_blocks;
  /// Memory takes this many times as long where half of the pipelines' shared memory is idle.
  double half_used_factor;
  /// With a split of K, neighbours along M read this share of the weights from memory again.
  double split_reread;
  double split_clocks;       ///< Clocks that combining slices of K costs once.
  double wide_split_clocks;  ///< Clocks that combining more than two slices adds.
  double split_sum_clocks;   ///< Clocks for each accumulator of a tile and each slice but one.
  /// Clocks that few tokens add where the GEMM leaves fewer SMs idle than there are tokens.
  double few_idle_sms_clocks;
  /// Clocks that are added where no quantize block fits beside the kernel's blocks.
  double no_quantize_block_clocks;
  double l2_bytes_per_clock;  ///< Bytes that one SM's share of the L2 delivers in a clock.
  /// At the power limit, the products that an SM computes in a clock cost this many clocks of full
  /// speed.
  double product_energy;
  /// At the power limit, a byte from the L2 costs this many clocks of full speed.
  double l2_byte_energy;
};

/// Where the stages of a tile differ from those of its family. A new tile needs no row.
struct TileCost {
  std::string_view kernel;
  double macs_per_clock;
  double stage_gap_clocks;
};

/// When the launch policy's means pay, from times on an H200. No comparison of kernels tells, so
/// these are not fitted.
struct LaunchParameters {
  /// Clocks for which memory would idle between two layers, with up to 16, 64 and 128 tokens.
  double idle_clocks_16;
  double idle_clocks_64;
  double idle_clocks_128;
  std::int64_t prefetch_divisor;  ///< At most this part of the weights is prefetched.
  double long_gemm_clocks;        ///< From here on a GEMM gains by a launch without PDL.
};

#include <selection/cost_parameters.inc>

/// Returns the parameters of the class of `device`. An H200's memory delivers 2.4 KB in a clock, an
/// H100's 1.7; other GPUs were not fitted.
inline const GpuParameters& gpu_parameters(const DeviceInfo& device) {
  constexpr double kH200BytesPerClock = 2000;
  if (device.architecture != 90) return kOtherGpu;
  return device.memory_bytes_per_clock < kH200BytesPerClock ? kH100 : kH200;
}

/// Returns the row of `kernel`, or what its family has for all tiles.
constexpr TileCost tile_cost(std::string_view kernel, const FamilyCost& family) {
  for (const TileCost& tile : kTileCosts) {
    if (tile.kernel == kernel) return tile;
  }
  return {kernel, family.macs_per_clock, family.stage_gap_clocks};
}

}  // namespace qlinear::detail
