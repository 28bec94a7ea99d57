#pragma once

#include "model.hpp"

#include <cuda_runtime_api.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <variant>

// What a layer does beside its linears, once for both back ends. A step is a grid of blocks of
// threads in phases: all threads of a block finish a phase before one begins the next. The device
// runs a step as a kernel with a barrier between phases, the CPU as loops over the same functions.
// Every operation rounds once and every sum has one order, so both give the same bits.

namespace qlinear::engine {

struct Grid {
  int blocks = 0;
  int threads = 0;
  int shared_floats = 0;  ///< Memory that the threads of a block share.
};

/// A thread of a block.
struct Place {
  int block = 0;
  int thread = 0;
  int threads = 0;
};

/// What a row of a batch is: a token of the sequence in a slot of the cache. All arrays are [rows].
struct BatchRows {
  int count = 0;
  const std::int32_t* tokens = nullptr;
  const std::int32_t* slots = nullptr;
  const std::int32_t* positions = nullptr;
};

/// Keys and values of one layer: [slots, capacity, heads, head_dim].
struct KeyValueCache {
  float* keys = nullptr;
  float* values = nullptr;
  int capacity = 0;  ///< Positions of a slot.
  int heads = 0;
  int head_dim = 0;

  __host__ __device__ std::int64_t offset(int slot, int position, int head) const {
    return ((std::int64_t{slot} * capacity + position) * heads + head) * head_dim;
  }
};

/// hidden = the embeddings of the tokens; residual = 0.
struct Embed {
  static constexpr int kPhases = 1;
  BatchRows rows;
  int width = 0;
  const float* embeddings = nullptr;
  float* hidden = nullptr;
  float* residual = nullptr;

  Grid grid() const { return {rows.count, 64, 0}; }
  __host__ __device__ void run(int, Place at, float*) const {
    const std::int64_t from = std::int64_t{rows.tokens[at.block]} * width;
    const std::int64_t to = std::int64_t{at.block} * width;
    for (int i = at.thread; i < width; i += at.threads) {
      hidden[to + i] = embeddings[from + i];
      residual[to + i] = 0;
    }
  }
};

/// Turns queries and keys by their positions: queries where they are, keys on the way to the cache,
/// where values go, too.
struct Rotate {
  static constexpr int kPhases = 1;
  BatchRows rows;
  int query_heads = 0;
  float* qkv = nullptr;           ///< [rows, query_heads + 2 cache.heads, head_dim]
  const float* cosine = nullptr;  ///< [positions, head_dim / 2]
  const float* sine = nullptr;    ///< Likewise.
  KeyValueCache cache;

  Grid grid() const { return {rows.count, 64, 0}; }
  __host__ __device__ void run(int, Place at, float*) const {
    const int position = rows.positions[at.block];
    const int dim = cache.head_dim;
    const int half = dim / 2;
    const int rotated = query_heads + cache.heads;
    float* const row = qkv + std::int64_t{at.block} * (rotated + cache.heads) * dim;
    const std::int64_t cached = cache.offset(rows.slots[at.block], position, 0);
    for (int i = at.thread; i < rotated * half; i += at.threads) {
      const int head = i / half;
      const int pair = i % half;
      const float c = cosine[std::int64_t{position} * half + pair];
      const float s = sine[std::int64_t{position} * half + pair];
      const float a = row[head * dim + pair];
      const float b = row[head * dim + pair + half];
      float* const out =
          head < query_heads ? row + head * dim : cache.keys + cached + (head - query_heads) * dim;
      out[pair] = a * c - b * s;
      out[pair + half] = b * c + a * s;
    }
    for (int i = at.thread; i < cache.heads * dim; i += at.threads) {
      cache.values[cached + i] = row[rotated * dim + i];
    }
  }
};

/// exp(x) for x <= 0, to about an ulp; below -87 what it is there. A NaN stays one.
__host__ __device__ inline float exponential(float x) {
  if (x != x) return x;
  const float c = fmaxf(x, -87.0F);
  const float n = rintf(c * 0x1.715476p+0F);
  float r = fmaf(n, -0x1.62e4p-1F, c);
  r = fmaf(n, -0x1.7f7d1cp-20F, r);
  float p = 0x1.6a23d0p-10F;
  p = fmaf(p, r, 0x1.123a20p-7F);
  p = fmaf(p, r, 0x1.5558f4p-5F);
  p = fmaf(p, r, 0x1.555490p-3F);
  p = fmaf(p, r, 0x1.fffffcp-2F);
  p = fmaf(p, r, 1.0F);
  return ldexpf(fmaf(p, r, 1.0F), static_cast<int>(n));
}

/// Eight sums of every eighth product, then a tree. `size` is a multiple of 8.
__host__ __device__ inline float dot(const float* a, const float* b, int size) {
  float sums[8] = {};
  for (int i = 0; i < size; i += 8) {
    for (int lane = 0; lane < 8; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (int distance = 4; distance > 0; distance /= 2) {
    for (int lane = 0; lane < distance; ++lane) sums[lane] += sums[lane + distance];
  }
  return sums[0];
}

/// Causal attention of each row and query head over the positions of its slot up to its own. Groups
/// of query heads share a head of keys and values. A block is a row and a head.
struct Attend {
  static constexpr int kPhases = 4;
  static constexpr int kLanes = 32;  ///< Threads that share a sum: lane l adds l, l + 32, ...
  BatchRows rows;
  int query_heads = 0;
  float scale = 0;
  const float* qkv = nullptr;  ///< As `Rotate` left it.
  KeyValueCache cache;
  float* output = nullptr;  ///< [rows, query_heads * head_dim]

  Grid grid() const { return {rows.count * query_heads, 64, 2 * kLanes + cache.capacity}; }
  __host__ __device__ void run(int phase, Place at, float* shared) const {
    const int row = at.block / query_heads;
    const int head = at.block % query_heads;
    const int count = rows.positions[row] + 1;
    const std::int64_t first = cache.offset(rows.slots[row], 0, head / (query_heads / cache.heads));
    float* const lane_max = shared;
    float* const lane_sum = shared + kLanes;
    float* const weights = shared + 2 * kLanes;
    if (phase == 0) scores(at, cache.keys + first, count, weights);
    if (phase == 1 && at.thread < kLanes) find_max(at.thread, count, weights, lane_max);
    if (phase == 2 && at.thread < kLanes) {
      exponentials(at.thread, count, lane_max, weights, lane_sum);
    }
    if (phase == 3) mix(at, cache.values + first, count, lane_sum, weights);
  }

 private:
  __host__ __device__ int stride() const { return cache.heads * cache.head_dim; }
  __host__ __device__ void scores(Place at, const float* keys, int count, float* weights) const {
    const int row = at.block / query_heads;
    const int head = at.block % query_heads;
    const float* const q =
        qkv + (std::int64_t{row} * (query_heads + 2 * cache.heads) + head) * cache.head_dim;
    for (int i = at.thread; i < count; i += at.threads) {
      weights[i] = dot(q, keys + std::int64_t{i} * stride(), cache.head_dim) * scale;
    }
  }
  static __host__ __device__ void find_max(int lane, int count, const float* weights,
                                           float* lane_max) {
    float max = weights[0];
    for (int i = lane; i < count; i += kLanes) max = fmaxf(max, weights[i]);
    lane_max[lane] = max;
  }
  static __host__ __device__ void exponentials(int lane, int count, const float* lane_max,
                                               float* weights, float* lane_sum) {
    float max = lane_max[0];
    for (int i = 1; i < kLanes; ++i) max = fmaxf(max, lane_max[i]);
    float sum = 0;
    for (int i = lane; i < count; i += kLanes) {
      weights[i] = exponential(weights[i] - max);
      sum += weights[i];
    }
    lane_sum[lane] = sum;
  }
  __host__ __device__ void mix(Place at, const float* values, int count, const float* lane_sum,
                               const float* weights) const {
    float total = 0;
    for (int i = 0; i < kLanes; ++i) total += lane_sum[i];
    for (int d = at.thread; d < cache.head_dim; d += at.threads) {
      float sum = 0;
      for (int i = 0; i < count; ++i) sum += weights[i] * values[std::int64_t{i} * stride() + d];
      output[std::int64_t{at.block} * cache.head_dim + d] = sum / total;
    }
  }
};

/// The rows whose logits are wanted, together.
struct Gather {
  static constexpr int kPhases = 1;
  int count = 0;
  int width = 0;
  const std::int32_t* wanted = nullptr;  ///< [count]: rows of `hidden` and `residual`.
  const float* hidden = nullptr;
  const float* residual = nullptr;
  float* wanted_hidden = nullptr;
  float* wanted_residual = nullptr;

  Grid grid() const { return {count, 64, 0}; }
  __host__ __device__ void run(int, Place at, float*) const {
    const std::int64_t from = std::int64_t{wanted[at.block]} * width;
    const std::int64_t to = std::int64_t{at.block} * width;
    for (int i = at.thread; i < width; i += at.threads) {
      wanted_hidden[to + i] = hidden[from + i];
      wanted_residual[to + i] = residual[from + i];
    }
  }
};

/// The token of the largest logit of each row, the first of equal ones; -1 where all are NaN.
struct Argmax {
  static constexpr int kPhases = 2;
  int rows = 0;
  int vocabulary = 0;  ///< Below 2^24, up to which a float counts.
  const float* logits = nullptr;
  std::int32_t* tokens = nullptr;

  Grid grid() const { return {rows, 64, 64}; }
  __host__ __device__ void run(int phase, Place at, float* shared) const {
    const float* const row = logits + std::int64_t{at.block} * vocabulary;
    int best = -1;
    const auto take = [&](int token) {
      if (token < 0) return;
      const float candidate = row[token];
      const float reigning = best < 0 ? -INFINITY : row[best];
      if (candidate > reigning || (candidate == reigning && (best < 0 || token < best)))
        best = token;
    };
    if (phase == 0) {
      for (int i = at.thread; i < vocabulary; i += at.threads) take(i);
      shared[at.thread] = static_cast<float>(best);
    } else if (at.thread == 0) {
      for (int i = 0; i < at.threads; ++i) take(static_cast<int>(shared[i]));
      tokens[at.block] = best;
    }
  }
};

using Step = std::variant<Embed, Rotate, Attend, Gather, Argmax>;

}  // namespace qlinear::engine
