#include <c/plan.hpp>
#include <core/quantized_linear.hpp>
#include <core/shared_activation.hpp>

using qlinear::QuantizedLinearDescriptor;
using qlinear::detail::LinearState;
using qlinear::detail::LinearTensors;

struct qlinear_linear_plan {  // NOLINT(readability-identifier-naming): C's name.
  LinearState state;
};

qlinear_status qlinear_linear_plan_create(const qlinear_linear_plan** plan,
                                          const qlinear_linear_descriptor* descriptor,
                                          const qlinear_plan_preference* preference, char* message,
                                          size_t message_bytes, CUstream_st* stream) {
  return qlinear::c::create_plan<qlinear_linear_plan, QuantizedLinearDescriptor>(
      plan, descriptor, preference, {message, message_bytes},
      [stream](const auto& problem, const auto& preferred) {
        return qlinear::detail::select_on_stream(
            stream, problem, preferred, problem.activation_element, problem.weight_element);
      });
}

void qlinear_linear_plan_destroy(const qlinear_linear_plan* plan) { delete plan; }

size_t qlinear_linear_plan_workspace_size(const qlinear_linear_plan* plan) {
  return plan == nullptr ? 0 : qlinear::detail::workspace_size(plan->state);
}

qlinear_status qlinear_linear_plan_descriptor(const qlinear_linear_plan* plan,
                                              qlinear_linear_descriptor* descriptor, char* message,
                                              size_t message_bytes) {
  return qlinear::c::tell(plan, descriptor, {message, message_bytes},
                          [](const LinearState& state) { return state.descriptor; });
}

qlinear_status qlinear_linear_plan_sku(const qlinear_linear_plan* plan, qlinear_kernel_sku* sku,
                                       char* message, size_t message_bytes) {
  return qlinear::c::tell(plan, sku, {message, message_bytes},
                          [](const LinearState& state) { return state.sku; });
}

qlinear_status qlinear_linear_plan_can_implement(const qlinear_linear_plan* plan,
                                                 const qlinear_linear_args* args, char* message,
                                                 size_t message_bytes) {
  return qlinear::c::with_tensors<LinearTensors>(
      plan, args, {message, message_bytes},
      [](const LinearState& state, const LinearTensors& tensors) {
        return qlinear::detail::can_implement(state, tensors);
      });
}

qlinear_status qlinear_linear_plan_run(const qlinear_linear_plan* plan,
                                       const qlinear_linear_args* args, void* workspace,
                                       size_t workspace_bytes, char* message, size_t message_bytes,
                                       CUstream_st* stream) {
  return qlinear::c::with_tensors<LinearTensors>(
      plan, args, {message, message_bytes},
      [&](const LinearState& state, const LinearTensors& tensors) {
        return qlinear::detail::run(state, stream, {workspace, workspace_bytes}, tensors);
      });
}

qlinear_status qlinear_linear_plan_quantize_activation(const qlinear_linear_plan* plan,
                                                       const qlinear_linear_args* args,
                                                       char* message, size_t message_bytes,
                                                       CUstream_st* stream) {
  return qlinear::c::with_tensors<LinearTensors>(
      plan, args, {message, message_bytes},
      [stream](const LinearState& state, const LinearTensors& tensors) {
        return qlinear::detail::quantize_activation(state, stream, tensors);
      });
}

qlinear_status qlinear_linear_plan_multiply(const qlinear_linear_plan* plan,
                                            const qlinear_linear_args* args, void* workspace,
                                            size_t workspace_bytes, char* message,
                                            size_t message_bytes, CUstream_st* stream) {
  return qlinear::c::with_tensors<LinearTensors>(
      plan, args, {message, message_bytes},
      [&](const LinearState& state, const LinearTensors& tensors) {
        return qlinear::detail::multiply(state, stream, {workspace, workspace_bytes}, tensors);
      });
}

qlinear_status qlinear_linear_plan_run_shared(const qlinear_linear_plan* const* plans,
                                              const qlinear_linear_args* const* args, size_t count,
                                              void* workspace, size_t workspace_bytes,
                                              char* message, size_t message_bytes,
                                              CUstream_st* stream) {
  const qlinear::c::TextBuffer text{message, message_bytes};
  qlinear::Status status;
  if (count > 0) status = qlinear::c::check_pointer("plans", plans);
  if (count > 0 && status.ok()) status = qlinear::c::check_pointer("args", args);
  for (size_t i = 0; i < count && status.ok(); ++i) {
    status = qlinear::c::check_pointer("a plan of plans", plans[i]);
  }
  if (!status.ok()) return qlinear::c::report(text, status);
  const auto state_of = [plans](size_t i) -> const LinearState& { return plans[i]->state; };
  const auto fill = [args](size_t i, LinearTensors& tensors) {
    return qlinear::c::convert(args[i], tensors);
  };
  return qlinear::c::report(text, qlinear::detail::run_shared(stream, {workspace, workspace_bytes},
                                                              count, state_of, fill));
}
