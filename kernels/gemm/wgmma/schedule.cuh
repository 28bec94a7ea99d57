#pragma once

#include <common/problems.hpp>
#include <gemm/rasterize.cuh>
#include <gemm/wgmma/pipeline.cuh>
#include <ptx/cluster.cuh>

namespace qlinear::kernels {

/// A tile in wgmma's terms: the first row of its 64-row operand and the first column of its N
/// operand.
struct WgmmaWork {
  int first_row;
  int first_column;
  int end_m;  ///< One past its last token.
  int end_n;  ///< One past its last weight row.
};

/// Says which tiles a block computes, one after another, and which stages of K. Blocks of a cluster
/// split K of the same tile or, with multicast, compute neighbouring tiles.
template <int kTileIndex>
class WgmmaSchedule {
  using Traits = WgmmaTraits<kTileIndex>;

 public:
  __device__ WgmmaSchedule(const GemmProblem& p, int tile_tokens, int tile_weight_rows)
      : m_(static_cast<int>(p.operands.m)),
        tiles_m_(static_cast<int>((p.operands.m + kClusterTileM - 1) / kClusterTileM)),
        n_(static_cast<int>(p.operands.n)),
        tile_tokens_(tile_tokens),
        tile_weight_rows_(Traits::kSpreadsWeightRows ? tile_weight_rows : Traits::kTileN),
        tiles_n_((n_ + tile_weight_rows_ - 1) / tile_weight_rows_),
        rank_(ptx::cluster_ctarank()),
        cluster_(ptx::cluster_nctarank()) {
    const auto steps = static_cast<unsigned>((p.operands.k + kWgmmaTileK - 1) / kWgmmaTileK);
    const unsigned slice = Traits::kMaySplitK ? rank_ : 0;
    first_step_ = static_cast<int>(steps * slice / slices());
    end_step_ = static_cast<int>(steps * (slice + 1) / slices());
  }

  __device__ unsigned rank() const { return rank_; }
  /// Returns a tile's tokens, which are also the rows of its load box.
  __device__ int tile_tokens() const { return tile_tokens_; }
  /// Returns a tile's weight rows.
  __device__ int tile_weight_rows() const { return tile_weight_rows_; }
  /// Returns the slices of K.
  __device__ unsigned slices() const { return Traits::kMaySplitK ? cluster_ : 1; }

  __device__ int first_step() const { return first_step_; }
  __device__ int end_step() const { return end_step_; }

  __device__ int first_tile() const { return static_cast<int>(blockIdx.x / cluster_); }
  __device__ int end_tile() const { return tiles_m_ * tiles_n_; }
  __device__ int tile_step() const { return static_cast<int>(gridDim.x / cluster_); }

  __device__ WgmmaWork work(int tile) const {
    const TileIndex index = rasterize(static_cast<unsigned>(tile), static_cast<unsigned>(tiles_m_),
                                      static_cast<unsigned>(tiles_n_));
    const int tile_m = kMulticast ? index.m * Traits::kClusterM + static_cast<int>(rank_) : index.m;
    const int first_m = tile_m * tile_tokens_;
    const int first_n = index.n * tile_weight_rows_;
    const int end_m = min(m_, first_m + tile_tokens_);
    const int end_n = min(n_, first_n + tile_weight_rows_);
    return Traits::kSwapAB ? WgmmaWork{first_n, first_m, end_m, end_n}
                           : WgmmaWork{first_m, first_n, end_m, end_n};
  }

 private:
  static constexpr bool kMulticast = Traits::kClusterM > 1;
  static constexpr int kClusterTileM = Traits::kTileM * Traits::kClusterM;

  int m_;
  int tiles_m_;  ///< Tiles of one multicast cluster count as one.
  int n_;
  int tile_tokens_;
  int tile_weight_rows_;
  int tiles_n_;
  unsigned rank_;
  unsigned cluster_;
  int first_step_;
  int end_step_;
};

}  // namespace qlinear::kernels
