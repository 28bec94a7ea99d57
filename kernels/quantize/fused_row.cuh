#pragma once

#include <ptx/dp4a.cuh>
#include <quantize/row_exchange.cuh>
#include <quantize/source.cuh>

namespace qlinear::kernels {

/// What the host decides for a launch.
struct FusedOptions {
  RowOptions rows;
  SourceAlignment aligned;
};

template <class TIn>
FusedOptions fused_options(const FusedQuantizeProblem& p, unsigned threads, unsigned row_blocks) {
  return {row_options<TIn>(p.rows, threads, row_blocks), source_alignment<TIn>(p)};
}

/// Where the elements of a row are between the steps of a quantize pass.
enum class RowStorage : std::uint8_t {
  Registers,  ///< A thread holds up to `kMaxFusedChunks` chunks.
  Memory,     ///< Each step reads them again: rows of any length.
};

/// One row through the contract's steps: source, range, scale, q. The threads of `RowExchange`
/// share it.
template <class TIn, int kStatic, RowStorage kStorage, bool kCluster>
class FusedRow {
  using C = scale_t<TIn>;
  static constexpr bool kHeld = kStorage == RowStorage::Registers;
  static constexpr int kChunks = kHeld ? kMaxFusedChunks : 1;
  using Exchange = RowExchange<C, kCluster>;

 public:
  __device__ FusedRow(const FusedQuantizeProblem& p, const FusedOptions& options,
                      const Exchange& exchange, std::int64_t row)
      : p_(p),
        options_(options),
        exchange_(exchange),
        row_(row),
        k_(row < p.rows.m ? p.rows.k : 0),
        source_(p, options.aligned, row, k_) {}

  __device__ void prefetch() const { source_.prefetch(exchange_.thread(), exchange_.threads()); }

  __device__ __forceinline__ void quantize() {
    exchange_.begin();
    C mean = C(0);
    C rho = C(1);
    RowRange<C> range;
    if (source_.kind() == SourceKind::LayerNorm) {
      range = layer_norm_range(mean, rho);
    } else {
      range = first_range(rho);
    }
    // LayerNorm's deviation is in h; a NaN of it makes the row one as rho does.
    const bool has_rho = source_.is_norm();
    const bool folds = source_.kind() == SourceKind::RmsNorm;
    const std::int64_t row = row_ < p_.rows.m ? row_ : 0;
    const RowQuantizer<C> quantizer(p_, row, range, has_rho, folds || rho != rho ? rho : C(1));
    store(quantizer, mean, rho, folds);
  }

 private:
  /// Returns the row's element with which the thread's chunk `i` begins.
  __device__ std::int64_t first(std::int64_t i) const {
    return (i * exchange_.threads() + exchange_.thread()) * kChunkElements;
  }
  /// Returns how many groups of 512 elements have sums: with rows in memory, those of the columns.
  __device__ std::int64_t groups() const {
    return kHeld ? (k_ + 32 * kChunkElements - 1) / (32 * kChunkElements) : 32;
  }

  /// Calls `step(i, first, values)` for each chunk of the thread. Its first call for a row loads.
  template <bool kFirst, class Step>
  __device__ __forceinline__ void each(Step step) {
    if constexpr (kHeld) {
#pragma unroll
      for (int i = 0; i < kChunks; ++i) {
        if (first(i) >= k_) continue;
        if (kFirst) held_[i] = source_.load(first(i));
        step(i, first(i), held_[i]);
      }
    } else {
#pragma unroll 1
      for (std::int64_t i = 0; first(i) < k_; ++i) {
        held_[0] = kFirst ? source_.load(first(i)) : source_.reload(first(i));
        step(static_cast<int>(i % kPostedSums<C>), first(i), held_[0]);
      }
    }
  }

  /// Adds the thread's sums of a step up over its warp: to groups, and with rows in memory to
  /// columns of groups. All threads of the warp take part in each chunk that any of them has.
  template <bool kFirst, class Add>
  __device__ __forceinline__ void sum_groups(WarpPost<C>& post, Add add) {
    if constexpr (kHeld) {
      each<kFirst>([&](int i, std::int64_t at, Values<C>& v) { add(post.sum[i], at, v); });
#pragma unroll
      for (int i = 0; i < kChunks; ++i) post.sum[i] = tree_sum(post.sum[i]);
    } else {
      const std::int64_t lane_zero = exchange_.thread() / 32 * 32;
#pragma unroll 1
      for (std::int64_t i = 0; (i * exchange_.threads() + lane_zero) * kChunkElements < k_; ++i) {
        C sum = C(0);
        if (first(i) < k_) {
          held_[0] = kFirst ? source_.load(first(i)) : source_.reload(first(i));
          add(sum, first(i), held_[0]);
        }
        C& column = post.sum[i % kPostedSums<C>];
        column = add_rn(column, tree_sum(sum));
      }
    }
  }

  static __device__ __forceinline__ void reduce(RowRange<C>& range) {
    range.high = warp_max(range.high);
    range.minus_low = warp_max(range.minus_low);
  }

  static __device__ __forceinline__ void add_range(RowRange<C>& range, const Values<C>& v) {
#pragma unroll
    for (int e = 0; e < kChunkElements; ++e) range.add(v.value[e]);
  }

  /// The range of h and, with RMSNorm, rho: one step.
  __device__ __forceinline__ RowRange<C> first_range(C& rho) {
    WarpPost<C> post;
    if (source_.kind() == SourceKind::RmsNorm) {
      sum_groups<true>(post, [&](C& sum, std::int64_t at, Values<C>& v) {
#pragma unroll
        for (int e = 0; e < kChunkElements; ++e) sum = fma_rn(v.value[e], v.value[e], sum);
        source_.normalize(v, at, C(0), C(1));
        add_range(post.range, v);
      });
    } else {
      each<true>([&](int, std::int64_t, Values<C>& v) { add_range(post.range, v); });
    }
    reduce(post.range);
    exchange_.share(0, post);
    if (source_.kind() == SourceKind::RmsNorm) rho = deviation(exchange_.sum(0, groups()));
    return exchange_.range(0);
  }

  /// `RN(sum / K)`, 0 for rows without elements.
  __device__ C mean_of(C sum) const {
    return p_.rows.k > 0 ? divide_rn(sum, static_cast<C>(p_.rows.k)) : C(0);
  }

  /// `RN(1 / RN(sqrt(RN(RN(sum / K) + eps))))`; NaN where the sum is not finite.
  __device__ C deviation(C sum) const {
    if (!RowRange<C>::finite(sum)) return TinyRow<C>::quiet_nan();
    return divide_rn(C(1), sqrt_rn(add_rn(mean_of(sum), source_.eps())));
  }

  /// Three steps: the mean, the deviation, the range of h.
  __device__ __forceinline__ RowRange<C> layer_norm_range(C& mean, C& rho) {
    WarpPost<C> sums;
    sum_groups<true>(sums, [](C& sum, std::int64_t, Values<C>& v) {
#pragma unroll
      for (int e = 0; e < kChunkElements; ++e) sum = add_rn(sum, v.value[e]);
    });
    exchange_.share(0, sums);
    const C sum = exchange_.sum(0, groups());
    mean = mean_of(sum);

    WarpPost<C> squares;
    sum_groups<false>(squares, [&](C& square, std::int64_t at, Values<C>& v) {
      const int in_row = source_.count(at);
#pragma unroll
      for (int e = 0; e < kChunkElements; ++e) {
        const C d = e < in_row ? add_rn(v.value[e], -mean) : C(0);
        square = fma_rn(d, d, square);
      }
    });
    exchange_.share(1, squares);
    rho = deviation(exchange_.sum(1, groups()));
    if (!RowRange<C>::finite(sum)) rho = TinyRow<C>::quiet_nan();

    WarpPost<C> post;
    each<false>([&](int, std::int64_t at, Values<C>& v) {
      source_.normalize(v, at, mean, rho);
      add_range(post.range, v);
    });
    reduce(post.range);
    exchange_.share(2, post);
    return exchange_.range(2);
  }

  __device__ __forceinline__ void store(const RowQuantizer<C>& quantizer, C mean, C rho,
                                        bool folds) {
    const C norm_factor = folds ? rho : C(1);
    std::int8_t* q = p_.rows.q + (k_ > 0 ? row_ * p_.rows.ldq : 0);
    int sum = 0;
    each<false>([&](int, std::int64_t at, Values<C>& v) {
      if (!kHeld) source_.normalize(v, at, mean, rho);
      source_.store_normed(v, at, norm_factor);
      const uint4 chunk = quantizer.quantize(v.value);
      store_chunk(q, at, k_, options_.rows.q_aligned, chunk);
      if (p_.scale.sum_out != nullptr) add_chunk(sum, chunk, source_.count(at));
    });
    if (p_.scale.sum_out != nullptr) sum = exchange_.integer_sum(3, sum);
    if (exchange_.thread() != 0 || row_ >= p_.rows.m) return;
    ptx::st_global(static_cast<C*>(p_.rows.scale) + row_, quantizer.act_scale());
    if (p_.scale.zero_point_out != nullptr) {
      ptx::st_global(p_.scale.zero_point_out + row_,
                     static_cast<std::int8_t>(quantizer.zero_point()));
    }
    if (p_.scale.sum_out != nullptr) ptx::st_global(p_.scale.sum_out + row_, sum);
  }

  /// Adds the first `count` bytes of `chunk`.
  static __device__ __forceinline__ void add_chunk(int& sum, const uint4& chunk, int count) {
    const unsigned word[4] = {chunk.x, chunk.y, chunk.z, chunk.w};
#pragma unroll
    for (int w = 0; w < 4; ++w) {
      const int bytes = count - w * 4;
      const unsigned ones = bytes >= 4   ? 0x01010101u
                            : bytes <= 0 ? 0u
                                         : 0x01010101u >> (8 * (4 - bytes));
      sum = ptx::dp4a<false>(word[w], ones, sum);
    }
  }

  const FusedQuantizeProblem& p_;
  const FusedOptions& options_;
  const Exchange& exchange_;
  std::int64_t row_;
  std::int64_t k_;  ///< 0 for a row past the last, which takes part in the barriers only.
  Source<TIn, kStatic> source_;
  Values<C> held_[kChunks];
};

/// The kernel around a row: `quantize_registers`, `quantize_cluster` and `quantize_two_pass` with a
/// source.
template <class TIn, int kStatic, RowStorage kStorage, bool kCluster>
__device__ __forceinline__ void quantize_fused_row(const FusedQuantizeProblem& p,
                                                   const FusedOptions& options) {
  if (blockIdx.x >= options.rows.row_blocks) {
    return prefetch_weights(p.rows.gemm.prefetch, options.rows.row_blocks);
  }
  const RowExchange<scale_t<TIn>, kCluster> exchange;
  FusedRow<TIn, kStatic, kStorage, kCluster> row(p, options, exchange, blockIdx.x);
  if (options.rows.prefetches_rows) row.prefetch();
  wait_and_let_gemm_in(options.rows);
  row.quantize();
  clear_counters(p.rows, options.rows);
}

}  // namespace qlinear::kernels
