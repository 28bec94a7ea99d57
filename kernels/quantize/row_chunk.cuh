#pragma once

#include <ptx/memory.cuh>
#include <quantize/row_scale.cuh>

// Threads hold a row in registers in chunks of 16 elements. A chunk takes 16-byte loads of the
// activation and one 16-byte store of q; one that is not aligned or not whole is moved element by
// element.

namespace qlinear::kernels {

inline constexpr int kChunkElements = 16;

/// Holds 16 elements in 32-bit words. Where two share a word, the first is in the low half.
template <class TIn>
struct Chunk {
  static constexpr int kWords = kChunkElements * static_cast<int>(sizeof(TIn)) / 4;
  unsigned word[kWords];
};

__device__ __forceinline__ float chunk_element(const Chunk<float>& chunk, int e) {
  return __uint_as_float(chunk.word[e]);
}
__device__ __forceinline__ double chunk_element(const Chunk<double>& chunk, int e) {
  return __hiloint2double(static_cast<int>(chunk.word[2 * e + 1]),
                          static_cast<int>(chunk.word[2 * e]));
}
__device__ __forceinline__ unsigned short chunk_half_word(unsigned word, int e) {
  return static_cast<unsigned short>(word >> (e % 2 * 16));
}
__device__ __forceinline__ __half chunk_element(const Chunk<__half>& chunk, int e) {
  return __ushort_as_half(chunk_half_word(chunk.word[e / 2], e));
}
__device__ __forceinline__ __nv_bfloat16 chunk_element(const Chunk<__nv_bfloat16>& chunk, int e) {
  return __ushort_as_bfloat16(chunk_half_word(chunk.word[e / 2], e));
}

/// Reads one element at a time: for rows that are not aligned, and for the end of a row.
template <class TIn>
__device__ __forceinline__ void load_chunk_by_element(Chunk<TIn>& chunk, const TIn* row,
                                                      std::int64_t first, std::int64_t k) {
  using Bits = std::conditional_t<sizeof(TIn) == 2, std::uint16_t, std::uint32_t>;
  constexpr int kPerWord = 4 / static_cast<int>(sizeof(Bits));
  constexpr int kPerElement = static_cast<int>(sizeof(TIn) / sizeof(Bits));
  const auto* source = reinterpret_cast<const Bits*>(row + first);
#pragma unroll
  for (int w = 0; w < Chunk<TIn>::kWords; ++w) {
    chunk.word[w] = 0;
#pragma unroll
    for (int part = 0; part < kPerWord; ++part) {
      const int i = w * kPerWord + part;
      if (first + i / kPerElement < k) {
        chunk.word[w] |= unsigned{ptx::ld_global(source + i)} << (part * 16);
      }
    }
  }
}

/// Loads elements `first` to `first + 15` of a row, all of them in it and 16-byte aligned.
template <class TIn>
__device__ __forceinline__ void load_aligned_chunk(Chunk<TIn>& chunk, const TIn* row,
                                                   std::int64_t first) {
  const auto* source = reinterpret_cast<const uint4*>(row + first);
#pragma unroll
  for (int w = 0; w < Chunk<TIn>::kWords; w += 4) {
    const uint4 v = ptx::ld_global(source + w / 4);
    chunk.word[w] = v.x;
    chunk.word[w + 1] = v.y;
    chunk.word[w + 2] = v.z;
    chunk.word[w + 3] = v.w;
  }
}

/// Loads elements `first` to `first + 15` of a row of length `k`, with zeros past the row.
template <class TIn>
__device__ __forceinline__ void load_chunk(Chunk<TIn>& chunk, const TIn* row, std::int64_t first,
                                           std::int64_t k, bool aligned) {
  if (!aligned || first + kChunkElements > k) {
    load_chunk_by_element(chunk, row, first, k);
  } else {
    load_aligned_chunk(chunk, row, first);
  }
}

__device__ __forceinline__ unsigned max_magnitude(const Chunk<float>& chunk, unsigned running) {
#pragma unroll
  for (const unsigned word : chunk.word) running = max(running, word & 0x7fffffffu);
  return running;
}

__device__ __forceinline__ unsigned long long max_magnitude(const Chunk<double>& chunk,
                                                            unsigned long long running) {
#pragma unroll
  for (int e = 0; e < kChunkElements; ++e) {
    const auto bits =
        static_cast<unsigned long long>(__double_as_longlong(chunk_element(chunk, e)));
    running = max(running, bits & 0x7fffffffffffffffULL);
  }
  return running;
}

/// Compares 16-bit magnitudes two at a time.
template <class TIn>
__device__ __forceinline__ unsigned max_magnitude(const Chunk<TIn>& chunk, unsigned running) {
  static_assert(sizeof(TIn) == 2);
  unsigned pair = 0;
#pragma unroll
  for (const unsigned word : chunk.word) pair = __vmaxu2(pair, word & 0x7fff7fffu);
  return max(running, max(pair & 0xffffu, pair >> 16));
}

/// Packs the low bytes of four words.
__device__ __forceinline__ unsigned pack_low_bytes(unsigned a, unsigned b, unsigned c, unsigned d) {
  return __byte_perm(__byte_perm(a, b, 0x0040), __byte_perm(c, d, 0x0040), 0x5410);
}

template <class TIn>
__device__ __forceinline__ uint4 quantize_chunk(const Chunk<TIn>& chunk,
                                                const RowScale<scale_t<TIn>>& scale, int q_min,
                                                int q_max) {
  using C = scale_t<TIn>;
  const C low = int_to_compute_rn<C>(q_min);
  const C high = int_to_compute_rn<C>(q_max);
  const unsigned mask = scale.finite ? ~0u : 0u;
  unsigned word[4];
#pragma unroll
  for (int w = 0; w < 4; ++w) {
    unsigned q[4];
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      q[e] = quantize_element<TIn>(chunk_element(chunk, w * 4 + e), scale, low, high);
    }
    word[w] = pack_low_bytes(q[0], q[1], q[2], q[3]) & mask;
  }
  return make_uint4(word[0], word[1], word[2], word[3]);
}

__device__ __forceinline__ void store_chunk(std::int8_t* row, std::int64_t first, std::int64_t k,
                                            bool aligned, const uint4& q) {
  if (aligned && first + kChunkElements <= k) {
    ptx::st_global(reinterpret_cast<uint4*>(row + first), q);
    return;
  }
  const unsigned word[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
  for (int e = 0; e < kChunkElements; ++e) {
    if (first + e < k) {
      ptx::st_global(row + first + e, static_cast<std::int8_t>(word[e / 4] >> (e % 4 * 8)));
    }
  }
}

/// Returns whether every row that starts at `data` and steps by `stride_bytes` begins on a 16-byte
/// boundary.
inline bool rows_are_16_byte_aligned(const void* data, std::int64_t stride_bytes) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && stride_bytes % 16 == 0;
}

}  // namespace qlinear::kernels
