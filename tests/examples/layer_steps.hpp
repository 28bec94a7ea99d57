#pragma once

#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <reference/source.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

// What the tests of layers compute them with: linears on the CPU, and on the device with every step
// around the product through memory.

namespace qlinear::test {

template <class T>
struct Weight {
  Weight(std::int64_t rows, std::int64_t columns, std::uint64_t seed, bool has_bias = false)
      : q(make_weight<S8>(rows, columns, Fill::Gaussian, seed)) {
    // Outputs are about as large as inputs, where activation functions bend.
    const double usual = 1 / (74 * std::sqrt(static_cast<double>(columns)));
    Random random(seed + 1);
    scale = make_vector<float>(rows, [&] { return usual * (0.5 + random.uniform()); });
    if (has_bias) bias = make_bias<T>(rows, Fill::Gaussian, seed + 2);
  }

  HostMatrix<S8> q;
  HostMatrix<float> scale;
  HostMatrix<T> bias;  ///< Without elements if there is none.
};

/// A linear and what is around its product.
template <class T>
struct Step {
  const Weight<T>& weight;
  SourceDescriptor source{};
  EpilogueDescriptor epilogue{};
  const HostMatrix<T>* norm_weight = nullptr;
  const HostMatrix<T>* norm_bias = nullptr;
};

template <class T>
QuantizedLinearDescriptor descriptor_of(const Step<T>& step, std::int64_t tokens) {
  QuantizedLinearDescriptor descriptor;
  descriptor.m = tokens;
  descriptor.c_out = step.weight.q.rows();
  descriptor.k = step.weight.q.cols();
  descriptor.source = step.source;
  descriptor.epilogue = step.epilogue;
  return descriptor;
}

/// The vector, or none where it has no elements.
template <class T>
TensorRef<T, 1> vector_or_none(const HostMatrix<T>& vector) {
  return vector.cols() == 0 ? TensorRef<T, 1>{} : vector.vector();
}

/// Matrices beside a linear's activation and output; null where it has none.
template <class T>
struct Beside {
  HostMatrix<T>* source_residual = nullptr;  ///< Replaced by the new one.
  HostMatrix<T>* normed_out = nullptr;
  const HostMatrix<T>* output_residual = nullptr;
};

/// A linear on the CPU.
template <class T>
HostMatrix<T> reference_linear(const Step<T>& step, const TensorRef<T, 2>& x,
                               const Beside<T>& beside = {}) {
  const auto descriptor = descriptor_of(step, x.shape[0]);
  HostMatrix<T> output(descriptor.m, descriptor.c_out);
  HostMatrix<S8> act_q(descriptor.m, descriptor.k);
  HostMatrix<float> act_scale(1, descriptor.m);
  QuantizedLinearArgs<T, S8> args{x,
                                  step.weight.q.matrix(),
                                  step.weight.scale.vector(),
                                  output.matrix(),
                                  act_q.matrix(),
                                  act_scale.vector(),
                                  vector_or_none(step.weight.bias)};
  if (step.norm_weight != nullptr) {
    args.source.norm_weight = tensor_view(step.norm_weight->vector());
  }
  if (step.norm_bias != nullptr) args.source.norm_bias = tensor_view(step.norm_bias->vector());
  if (beside.source_residual != nullptr) {
    args.source.residual = tensor_view(beside.source_residual->matrix());
    args.source.residual_out = args.source.residual;
  }
  if (beside.normed_out != nullptr) {
    *beside.normed_out = HostMatrix<T>(descriptor.m, descriptor.k);
    args.source.normed_out = beside.normed_out->matrix();
  }
  if (beside.output_residual != nullptr) args.epilogue.residual = beside.output_residual->matrix();
  const Status status = reference::quantized_linear(descriptor, args);
  EXPECT_TRUE(status.ok()) << status.message();
  return output;
}

template <class T>
GuardedMatrix<T> on_device(const HostMatrix<T>& values) {
  return {values, {}, kNanPoison};
}

template <class T>
GuardedMatrix<T> poisoned(std::int64_t rows, std::int64_t columns) {
  return {rows, columns, {}, kNanPoison};
}

template <class T>
struct DeviceWeight {
  explicit DeviceWeight(const Weight<T>& weight)
      : q(on_device(weight.q)), scale(on_device(weight.scale)), bias(on_device(weight.bias)) {}

  GuardedMatrix<S8> q;
  GuardedMatrix<float> scale;
  GuardedMatrix<T> bias;
};

/// A linear on the device in a call for each of its halves, with nothing but a norm around it.
template <class T>
HostMatrix<T> separate_linear(const Step<T>& step, const HostMatrix<T>& x,
                              HostMatrix<T>* normed_out = nullptr) {
  const Stream stream;
  const auto descriptor = descriptor_of(step, x.rows());
  const auto plan = QuantizedLinearPlan<T, S8>::select(stream, descriptor).value();
  const DeviceWeight<T> weight(step.weight);
  const auto activation = on_device(x);
  const auto norm_weight = on_device(step.norm_weight ? *step.norm_weight : HostMatrix<T>());
  const auto norm_bias = on_device(step.norm_bias ? *step.norm_bias : HostMatrix<T>());
  const auto normed = poisoned<T>(descriptor.m, descriptor.k);
  const auto output = poisoned<T>(descriptor.m, descriptor.c_out);
  const auto act_q = poisoned<S8>(descriptor.m, descriptor.k);
  const auto act_scale = poisoned<float>(1, descriptor.m);
  const GuardedWorkspace workspace(plan.workspace_size());
  QuantizedLinearArgs<T, S8> args{
      activation.ref(), weight.q.ref(),         weight.scale.vector_ref(), output.mut(),
      act_q.mut(),      act_scale.vector_mut(), weight.bias.vector_ref()};
  args.source.norm_weight = tensor_view(norm_weight.vector_ref());
  args.source.norm_bias = tensor_view(norm_bias.vector_ref());
  if (normed_out != nullptr) args.source.normed_out = normed.mut();
  const Status quantized = plan.quantize_activation(stream, args);
  EXPECT_TRUE(quantized.ok()) << quantized.message();
  EXPECT_TRUE(plan.multiply(stream, workspace.get(), args).ok());
  stream.synchronize();
  if (normed_out != nullptr) *normed_out = normed.download();
  return output.download();
}

template <class T>
HostMatrix<T> sum_of(const HostMatrix<T>& a, const HostMatrix<T>& b) {
  using namespace reference::steps;
  HostMatrix<T> sum(a.rows(), a.cols());
  for (std::size_t i = 0; i < sum.values().size(); ++i) {
    store(widen(a.values()[i]) + widen(b.values()[i]), sum.values()[i]);
  }
  return sum;
}

template <class T>
HostMatrix<T> activated(ActivationFunction function, const HostMatrix<T>& x) {
  using namespace reference::steps;
  HostMatrix<T> y(x.rows(), x.cols());
  for (std::size_t i = 0; i < y.values().size(); ++i) {
    store(activate(function, widen(x.values()[i])), y.values()[i]);
  }
  return y;
}

/// `function(gate) * up`, where a row holds its gates, then its ups.
template <class T>
HostMatrix<T> gated(ActivationFunction function, const HostMatrix<T>& gate_up) {
  HostMatrix<T> products(gate_up.rows(), gate_up.cols() / 2);
  for (std::int64_t m = 0; m < products.rows(); ++m) {
    for (std::int64_t k = 0; k < products.cols(); ++k) {
      using reference::steps::widen;
      reference::steps::store(reference::steps::gated<T>(function, widen(gate_up.at(m, k)),
                                                         widen(gate_up.at(m, products.cols() + k))),
                              products.at(m, k));
    }
  }
  return products;
}

template <class T>
HostMatrix<T> first_columns(const HostMatrix<T>& matrix, std::int64_t count) {
  std::vector<std::int64_t> columns(static_cast<std::size_t>(count));
  std::iota(columns.begin(), columns.end(), std::int64_t{0});
  return select_columns(matrix, columns);
}

}  // namespace qlinear::test
