#pragma once

#include "activation.hpp"
#include "elements.hpp"
#include "sum.hpp"

#include <qlinear/problem.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

// What is quantized: `h` of a row in C, and `rho`, a factor of the whole row that only the scale
// takes. Rows are computed anew at each look at them, so that nothing needs memory.

namespace qlinear::reference::steps {

/// The `h` of a source, and of norms what their sums say.
template <class TIn, class Elements>
struct SourceRow {
  using C = scale_t<TIn>;

  C operator[](std::int64_t k) const { return elements(k); }

  Elements elements;
  C rho = 1;               ///< Of RMSNorm `rstd`.
  bool folds_rho = false;  ///< `h * rho` is meant.
  bool is_nan = false;     ///< The sums of a norm are not finite.
};

template <class TIn, class Elements>
SourceRow<TIn, Elements> source_row(const Elements& elements) {
  return {elements};
}

/// `sum / k`, 0 for a row without elements.
template <class C>
C mean_of(C sum, std::int64_t k) {
  return k == 0 ? C{0} : sum / static_cast<C>(k);
}

/// `1 / sqrt(sum / k + eps)`, NaN for a sum that is not finite.
template <class C>
C reciprocal_deviation(C sum, std::int64_t k, double eps) {
  if (!std::isfinite(sum)) return std::numeric_limits<C>::quiet_NaN();
  const C mean_square = mean_of(sum, k);
  return C{1} / std::sqrt(mean_square + static_cast<C>(eps));
}

/// What a norm normalises: the activation, or `residual_out` once the residual has been added.
template <class TIn>
MixedRow<TIn> normalised_row(const SourceDescriptor& source, const TensorRef<TIn, 2>& activation,
                             const SourceTensors<TIn>& tensors, std::int64_t m) {
  const MixedRow<TIn> x(tensor_view(activation), m);
  if (!source.residual) return x;
  const MixedRow<TIn> residual(tensors.residual, m);
  const MixedRow<TIn> sum(tensors.residual_out, m);
  for (std::int64_t k = 0; k < activation.shape[1]; ++k) sum.set(k, x[k] + residual[k]);
  return sum;
}

template <class TIn>
auto rms_norm_row(const SourceDescriptor& source, const MixedRow<TIn>& r,
                  const SourceTensors<TIn>& tensors, std::int64_t k_count) {
  using C = scale_t<TIn>;
  const MixedRow<TIn> weight(tensors.norm_weight);
  auto row = source_row<TIn>([=](std::int64_t k) {
    if (!weight) return r[k];
    const C w = weight[k];
    return r[k] * (source.unit_offset ? w + 1 : w);
  });
  const C sum =
      ordered_sum<C>(k_count, [&](C s, std::int64_t k) { return std::fma(r[k], r[k], s); });
  row.rho = reciprocal_deviation(sum, k_count, source.eps);
  row.folds_rho = true;
  row.is_nan = !std::isfinite(sum);
  return row;
}

template <class TIn>
auto layer_norm_row(const SourceDescriptor& source, const MixedRow<TIn>& r,
                    const SourceTensors<TIn>& tensors, std::int64_t k_count) {
  using C = scale_t<TIn>;
  const C sum = ordered_sum<C>(k_count, [&](C s, std::int64_t k) { return s + r[k]; });
  const C mean = mean_of(sum, k_count);
  const C squares = ordered_sum<C>(k_count, [&](C s, std::int64_t k) {
    const C d = r[k] - mean;
    return std::fma(d, d, s);
  });
  const C rstd = reciprocal_deviation(squares, k_count, source.eps);
  const MixedRow<TIn> weight(tensors.norm_weight);
  const MixedRow<TIn> bias(tensors.norm_bias);
  auto row = source_row<TIn>([=](std::int64_t k) {
    const C d = r[k] - mean;
    const C normalised = d * rstd;
    return std::fma(normalised, weight ? weight[k] : C{1}, bias ? bias[k] : -C{0});
  });
  row.is_nan = !std::isfinite(sum) || !std::isfinite(squares);
  return row;
}

/// `T(T(f(gate)) * up)`.
template <class TIn>
scale_t<TIn> gated(ActivationFunction function, scale_t<TIn> gate, scale_t<TIn> up) {
  return rounded_to<TIn>(rounded_to<TIn>(activate(function, gate)) * up);
}

/// Calls `use` with the source's row `m`, once `residual_out` has it.
template <class TIn, class Use>
void with_source_row(const SourceDescriptor& source, const DynamicRangeQuantizeArgs<TIn, S8>& args,
                     std::int64_t m, const Use& use) {
  const std::int64_t k_count = args.quantized.shape[1];
  const TIn* const x = row(args.activation, m);
  const auto normalised = [&] { return normalised_row(source, args.activation, args.source, m); };
  switch (source.kind) {
    case SourceKind::Plain:
      return use(source_row<TIn>([=](std::int64_t k) { return widen(x[k]); }));
    case SourceKind::ColumnFactor: {
      const auto* const factor = args.source.column_factor.data;
      return use(source_row<TIn>([=](std::int64_t k) { return widen(x[k]) * factor[k]; }));
    }
    case SourceKind::RmsNorm:
      return use(rms_norm_row(source, normalised(), args.source, k_count));
    case SourceKind::LayerNorm:
      return use(layer_norm_row(source, normalised(), args.source, k_count));
    case SourceKind::Gated:
      return use(source_row<TIn>([=, function = source.function](std::int64_t k) {
        return gated<TIn>(function, widen(x[k]), widen(x[k_count + k]));
      }));
  }
}

/// `T(h * rho)`, which is NaN throughout where the sums of the norm are not finite.
template <class TIn, class Source>
void store_norm(const Source& source, std::int64_t k_count, TIn* normed_out) {
  for (std::int64_t k = 0; k < k_count; ++k) {
    const auto h = source[k];
    store(source.is_nan ? std::numeric_limits<scale_t<TIn>>::quiet_NaN()
                        : (source.folds_rho ? h * source.rho : h),
          normed_out[k]);
  }
}

}  // namespace qlinear::reference::steps
