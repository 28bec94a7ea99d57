#include "device_array.hpp"
#include "pair_result.hpp"
#include "quantized_layer.hpp"
#include "require.hpp"
#include "run_time.hpp"
#include "support/device.hpp"

#include <qlinear/qlinear.hpp>

#include <utility>

namespace qlinear::quick_start {
namespace {

template <class TIn, class TWQ>
std::vector<TIn> reference_output(const QuantizedLayer<TIn, TWQ>& layer) {
  LayerTensors<std::vector, TIn, TWQ> tensors(layer);
  require(reference::quantized_linear(layer.descriptor, tensors.args()));
  return std::move(tensors.output);
}

/// The kernel that quantizes the activation; the SKU of a linear plan names the GEMM.
template <class TIn>
std::string quantize_kernel_name(cudaStream_t stream, const QuantizedLinearDescriptor& linear) {
  DynamicRangeQuantizeDescriptor descriptor;
  descriptor.m = linear.m;
  descriptor.k = linear.k;
  descriptor.activation_element = linear.activation_element;
  return require(DynamicRangeQuantizePlan<TIn, S8>::select(stream, descriptor)).sku().name;
}

template <class TIn, class TWQ>
PairResult run_pair_of(const ExactLayer& exact) {
  const auto layer = quantize_layer<TIn, TWQ>(exact.layer);
  const test::Stream stream;
  const auto plan = require(QuantizedLinearPlan<TIn, TWQ>::select(stream, layer.descriptor));
  LayerTensors<DeviceArray, TIn, TWQ> tensors(layer);
  const DeviceArray<std::byte> workspace(plan.workspace_size());
  const auto run = [&] {
    require(plan.run(stream, {workspace.data(), workspace.size()}, tensors.args()));
  };
  run();
  stream.synchronize();
  const std::vector<TIn> output = tensors.output.download();

  PairResult result;
  result.types = {element_kind_v<TIn>, element_kind_v<TWQ>};
  result.quantize_kernel = quantize_kernel_name<TIn>(stream, layer.descriptor);
  result.kernel = plan.sku().name;
  result.fidelity = fidelity(exact.output, to_doubles(output));
  result.output = to_bytes(output);
  result.bits_equal = result.output == to_bytes(reference_output(layer));
  if (!kEmulatedDevice) result.median_microseconds = median_microseconds(stream, run);
  return result;
}

}  // namespace

PairResult run_pair(test::TypePair types, const ExactLayer& exact) {
  return test::visit_pair(types, [&](auto activation, auto weight) {
    using TIn = typename decltype(activation)::type;
    using TWQ = typename decltype(weight)::type;
    return run_pair_of<TIn, TWQ>(exact);
  });
}

}  // namespace qlinear::quick_start
