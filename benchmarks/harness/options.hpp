#pragma once

#include <harness/floor.hpp>
#include <harness/shapes.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace qlinear::benchmark {

/// What to measure. Google Benchmark's own flags (--benchmark_filter, --benchmark_out, ...) apply
/// on top.
struct Options {
  std::vector<LayerShape> layers{kLayerShapes.begin(), kLayerShapes.end()};
  std::vector<std::int64_t> token_counts{kTokenCounts.begin(), kTokenCounts.end()};
  std::string sweep_layer = kSweepLayer;  ///< Empty, or not among `layers`: no sweep.
  std::vector<std::string> peers{"all"};  ///< Names, or "all", or "none".
  double row_seconds = 0.020;             ///< Measured time of a row.
  std::optional<MachineRates> rates;      ///< Taken instead of measured.
  bool tune = false;
  bool epilogues = false;              ///< The GEMM with each option of the epilogue, too.
  std::vector<DecoderShape> decoders;  ///< Whole decoder layers, instead of single ones.
  std::vector<std::string> kernels;    ///< That `tune` times beside the choice; empty for all.
  bool help = false;

  bool wants_peer(const std::string& name) const;
  bool wants_kernel(const std::string& name) const;
  /// Whether `m` is among `token_counts`, not only part of the sweep.
  bool lists(std::int64_t m) const;
  bool sweeps(const LayerShape& layer, std::int64_t m) const;
  /// Every M to measure for `layer`, the sweep included.
  std::set<std::int64_t> token_counts_of(const LayerShape& layer) const;
};

/// Takes the flags it knows out of `arguments` and leaves the rest. Throws std::invalid_argument
/// with a message for the user.
Options parse_options(std::vector<std::string>& arguments);

/// The flags, a line each.
std::string usage();

}  // namespace qlinear::benchmark
