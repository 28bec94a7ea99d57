#pragma once

#include <epilogue/activation.cuh>
#include <ptx/require.cuh>
#include <quantize/fused_problem.hpp>
#include <quantize/row_chunk.cuh>

namespace qlinear::kernels {

/// Which tensors have rows that begin on 16-byte boundaries.
struct SourceAlignment {
  bool x;
  bool up;  ///< The second half of a gated row.
  bool column_factor;
  bool norm_weight;
  bool norm_bias;
  bool residual;
  bool residual_out;
  bool normed_out;
  /// All that a norm reads and writes for its sums, of type T, in rows of whole chunks.
  bool norm;
};

template <class TIn>
SourceAlignment source_alignment(const FusedQuantizeProblem& p) {
  using C = scale_t<TIn>;
  const SourceParameters& s = p.source;
  const auto aligned = [](const void* data, std::int64_t ld, bool in_compute_type) {
    const auto bytes = static_cast<std::int64_t>(in_compute_type ? sizeof(C) : sizeof(TIn));
    return rows_are_16_byte_aligned(data, ld * bytes);
  };
  const auto* up = static_cast<const TIn*>(p.rows.x) + p.rows.k;
  SourceAlignment a{aligned(p.rows.x, p.rows.ldx, false),
                    s.kind != SourceKind::Gated || aligned(up, p.rows.ldx, false),
                    aligned(s.column_factor, 0, true),
                    aligned(s.norm_weight, 0, s.norm_weight_in_compute_type),
                    aligned(s.norm_bias, 0, s.norm_weight_in_compute_type),
                    aligned(s.residual, s.ld_residual, s.residual_in_compute_type),
                    aligned(s.residual_out, s.ld_residual_out, s.residual_in_compute_type),
                    aligned(s.normed_out, s.ld_normed_out, false),
                    false};
  a.norm = p.rows.k % kChunkElements == 0 && a.x && a.norm_weight && a.norm_bias && a.residual &&
           a.residual_out && !s.norm_weight_in_compute_type && !s.residual_in_compute_type &&
           (s.kind == SourceKind::RmsNorm || s.kind == SourceKind::LayerNorm);
  return a;
}

/// The source of a kernel that takes any: it reads `SourceParameters::kind`.
inline constexpr int kAnySource = -1;

/// Sixteen neighbouring elements of a row in the compute type, with zeros past its end.
template <class C>
struct Values {
  C value[kChunkElements];
};

/// `T(v)` of all, for types of 16 bits.
template <class T>
__device__ __forceinline__ Chunk<T> chunk_of(const float (&values)[kChunkElements]) {
  Chunk<T> chunk;
#pragma unroll
  for (int w = 0; w < Chunk<T>::kWords; ++w) {
    chunk.word[w] = pair_bits<T>(values[2 * w], values[2 * w + 1]);
  }
  return chunk;
}

template <class T>
__device__ __forceinline__ Values<scale_t<T>> values_of(const Chunk<T>& chunk) {
  Values<scale_t<T>> values;
#pragma unroll
  for (int e = 0; e < kChunkElements; ++e) {
    if constexpr (sizeof(T) == 2) {
      const unsigned word = chunk.word[e / 2];
      values.value[e] =
          e % 2 == 0 ? Element<T>::low_to_compute(word) : Element<T>::high_to_compute(word);
    } else {
      values.value[e] = Element<T>::to_compute(chunk_element(chunk, e));
    }
  }
  return values;
}

// Rows that are not aligned, and ends of rows, go element by element through functions that are not
// inlined: there is a place that loads or stores for each tensor of each source.

/// Loads elements `first` to `first + 15` of a row of length `k`.
template <class T, class C>
[[gnu::noinline]] __device__ Values<C> load_values_by_element(const T* row, std::int64_t first,
                                                              std::int64_t k) {
  Values<C> values;
#pragma unroll 1
  for (int e = 0; e < kChunkElements; ++e) {
    values.value[e] = first + e < k
                          ? static_cast<C>(Element<T>::to_compute(ptx::ld_global(row + first + e)))
                          : C(0);
  }
  return values;
}

template <class T, class C>
[[gnu::noinline]] __device__ void store_values_by_element(T* target, const Values<C>& values,
                                                          int count) {
#pragma unroll 1
  for (int e = 0; e < kChunkElements; ++e) {
    if (e < count) ptx::st_global(target + e, Element<T>::from_compute(values.value[e]));
  }
}

/// Loads the same as they are.
template <class T>
[[gnu::noinline]] __device__ Chunk<T> load_chunk_out_of_line(const T* row, std::int64_t first,
                                                             std::int64_t k) {
  Chunk<T> chunk;
  load_chunk_by_element(chunk, row, first, k);
  return chunk;
}

/// `activate` for kernels that take any source.
template <class C>
[[gnu::noinline]] __device__ C activate_out_of_line(ActivationFunction function, C y) {
  return activate(function, y);
}

/// Stores the `count` elements of `values` that are in the row.
template <class T, class C>
__device__ __forceinline__ void store_values(T* target, const Values<C>& values, int count,
                                             bool aligned) {
  constexpr int kWidth = 16 / static_cast<int>(sizeof(T));
  union Piece {
    uint4 word;
    T element[kWidth];
    __device__ Piece() : word{} {}
  };
  if (aligned && count >= kChunkElements) {
#pragma unroll
    for (int first = 0; first < kChunkElements; first += kWidth) {
      Piece piece;
#pragma unroll
      for (int e = 0; e < kWidth; ++e) {
        piece.element[e] = Element<T>::from_compute(values.value[first + e]);
      }
      ptx::st_global(reinterpret_cast<uint4*>(target + first), piece.word);
    }
    return;
  }
  const Values<C> in_memory = values;
  store_values_by_element(target, in_memory, count);
}

/// What the contract calls r and h of one row. `kStatic` is a `SourceKind`, which the compiler then
/// knows, or `kAnySource`.
template <class TIn, int kStatic>
class Source {
 public:
  using C = scale_t<TIn>;

  /// Whether every h is an element of TIn, which takes half of the registers of a C.
  static constexpr bool kHoldsElements =
      sizeof(TIn) == 2 && (kStatic == static_cast<int>(SourceKind::Plain) ||
                           kStatic == static_cast<int>(SourceKind::Gated));
  /// What a thread keeps of a chunk.
  using Held = std::conditional_t<kHoldsElements, Chunk<TIn>, Values<C>>;
  static constexpr bool kMayBeNorm = kStatic == kAnySource ||
                                     kStatic == static_cast<int>(SourceKind::RmsNorm) ||
                                     kStatic == static_cast<int>(SourceKind::LayerNorm);

  __device__ Source(const FusedQuantizeProblem& p, const SourceAlignment& aligned, std::int64_t row,
                    std::int64_t k)
      : p_(p.source),
        aligned_(aligned),
        row_(k > 0 ? row : 0),
        k_(k),
        x_(static_cast<const TIn*>(p.rows.x) + row_ * p.rows.ldx) {}

  __device__ SourceKind kind() const {
    if constexpr (kStatic == kAnySource) {
      return p_.kind;
    } else {
      return static_cast<SourceKind>(kStatic);
    }
  }
  __device__ bool is_norm() const {
    return kind() == SourceKind::RmsNorm || kind() == SourceKind::LayerNorm;
  }
  __device__ C eps() const { return static_cast<C>(p_.eps); }

  /// Elements of the row from `first` on, at most a chunk.
  __device__ int count(std::int64_t first) const {
    return static_cast<int>(k_ - first < kChunkElements ? k_ - first : kChunkElements);
  }

  /// Requests all that a chunk is computed from, before any of it is waited for.
  __device__ __forceinline__ void fetch(std::int64_t first) {
    if constexpr (kHoldsElements) {
      fetch_chunk(fetched_.x, x_, first, aligned_.x);
      if (kind() == SourceKind::Gated) fetch_chunk(fetched_.second, x_ + k_, first, aligned_.up);
    } else if constexpr (kFetches) {
      if (!aligned_.norm) return;
      load_aligned_chunk(fetched_.x, x_, first);
      if (p_.residual != nullptr) {
        load_aligned_chunk(fetched_.second,
                           static_cast<const TIn*>(p_.residual) + row_ * p_.ld_residual, first);
      }
      if (kind() == SourceKind::RmsNorm && p_.norm_weight != nullptr) {
        load_aligned_chunk(fetched_.weight, static_cast<const TIn*>(p_.norm_weight), first);
      }
    }
  }

  /// Returns r of a norm, and stores it if there is a residual; h of every other source. `fetch`
  /// was called for the chunk.
  __device__ __forceinline__ Held load(std::int64_t first) const {
    if constexpr (kHoldsElements) {
      if constexpr (kStatic == static_cast<int>(SourceKind::Plain)) {
        return fetched_.x;
      } else {
        Values<C> v = values_of(fetched_.x);
        gate(v, values_of(fetched_.second));
        return chunk_of<TIn>(v.value);
      }
    } else {
      return load_values(first);
    }
  }

  /// Returns the same once more: where there is a residual, what was stored.
  __device__ __forceinline__ Held reload(std::int64_t first) const {
    if constexpr (kMayBeNorm) {
      if (is_norm() && p_.residual != nullptr) {
        return p_.residual_in_compute_type
                   ? load_row<C>(residual_out<C>(), first, aligned_.residual_out)
                   : load_row<TIn>(residual_out<TIn>(), first, aligned_.residual_out);
      }
    }
    return load(first);
  }

  /// Returns what is kept in the compute type.
  static __device__ __forceinline__ const Values<C>& computed(const Values<C>& held) {
    return held;
  }
  static __device__ __forceinline__ Values<C> computed(const Chunk<TIn>& held) {
    return values_of(held);
  }

  /// Makes h of r.
  __device__ __forceinline__ void normalize(Values<C>& v, std::int64_t first, C mean,
                                            C rstd) const {
    if (kind() == SourceKind::RmsNorm && p_.norm_weight != nullptr) {
      Values<C> weight = kFetches && aligned_.norm
                             ? values_of(fetched_.weight)
                             : load_norm(p_.norm_weight, first, aligned_.norm_weight);
      if (p_.unit_offset) {
#pragma unroll
        for (C& w : weight.value) w = add_rn(w, C(1));
      }
      multiply(v, weight);
    }
    if (kind() == SourceKind::LayerNorm) layer_norm(v, first, mean, rstd);
  }

  /// Stores the norm: h times the factor of the row, which LayerNorm has in h.
  __device__ __forceinline__ void store_normed(const Values<C>& h, std::int64_t first,
                                               C rho) const {
    if (!is_norm() || p_.normed_out == nullptr) return;
    Values<C> normed = h;
    if (kind() == SourceKind::RmsNorm) {
#pragma unroll
      for (C& v : normed.value) v = multiply_rn(v, rho);
    }
    store_values(static_cast<TIn*>(p_.normed_out) + row_ * p_.ld_normed_out + first, normed,
                 count(first), aligned_.normed_out);
  }

  /// Has the parameters that the source reads loaded: cold ones take a miss for each line of them.
  __device__ void require_parameters() const {
    ptx::require(reinterpret_cast<std::uint64_t>(p_.norm_weight));
    ptx::require(reinterpret_cast<std::uint64_t>(p_.residual_out));
    ptx::require(static_cast<std::uint64_t>(p_.eps));
  }

  /// Fetches lines of the row to the L2, every `threads`-th from `thread` on. It runs before the
  /// wait for the kernels that write them.
  __device__ void prefetch(unsigned thread, unsigned threads) const {
    const std::int64_t row = k_ * (kind() == SourceKind::Gated ? 2 : 1);
    prefetch_lines(x_, row * static_cast<std::int64_t>(sizeof(TIn)), thread, threads);
    if (!is_norm()) return;
    const auto weight_bytes =
        static_cast<std::int64_t>(p_.norm_weight_in_compute_type ? sizeof(C) : sizeof(TIn));
    if (p_.norm_weight != nullptr) {
      prefetch_lines(p_.norm_weight, k_ * weight_bytes, thread, threads);
    }
    if (p_.norm_bias != nullptr) prefetch_lines(p_.norm_bias, k_ * weight_bytes, thread, threads);
    if (p_.residual != nullptr) {
      const auto bytes =
          static_cast<std::int64_t>(p_.residual_in_compute_type ? sizeof(C) : sizeof(TIn));
      prefetch_lines(static_cast<const unsigned char*>(p_.residual) + row_ * p_.ld_residual * bytes,
                     k_ * bytes, thread, threads);
    }
  }

 private:
  static __device__ void prefetch_lines(const void* data, std::int64_t bytes, unsigned thread,
                                        unsigned threads) {
    for (std::int64_t i = thread * kCacheLineBytes; i < bytes; i += threads * kCacheLineBytes) {
      ptx::prefetch_l2(static_cast<const unsigned char*>(data) + i);
    }
  }

  /// Without `aligned` or past the end of the row it goes element by element.
  __device__ __forceinline__ void fetch_chunk(Chunk<TIn>& chunk, const TIn* row, std::int64_t first,
                                              bool aligned) const {
    if (aligned && first + kChunkElements <= k_) {
      load_aligned_chunk(chunk, row, first);
    } else {
      chunk = load_chunk_out_of_line(row, first, k_);
    }
  }

  __device__ __forceinline__ Values<C> load_values(std::int64_t first) const {
    if (kFetches && aligned_.norm) {
      Values<C> v = values_of(fetched_.x);
      if (p_.residual != nullptr) {
        add<TIn>(v, values_of(fetched_.second));
        store_values(residual_out<TIn>() + first, v, kChunkElements, true);
      }
      return v;
    }
    Values<C> v = load_row<TIn>(x_, first, aligned_.x);
    switch (kind()) {
      case SourceKind::Plain:
        break;
      case SourceKind::ColumnFactor: {
        const auto factor =
            load_row<C>(static_cast<const C*>(p_.column_factor), first, aligned_.column_factor);
        multiply(v, factor);
        break;
      }
      case SourceKind::Gated:
        gate(v, load_row<TIn>(x_ + k_, first, aligned_.up));
        break;
      default:
        if (p_.residual != nullptr) add_residual(v, first);
    }
    return v;
  }

  template <class T>
  __device__ __forceinline__ Values<C> load_row(const T* row, std::int64_t first,
                                                bool aligned) const {
    if (!aligned || first + kChunkElements > k_) {
      return load_values_by_element<T, C>(row, first, k_);
    }
    Chunk<T> chunk;
    load_aligned_chunk(chunk, row, first);
    return values_of(chunk);
  }

  __device__ __forceinline__ Values<C> load_norm(const void* weights, std::int64_t first,
                                                 bool aligned) const {
    if (p_.norm_weight_in_compute_type) {
      return load_row<C>(static_cast<const C*>(weights), first, aligned);
    }
    return load_row<TIn>(static_cast<const TIn*>(weights), first, aligned);
  }

  static __device__ __forceinline__ void multiply(Values<C>& v, const Values<C>& by) {
#pragma unroll
    for (int e = 0; e < kChunkElements; ++e) v.value[e] = multiply_rn(v.value[e], by.value[e]);
  }

  /// Makes h of gates and ups; where elements are held, their last rounding is left to `load`.
  __device__ __forceinline__ void gate(Values<C>& v, const Values<C>& up) const {
    if constexpr (kStatic == kAnySource) {
#pragma unroll
      for (C& g : v.value) g = activate_out_of_line(p_.function, g);
      round_all<TIn>(v.value);
    } else {
      // More at once would take registers of the GEMM's, which starts beside this kernel.
      constexpr int kAtOnce = 8;
#pragma unroll
      for (int first = 0; first < kChunkElements; first += kAtOnce) {
        C values[kAtOnce];
#pragma unroll
        for (int e = 0; e < kAtOnce; ++e) values[e] = v.value[first + e];
        activate_values(p_.function, values);
        round_all<TIn>(values);
#pragma unroll
        for (int e = 0; e < kAtOnce; ++e) v.value[first + e] = values[e];
      }
    }
    multiply(v, up);
    if constexpr (!kHoldsElements) round_all<TIn>(v.value);
  }

  template <class T>
  __device__ T* residual_out() const {
    return static_cast<T*>(p_.residual_out) + row_ * p_.ld_residual_out;
  }

  template <class T>
  static __device__ __forceinline__ void add(Values<C>& v, const Values<C>& residual) {
#pragma unroll
    for (int e = 0; e < kChunkElements; ++e) v.value[e] = add_rn(v.value[e], residual.value[e]);
    round_all<T>(v.value);
  }

  template <class T>
  __device__ __forceinline__ void add_and_store(Values<C>& v, std::int64_t first) const {
    const auto residual = load_row<T>(static_cast<const T*>(p_.residual) + row_ * p_.ld_residual,
                                      first, aligned_.residual);
#pragma unroll
    for (int e = 0; e < kChunkElements; ++e) v.value[e] = add_rn(v.value[e], residual.value[e]);
    round_all<T>(v.value);
    store_values(residual_out<T>() + first, v, count(first), aligned_.residual_out);
  }

  __device__ __forceinline__ void add_residual(Values<C>& v, std::int64_t first) const {
    if (p_.residual_in_compute_type) {
      add_and_store<C>(v, first);
    } else {
      add_and_store<TIn>(v, first);
    }
  }

  __device__ __forceinline__ void layer_norm(Values<C>& v, std::int64_t first, C mean,
                                             C rstd) const {
    Values<C> weight;
    Values<C> bias;
#pragma unroll
    for (int e = 0; e < kChunkElements; ++e) {
      weight.value[e] = C(1);
      bias.value[e] = C(-0.0);
    }
    if (p_.norm_weight != nullptr) weight = load_norm(p_.norm_weight, first, aligned_.norm_weight);
    if (p_.norm_bias != nullptr) bias = load_norm(p_.norm_bias, first, aligned_.norm_bias);
    const int in_row = count(first);
#pragma unroll
    for (int e = 0; e < kChunkElements; ++e) {
      const C normal = multiply_rn(add_rn(v.value[e], -mean), rstd);
      v.value[e] = e < in_row ? fma_rn(normal, weight.value[e], bias.value[e]) : C(0);
    }
  }

  /// Kernels for one source hold what they have requested; those for any have no registers for it.
  static constexpr bool kFetches = kStatic != kAnySource;
  struct Fetched {
    Chunk<TIn> x;
    Chunk<TIn> second;  ///< The residual, or the ups.
    Chunk<TIn> weight;
  };

  const SourceParameters& p_;
  const SourceAlignment& aligned_;
  std::int64_t row_;
  std::int64_t k_;
  const TIn* x_;
  Fetched fetched_;
};

}  // namespace qlinear::kernels
