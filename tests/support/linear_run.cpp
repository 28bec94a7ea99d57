#include "linear_run.hpp"

#include "device.hpp"

#include <stdexcept>

namespace qlinear::test {
namespace {

std::uint8_t poison_of(const LinearCase& c) {
  return makes_nans(c.fill) || c.seed % 2 == 0 ? kFinitePoison : kNanPoison;
}

Placement placed(const LinearCase& c, Placement placement) {
  placement.tight = c.tight;
  return placement;
}

CaseReport report(Outcome outcome, const std::string& types, const LinearCase& c,
                  const std::string& detail) {
  return {outcome, detail + "\n  reproduce with " + types + " " + to_string(c)};
}

/// The first of `checks` that failed, or the last.
::testing::AssertionResult all_of(std::initializer_list<::testing::AssertionResult> checks) {
  for (const ::testing::AssertionResult& check : checks) {
    if (!check) return check;
  }
  return ::testing::AssertionSuccess();
}

/// Judges a finished call: `untouched` and `holds` are asked as its status demands.
template <class Untouched, class Holds>
CaseReport judge(const Status& can_implement, const Status& ran, const std::string& types,
                 const LinearCase& c, const Untouched& untouched, const Holds& holds) {
  if (can_implement.code() != ran.code() || can_implement.message() != ran.message()) {
    return report(Outcome::Wrong, types, c,
                  "can_implement says \"" + can_implement.message() + "\" and run says \"" +
                      ran.message() + "\"");
  }
  const ::testing::AssertionResult judgement = ran.ok() ? holds() : untouched();
  if (!judgement) return report(Outcome::Wrong, types, c, judgement.message());
  if (ran.ok()) return report(Outcome::Exact, types, c, "");
  const bool declined = ran.code() == StatusCode::Unsupported;
  return report(declined ? Outcome::Declined : Outcome::Wrong, types, c, ran.message());
}

void require(const Status& status, const LinearCase& c) {
  if (!status.ok()) throw std::runtime_error(status.message() + " in " + to_string(c));
}

CaseReport refused_by_select(const Status& status, const std::string& types, const LinearCase& c) {
  const bool declined = status.code() == StatusCode::Unsupported;
  return report(declined ? Outcome::Declined : Outcome::Wrong, types, c, status.message());
}

}  // namespace

template <class TIn, class TWQ>
LinearOperands<TIn, TWQ> make_operands(const LinearCase& c) {
  Random seeds(c.seed);
  LinearOperands<TIn, TWQ> operands;
  operands.activation = make_activation<TIn>(c.m, c.k, c.fill, seeds.next());
  operands.weight = make_weight<TWQ>(c.n, c.k, c.fill, seeds.next());
  operands.weight_scale = make_scale<scale_t<TIn>>(c.n, c.fill, seeds.next());
  operands.bias = make_bias<TIn>(c.bias ? c.n : 0, c.fill, seeds.next());
  return operands;
}

template <class TIn, class TWQ>
LinearResult<TIn> reference_result(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands) {
  LinearResult<TIn> result;
  result.output = HostMatrix<TIn>(c.m, c.n);
  result.act_q = HostMatrix<S8>(c.m, c.k);
  result.act_scale = HostMatrix<scale_t<TIn>>(1, c.m);
  QuantizedLinearArgs<TIn, TWQ> args{operands.activation.matrix(),   operands.weight.matrix(),
                                     operands.weight_scale.vector(), result.output.matrix(),
                                     result.act_q.matrix(),          result.act_scale.vector()};
  if (c.bias) args.bias = operands.bias.vector();
  const Status status = reference::quantized_linear(linear_descriptor<TIn, TWQ>(c), args);
  require(status, c);
  return result;
}

template <class TIn, class TWQ>
LinearResult<TIn> device_result(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands) {
  const Stream stream;
  const auto plan = QuantizedLinearPlan<TIn, TWQ>::select(stream, linear_descriptor<TIn, TWQ>(c),
                                                          preference_of(c));
  require(plan.status(), c);
  const DeviceLinear<TIn, TWQ> device(c, operands);
  const GuardedWorkspace workspace(plan.value().workspace_size());
  require(plan.value().run(stream, workspace.get(), device.args()), c);
  stream.synchronize();
  LinearResult<TIn> result = device.download();
  const auto intact = all_of({device.guards_intact(), workspace.guards_intact()});
  if (!intact) throw std::runtime_error(intact.message() + (" in " + to_string(c)));
  return result;
}

template <class TIn>
::testing::AssertionResult same_result(const LinearResult<TIn>& expected,
                                       const LinearResult<TIn>& actual) {
  return all_of({same_matrix("act_scale", expected.act_scale, actual.act_scale),
                 same_matrix("act_q", expected.act_q, actual.act_q),
                 same_matrix("output", expected.output, actual.output)});
}

template <class TIn, class TWQ>
DeviceLinear<TIn, TWQ>::DeviceLinear(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands)
    : has_bias(c.bias),
      activation(operands.activation, placed(c, c.activation), poison_of(c)),
      weight(operands.weight, placed(c, c.weight), poison_of(c)),
      weight_scale(operands.weight_scale, placed(c, {0, c.vector_offset}), poison_of(c)),
      bias(operands.bias, placed(c, {0, c.vector_offset}), poison_of(c)),
      output(c.m, c.n, placed(c, c.output), poison_of(c)),
      act_q(c.m, c.k, placed(c, c.scratch), poison_of(c)),
      act_scale(1, c.m, placed(c, {0, c.vector_offset}), poison_of(c)) {}

template <class TIn, class TWQ>
QuantizedLinearArgs<TIn, TWQ> DeviceLinear<TIn, TWQ>::args() const {
  QuantizedLinearArgs<TIn, TWQ> args{activation.ref(), weight.ref(), weight_scale.vector_ref(),
                                     output.mut(),     act_q.mut(),  act_scale.vector_mut()};
  if (has_bias) args.bias = bias.vector_ref();
  return args;
}

template <class TIn, class TWQ>
LinearResult<TIn> DeviceLinear<TIn, TWQ>::download() const {
  return {output.download(), act_q.download(), act_scale.download()};
}

template <class TIn, class TWQ>
::testing::AssertionResult DeviceLinear<TIn, TWQ>::holds(const LinearResult<TIn>& expected) const {
  return all_of({same_result(expected, download()), guards_intact()});
}

template <class TIn, class TWQ>
::testing::AssertionResult DeviceLinear<TIn, TWQ>::guards_intact() const {
  return all_of({output.guards_intact("output"), act_q.guards_intact("act_q"),
                 act_scale.guards_intact("act_scale"), inputs_untouched()});
}

template <class TIn, class TWQ>
::testing::AssertionResult DeviceLinear<TIn, TWQ>::untouched() const {
  return all_of({output.untouched("output"), act_q.untouched("act_q"),
                 act_scale.untouched("act_scale"), inputs_untouched()});
}

template <class TIn, class TWQ>
::testing::AssertionResult DeviceLinear<TIn, TWQ>::inputs_untouched() const {
  return all_of({activation.untouched("activation"), weight.untouched("weight_q"),
                 weight_scale.untouched("weight_scale"), bias.untouched("bias")});
}

template <class TIn, class TWQ>
CaseReport run_case(const LinearCase& c) {
  const std::string types = to_string(TypePair{element_kind_v<TIn>, element_kind_v<TWQ>});
  const Stream stream;
  const auto plan = QuantizedLinearPlan<TIn, TWQ>::select(stream, linear_descriptor<TIn, TWQ>(c),
                                                          preference_of(c));
  if (!plan.ok()) return refused_by_select(plan.status(), types, c);
  if (!c.kernel.empty() && plan.value().sku().name != c.kernel) {
    return report(Outcome::Wrong, types, c,
                  "forced, but chosen was " + to_string(plan.value().sku()));
  }
  const std::size_t workspace_bytes = plan.value().workspace_size();
  if (c.workspace == WorkspaceUse::Forbidden && workspace_bytes != 0) {
    return report(Outcome::Wrong, types, c, "wants a workspace although that is forbidden");
  }
  const auto operands = make_operands<TIn, TWQ>(c);
  const DeviceLinear<TIn, TWQ> device(c, operands);
  const GuardedWorkspace workspace(c.workspace == WorkspaceUse::Given ? workspace_bytes : 0);
  const Status can_implement = plan.value().can_implement(device.args());
  const Status ran = plan.value().run(stream, workspace.get(), device.args());
  stream.synchronize();
  return judge(
      can_implement, ran, types, c, [&] { return device.untouched(); },
      [&] {
        return all_of({device.holds(reference_result(c, operands)), workspace.guards_intact()});
      });
}

template <class TIn>
CaseReport run_quantize_case(const LinearCase& c) {
  const std::string types = qlinear::to_string(element_kind_v<TIn>);
  const Stream stream;
  const auto plan = DynamicRangeQuantizePlan<TIn, S8>::select(stream, quantize_descriptor<TIn>(c),
                                                              preference_of(c));
  if (!plan.ok()) return refused_by_select(plan.status(), types, c);
  if (!c.quantize_kernel.empty() && plan.value().sku().name != c.quantize_kernel) {
    return report(Outcome::Wrong, types, c,
                  "forced, but chosen was " + to_string(plan.value().sku()));
  }
  LinearCase without_weight = c;
  without_weight.n = 0;
  without_weight.bias = false;
  const auto operands = make_operands<TIn, S8>(without_weight);
  const DeviceLinear<TIn, S8> device(without_weight, operands);
  const DynamicRangeQuantizeArgs<TIn, S8> args{device.activation.ref(), device.act_q.mut(),
                                               device.act_scale.vector_mut()};
  const Status can_implement = plan.value().can_implement(args);
  const Status ran = plan.value().run(stream, Workspace{}, args);
  stream.synchronize();
  return judge(
      can_implement, ran, types, c, [&] { return device.untouched(); },
      [&] { return device.holds(reference_result(without_weight, operands)); });
}

CaseReport run_case(TypePair types, const LinearCase& c) {
  return visit_pair(types, [&](auto activation, auto weight) {
    return run_case<typename decltype(activation)::type, typename decltype(weight)::type>(c);
  });
}

CaseReport run_quantize_case(ElementKind activation, const LinearCase& c) {
  return visit_activation(
      activation, [&](auto tag) { return run_quantize_case<typename decltype(tag)::type>(c); });
}

::testing::AssertionResult meets(const CaseReport& report, Expectation expectation) {
  const bool exact = report.outcome == Outcome::Exact && expectation != Expectation::Declined;
  const bool declined = report.outcome == Outcome::Declined && expectation != Expectation::Exact;
  if (exact || declined) return ::testing::AssertionSuccess();
  if (report.outcome == Outcome::Exact) {
    return ::testing::AssertionFailure() << "should be Unsupported, but ran" << report.detail;
  }
  return ::testing::AssertionFailure() << report.detail;
}

::testing::AssertionResult is_exact(const CaseReport& report) {
  return meets(report, Expectation::Exact);
}

#define QLINEAR_INSTANTIATE_PAIR(TIn, TWQ)                                                         \
  template LinearOperands<TIn, TWQ> make_operands(const LinearCase&);                              \
  template LinearResult<TIn> reference_result(const LinearCase&, const LinearOperands<TIn, TWQ>&); \
  template LinearResult<TIn> device_result(const LinearCase&, const LinearOperands<TIn, TWQ>&);    \
  template struct DeviceLinear<TIn, TWQ>;                                                          \
  template CaseReport run_case<TIn, TWQ>(const LinearCase&)
#define QLINEAR_INSTANTIATE_ACTIVATION(TIn)                                  \
  QLINEAR_INSTANTIATE_PAIR(TIn, S8);                                         \
  QLINEAR_INSTANTIATE_PAIR(TIn, U8);                                         \
  template ::testing::AssertionResult same_result(const LinearResult<TIn>&,  \
                                                  const LinearResult<TIn>&); \
  template CaseReport run_quantize_case<TIn>(const LinearCase&)
QLINEAR_INSTANTIATE_ACTIVATION(__half);
QLINEAR_INSTANTIATE_ACTIVATION(__nv_bfloat16);
QLINEAR_INSTANTIATE_ACTIVATION(float);
QLINEAR_INSTANTIATE_ACTIVATION(double);
#undef QLINEAR_INSTANTIATE_ACTIVATION
#undef QLINEAR_INSTANTIATE_PAIR

}  // namespace qlinear::test
