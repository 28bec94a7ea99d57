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
  Registers,  ///< A thread holds a chunk.
  Shared,     ///< Shared memory holds a row whose h are elements of TIn.
  Memory,     ///< Each step reads them again: rows of any length.
};

/// One row through the contract's steps: source, range, scale, q. The threads of `RowExchange`
/// share it.
template <class TIn, int kStatic, RowStorage kStorage, bool kCluster>
class FusedRow {
  using C = scale_t<TIn>;
  using S = Source<TIn, kStatic>;
  using Held = typename S::Held;
  using Exchange = RowExchange<C, kCluster>;
  static constexpr bool kHeld = kStorage == RowStorage::Registers;
  /// Counts elements of a row.
  using Count = std::conditional_t<kStorage == RowStorage::Memory, std::int64_t, int>;
  static_assert(kStorage != RowStorage::Shared || (S::kHoldsElements && !kCluster));

 public:
  __device__ FusedRow(const FusedQuantizeProblem& p, const FusedOptions& options,
                      const Exchange& exchange, std::int64_t row)
      : p_(p),
        options_(options),
        exchange_(exchange),
        row_(row),
        k_(row < p.rows.m ? p.rows.k : 0),
        source_(p, options.aligned, row, k_) {}

  /// What can be done while earlier kernels still run.
  __device__ void prepare() const {
    source_.require_parameters();
    ptx::require(static_cast<std::uint64_t>(p_.scale.kind));
    ptx::require(reinterpret_cast<std::uint64_t>(p_.scale.sum_out));
    ptx::require(static_cast<std::uint64_t>(options_.aligned.norm));
    if (options_.rows.prefetches_rows) prefetch();
  }

  __device__ void prefetch() const { source_.prefetch(exchange_.thread(), exchange_.threads()); }

  __device__ __forceinline__ void quantize() {
    if (kHeld && first(0) < k_) source_.fetch(first(0));
    exchange_.begin();
    if constexpr (S::kMayBeNorm) {
      if (source_.kind() == SourceKind::LayerNorm) {
        const Norm norm = layer_norm();
        return store(quantizer(norm, !RowRange<C>::finite(norm.rstd), C(1)), norm);
      }
      if (source_.kind() == SourceKind::RmsNorm) return rms_norm();
    }
    const Norm norm{plain_range()};
    store(quantizer(norm, false, C(1)), norm);
  }

 private:
  /// What is known of a row when it is quantized.
  struct Norm {
    RowRange<C> range;
    C mean = C(0);
    C rstd = C(1);
    C squares = C(0);  ///< With RMSNorm.
  };

  /// Returns the row's element with which the thread's chunk `i` begins.
  __device__ Count first(Count i) const {
    return (i * static_cast<Count>(exchange_.threads()) + static_cast<Count>(exchange_.thread())) *
           kChunkElements;
  }

  /// Calls `step(first, held)` for each chunk of the thread. Its first call for a row loads.
  template <bool kFirst, class Step>
  __device__ __forceinline__ void each(Step step) {
    if constexpr (kHeld) {
      if (first(0) >= k_) return;
      if (kFirst) held_ = source_.load(first(0));
      step(first(0), held_);
    } else {
#pragma unroll 1
      for (Count i = 0; first(i) < static_cast<Count>(k_); ++i) {
        if constexpr (kStorage == RowStorage::Shared && !kFirst) {
          get(i);
        } else {
          source_.fetch(first(i));
          held_ = kFirst ? source_.load(first(i)) : source_.reload(first(i));
        }
        step(first(i), held_);
        if constexpr (kStorage == RowStorage::Shared && kFirst) put(i);
      }
    }
  }

  /// Returns where in shared memory word `w` of the thread's chunk `i` begins: a warp's 32 first
  /// halves of chunks lie side by side, then its second halves.
  __device__ uint4* shared_word(Count i, int w) const {
    auto* words = reinterpret_cast<uint4*>(ptx::dynamic_shared_memory() + Exchange::kSharedBytes);
    const int chunk = first(i) / kChunkElements;
    return words + chunk + chunk / 32 * 32 + w * 8;
  }
  __device__ __forceinline__ void put(Count i) const {
#pragma unroll
    for (int w = 0; w < Held::kWords; w += 4) {
      ptx::st_shared(shared_word(i, w), make_uint4(held_.word[w], held_.word[w + 1],
                                                   held_.word[w + 2], held_.word[w + 3]));
    }
  }
  __device__ __forceinline__ void get(Count i) {
#pragma unroll
    for (int w = 0; w < Held::kWords; w += 4) {
      const uint4 v = ptx::ld_shared(shared_word(i, w));
      held_.word[w] = v.x;
      held_.word[w + 1] = v.y;
      held_.word[w + 2] = v.z;
      held_.word[w + 3] = v.w;
    }
  }

  /// Adds the thread's sums of a step up over its warp: to a group, and with rows in memory to
  /// columns of groups. All threads of the warp take part in each chunk that any of them has.
  template <bool kFirst, class Add>
  __device__ __forceinline__ void sum_groups(WarpPost<C>& post, Add add) {
    if constexpr (kHeld) {
      each<kFirst>([&](std::int64_t at, Values<C>& v) { add(post.sum[0], at, v); });
      post.sum[0] = tree_sum(post.sum[0]);
    } else {
      const std::int64_t lane_zero = exchange_.thread() / 32 * 32;
#pragma unroll 1
      for (std::int64_t i = 0; (i * exchange_.threads() + lane_zero) * kChunkElements < k_; ++i) {
        C sum = C(0);
        if (first(i) < k_) {
          source_.fetch(first(i));
          held_ = kFirst ? source_.load(first(i)) : source_.reload(first(i));
          add(sum, first(i), held_);
        }
        C& column = post.sum[i % kPostedSums<C>];
        column = add_rn(column, tree_sum(sum));
      }
    }
  }

  __device__ __forceinline__ C row_sum(int phase) const {
    return kHeld ? exchange_.sum_of_groups(phase) : exchange_.sum_of_columns(phase);
  }

  /// Reduces the range over the warp: of symmetric scales, which know no sign, to its larger end.
  __device__ __forceinline__ void reduce(RowRange<C>& range) const {
    if (is_asymmetric()) {
      range.minus_low = warp_max(range.minus_low);
    } else {
      range.high = max(range.high, range.minus_low);
      range.minus_low = 0;
    }
    range.high = warp_max(range.high);
  }
  __device__ bool is_asymmetric() const { return p_.scale.kind == ScaleKind::DynamicAsymmetric; }
  __device__ __forceinline__ RowRange<C> row_range(int phase) const {
    return exchange_.range(phase, is_asymmetric());
  }

  static __device__ __forceinline__ void add_range(RowRange<C>& range, const Values<C>& v) {
#pragma unroll
    for (int e = 0; e < kChunkElements; ++e) range.add(v.value[e]);
  }

  __device__ __forceinline__ RowRange<C> plain_range() {
    WarpPost<C> post;
    if constexpr (S::kHoldsElements) {
      PairRange<TIn> range;
      each<true>([&](std::int64_t, const Held& chunk) { range.add(chunk); });
      post.range = range.range();
    } else {
      each<true>([&](std::int64_t, const Held& v) { add_range(post.range, v); });
    }
    reduce(post.range);
    exchange_.share(0, post);
    return row_range(0);
  }

  /// One step finds the range of h and the sum of squares. q does not depend on that: the thread
  /// that stores the scale alone makes rstd of it, unless the norm is stored or the scale static.
  __device__ __forceinline__ void rms_norm() {
    WarpPost<C> post;
    sum_groups<true>(post, [&](C& sum, std::int64_t at, Values<C>& v) {
#pragma unroll
      for (int e = 0; e < kChunkElements; ++e) sum = fma_rn(v.value[e], v.value[e], sum);
      source_.normalize(v, at, C(0), C(1));
      add_range(post.range, v);
    });
    reduce(post.range);
    exchange_.share(0, post);
    const C sum = row_sum(0);
    Norm norm{row_range(0)};
    norm.squares = sum;
    const bool is_static = p_.scale.kind == ScaleKind::Static;
    if (is_static || p_.source.normed_out != nullptr) norm.rstd = deviation(sum);
    store(quantizer(norm, !RowRange<C>::finite(sum), is_static ? norm.rstd : C(1)), norm);
  }

  __device__ __forceinline__ RowQuantizer<C> quantizer(const Norm& norm, bool is_nan,
                                                       C factor) const {
    return RowQuantizer<C>(p_, row_ < p_.rows.m ? row_ : 0, norm.range, is_nan, factor);
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
  __device__ __forceinline__ Norm layer_norm() {
    Norm norm;
    WarpPost<C> sums;
    sum_groups<true>(sums, [](C& sum, std::int64_t, Values<C>& v) {
#pragma unroll
      for (int e = 0; e < kChunkElements; ++e) sum = add_rn(sum, v.value[e]);
    });
    exchange_.share(0, sums);
    const C sum = row_sum(0);
    norm.mean = mean_of(sum);

    WarpPost<C> squares;
    sum_groups<false>(squares, [&](C& square, std::int64_t at, Values<C>& v) {
      const int in_row = source_.count(at);
#pragma unroll
      for (int e = 0; e < kChunkElements; ++e) {
        const C d = e < in_row ? add_rn(v.value[e], -norm.mean) : C(0);
        square = fma_rn(d, d, square);
      }
    });
    exchange_.share(1, squares);
    norm.rstd = deviation(row_sum(1));
    if (!RowRange<C>::finite(sum)) norm.rstd = TinyRow<C>::quiet_nan();

    WarpPost<C> post;
    each<false>([&](std::int64_t at, Values<C>& v) {
      source_.normalize(v, at, norm.mean, norm.rstd);
      add_range(post.range, v);
    });
    reduce(post.range);
    exchange_.share(2, post);
    norm.range = row_range(2);
    return norm;
  }

  __device__ __forceinline__ void store(const RowQuantizer<C>& quantizer, const Norm& norm) {
    std::int8_t* q = p_.rows.q + (k_ > 0 ? row_ * p_.rows.ldq : 0);
    int sum = 0;
    each<false>([&](std::int64_t at, Held& v) {
      if constexpr (S::kMayBeNorm) {
        if (!kHeld) source_.normalize(v, at, norm.mean, norm.rstd);
        source_.store_normed(v, at, norm.rstd);
      }
      const uint4 chunk = quantizer.quantize(S::computed(v).value);
      store_chunk(q, at, k_, options_.rows.q_aligned, chunk);
      if (p_.scale.sum_out != nullptr) add_chunk(sum, chunk, source_.count(at));
    });
    if (p_.scale.sum_out != nullptr) sum = exchange_.integer_sum(3, sum);
    if (exchange_.thread() != 0 || row_ >= p_.rows.m) return;
    const bool folds = source_.kind() == SourceKind::RmsNorm;
    ptx::st_global(static_cast<C*>(p_.rows.scale) + row_,
                   folds ? quantizer.act_scale(deviation(norm.squares)) : quantizer.act_scale());
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
  S source_;
  Held held_;
};

/// The kernel around a row: `quantize_registers`, `quantize_cluster`, `quantize_shared` and
/// `quantize_two_pass` with a source.
template <class TIn, int kStatic, RowStorage kStorage, bool kCluster>
__device__ __forceinline__ void quantize_fused_row(const FusedQuantizeProblem& p,
                                                   const FusedOptions& options) {
  if (blockIdx.x >= options.rows.row_blocks) {
    return prefetch_weights(p.rows.gemm.prefetch, options.rows.row_blocks);
  }
  const RowExchange<scale_t<TIn>, kCluster> exchange;
  FusedRow<TIn, kStatic, kStorage, kCluster> row(p, options, exchange, blockIdx.x);
  row.prepare();
  wait_and_let_gemm_in(options.rows);
  row.quantize();
  clear_counters(p.rows, options.rows);
}

}  // namespace qlinear::kernels
