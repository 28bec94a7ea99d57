#include "linear_run.hpp"

#include "device.hpp"

#include <initializer_list>
#include <numeric>
#include <stdexcept>

namespace qlinear::test {
namespace {

std::uint8_t poison_of(const LinearCase& c) {
  const bool overflows = c.fill == Fill::Saturating && !(c.options == LayerOptions{});
  return overflows || makes_nans(c.fill) || c.seed % 2 == 0 ? kFinitePoison : kNanPoison;
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

/// As `wide` or `narrow` elements, whichever `is_compute_type` says.
template <class T, class Make>
MixedMatrix<HostMatrix, T> mixed(bool is_compute_type, const Make& make) {
  MixedMatrix<HostMatrix, T> matrix{is_compute_type, {}, {}};
  if (is_compute_type) {
    matrix.wide = make.template operator()<scale_t<T>>();
  } else {
    matrix.narrow = make.template operator()<T>();
  }
  return matrix;
}

template <class T>
HostMatrix<std::int32_t> sums_of_rows(const HostMatrix<T>& matrix) {
  HostMatrix<std::int32_t> sums(1, matrix.rows());
  for (std::int64_t r = 0; r < matrix.rows(); ++r) {
    const T* row = matrix.row(r);
    sums.at(0, r) = std::accumulate(row, row + matrix.cols(), std::int32_t{0});
  }
  return sums;
}

bool quantizes(const LinearCase& c) { return c.options.scale.kind != ScaleKind::Given; }

std::int64_t output_columns(const LinearCase& c) {
  return c.options.epilogue.gated ? c.n / 2 : c.n;
}

/// Elements of a scale or zero point that comes from outside.
std::int64_t outside_size(const LinearCase& c) { return c.options.one_scale ? 1 : c.m; }

template <class TIn, class TWQ>
void make_source_operands(const LinearCase& c, Random& seeds, LinearOperands<TIn, TWQ>& operands) {
  const SourceDescriptor& source = c.options.source;
  const std::uint64_t seed = seeds.next();
  if (source.kind == SourceKind::ColumnFactor) {
    operands.column_factor = make_factors<scale_t<TIn>>(c.k, c.fill, seed);
  }
  if (c.options.norm_weight) {
    operands.norm_weight = mixed<TIn>(source.norm_weight_in_compute_type, [&]<class T>() {
      return make_factors<T>(c.k, c.fill, seed);
    });
  }
  if (c.options.norm_bias) {
    operands.norm_bias = mixed<TIn>(source.norm_weight_in_compute_type,
                                    [&]<class T>() { return make_bias<T>(c.k, c.fill, seed + 1); });
  }
  if (source.residual) {
    operands.source_residual = mixed<TIn>(source.residual_in_compute_type, [&]<class T>() {
      return make_activation<T>(c.m, c.k, c.fill, seed + 2);
    });
  }
}

template <class TIn, class TWQ>
void make_scale_operands(const LinearCase& c, Random& seeds, LinearOperands<TIn, TWQ>& operands) {
  using C = scale_t<TIn>;
  const ScaleDescriptor& scale = c.options.scale;
  const std::uint64_t seed = seeds.next();
  const bool asymmetric = scale.kind == ScaleKind::GivenRangeAsymmetric;
  if (asymmetric || scale.kind == ScaleKind::GivenRange) {
    operands.range_max = make_range<TIn>(c.m, 1, c.fill, seed);
  }
  if (asymmetric) operands.range_min = make_range<TIn>(c.m, -1, c.fill, seed + 1);
  if (scale.kind == ScaleKind::Static) {
    operands.static_scale = make_static_scale<TIn>(outside_size(c), c.fill, seed + 2);
    if (scale.zero_points) {
      operands.static_zero_point = make_weight<S8>(1, outside_size(c), Fill::Gaussian, seed + 3);
    }
  }
  if (scale.kind != ScaleKind::Given) return;
  operands.given_q = make_weight<S8>(c.m, c.k, c.fill, seed + 4);
  operands.given_scale = make_scale<C>(outside_size(c), c.fill, seed + 5);
  if (scale.zero_points) {
    operands.given_zero_point = make_weight<S8>(1, outside_size(c), Fill::Gaussian, seed + 6);
  }
  if (c.options.weight_zero_points) operands.given_sum = sums_of_rows(operands.given_q);
}

template <class TIn, class TWQ>
void make_epilogue_operands(const LinearCase& c, Random& seeds,
                            LinearOperands<TIn, TWQ>& operands) {
  const LayerOptions& options = c.options;
  const std::uint64_t seed = seeds.next();
  if (has_zero_points(options.scale)) operands.weight_sum = sums_of_rows(operands.weight);
  if (options.weight_zero_points) {
    operands.weight_zero_point = make_weight<TWQ>(1, c.n, c.fill, seed);
  }
  if (options.epilogue.routing_weight) {
    operands.routing_weight = make_factors<scale_t<TIn>>(c.m, c.fill, seed + 1);
  }
  if (options.epilogue.residual) {
    operands.output_residual = make_activation<TIn>(c.m, c.n, c.fill, seed + 2);
  }
}

// Tensors of host and device memory alike.
template <class T>
TensorRef<T, 2> matrix_of(const HostMatrix<T>& matrix) {
  return matrix.matrix();
}
template <class T>
TensorMut<T, 2> matrix_of(HostMatrix<T>& matrix) {
  return matrix.matrix();
}
template <class T>
TensorMut<T, 2> matrix_of(const GuardedMatrix<T>& matrix) {
  return matrix.mut();
}
template <class T>
TensorRef<T, 1> vector_of(const HostMatrix<T>& vector) {
  return vector.vector();
}
template <class T>
TensorMut<T, 1> vector_of(HostMatrix<T>& vector) {
  return vector.vector();
}
template <class T>
TensorMut<T, 1> vector_of(const GuardedMatrix<T>& vector) {
  return vector.vector_mut();
}
template <class Mixed>
TensorView mixed_matrix_of(Mixed& mixed) {
  return mixed.is_compute_type ? tensor_view(matrix_of(mixed.wide))
                               : tensor_view(matrix_of(mixed.narrow));
}
template <class Mixed>
TensorView mixed_vector_of(Mixed& mixed) {
  return mixed.is_compute_type ? tensor_view(vector_of(mixed.wide))
                               : tensor_view(vector_of(mixed.narrow));
}

template <class TIn, class TWQ, class Inputs, class Outputs>
void fill_in_options(const LayerOptions& options, Inputs& in, Outputs& out,
                     QuantizedLinearArgs<TIn, TWQ>& args) {
  args.source = {
      .column_factor = vector_of(in.column_factor),
      .norm_weight = mixed_vector_of(in.norm_weight),
      .norm_bias = mixed_vector_of(in.norm_bias),
      .residual = options.residual_in_place ? mixed_matrix_of(out.residual_out)
                                            : mixed_matrix_of(in.source_residual),
      .residual_out = mixed_matrix_of(out.residual_out),
      .normed_out = matrix_of(out.normed_out),
  };
  args.scale = {vector_of(in.range_max), vector_of(in.range_min), vector_of(in.static_scale),
                vector_of(in.static_zero_point)};
  args.given = {matrix_of(in.given_q), vector_of(in.given_scale), vector_of(in.given_zero_point),
                vector_of(in.given_sum)};
  args.zero_points = {vector_of(out.act_zero_point), vector_of(out.act_sum),
                      vector_of(in.weight_sum), vector_of(in.weight_zero_point)};
  args.epilogue.routing_weight = vector_of(in.routing_weight);
  args.epilogue.residual = matrix_of(in.output_residual);
  if (options.output_in_place) args.epilogue.residual = matrix_of(out.output);
}

/// Outputs of the shapes of `c`: those that are an input, too, hold it.
template <class TIn, class TWQ>
LinearResult<TIn> outputs_before(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands) {
  const LayerOptions& options = c.options;
  LinearResult<TIn> result{};
  result.output =
      options.output_in_place ? operands.output_residual : HostMatrix<TIn>(c.m, output_columns(c));
  if (!quantizes(c)) return result;
  result.act_q = HostMatrix<S8>(c.m, c.k);
  result.act_scale = HostMatrix<scale_t<TIn>>(1, c.m);
  if (has_zero_points(options.scale)) result.act_zero_point = HostMatrix<S8>(1, c.m);
  if (options.weight_zero_points) result.act_sum = HostMatrix<std::int32_t>(1, c.m);
  if (options.source.residual) result.residual_out = operands.source_residual;
  if (options.normed_out) result.normed_out = HostMatrix<TIn>(c.m, c.k);
  return result;
}

}  // namespace

template <class TIn, class TWQ>
LinearOperands<TIn, TWQ> make_operands(const LinearCase& c) {
  Random seeds(c.seed);
  LinearOperands<TIn, TWQ> operands{};
  const bool gated = c.options.source.kind == SourceKind::Gated;
  const std::uint64_t activation_seed = seeds.next();
  if (quantizes(c)) {
    operands.activation = make_activation<TIn>(c.m, gated ? 2 * c.k : c.k, c.fill, activation_seed);
  }
  operands.weight = make_weight<TWQ>(c.n, c.k, c.fill, seeds.next());
  operands.weight_scale = make_scale<scale_t<TIn>>(c.n, c.fill, seeds.next());
  operands.bias = make_bias<TIn>(c.bias ? c.n : 0, c.fill, seeds.next());
  make_source_operands(c, seeds, operands);
  make_scale_operands(c, seeds, operands);
  make_epilogue_operands(c, seeds, operands);
  return operands;
}

template <class TIn, class TWQ>
LinearOperands<TIn, TWQ> with_rows(LinearOperands<TIn, TWQ> operands,
                                   const std::vector<std::int64_t>& rows) {
  const auto pick_matrix = [&](auto& matrix) {
    if (matrix.rows() != 0) matrix = select_rows(matrix, rows);
  };
  const auto pick_vector = [&](auto& vector) {
    // One element stands for all rows.
    if (vector.cols() > 1) vector = select_columns(vector, rows);
  };
  pick_matrix(operands.activation);
  pick_matrix(operands.source_residual.narrow);
  pick_matrix(operands.source_residual.wide);
  pick_matrix(operands.given_q);
  pick_matrix(operands.output_residual);
  pick_vector(operands.range_max);
  pick_vector(operands.range_min);
  pick_vector(operands.static_scale);
  pick_vector(operands.static_zero_point);
  pick_vector(operands.given_scale);
  pick_vector(operands.given_zero_point);
  pick_vector(operands.given_sum);
  pick_vector(operands.routing_weight);
  return operands;
}

template <class TIn>
LinearResult<TIn> select_rows(const LinearResult<TIn>& result,
                              const std::vector<std::int64_t>& rows) {
  LinearResult<TIn> selected = result;
  const auto pick_matrix = [&](auto& matrix) {
    if (matrix.rows() != 0) matrix = select_rows(matrix, rows);
  };
  const auto pick_vector = [&](auto& vector) {
    if (vector.cols() != 0) vector = select_columns(vector, rows);
  };
  pick_matrix(selected.output);
  pick_matrix(selected.act_q);
  pick_matrix(selected.residual_out.narrow);
  pick_matrix(selected.residual_out.wide);
  pick_matrix(selected.normed_out);
  pick_vector(selected.act_scale);
  pick_vector(selected.act_zero_point);
  pick_vector(selected.act_sum);
  return selected;
}

template <class TIn, class TWQ>
LinearResult<TIn> reference_result(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands) {
  LinearResult<TIn> result = outputs_before(c, operands);
  QuantizedLinearArgs<TIn, TWQ> args{operands.activation.matrix(),   operands.weight.matrix(),
                                     operands.weight_scale.vector(), result.output.matrix(),
                                     result.act_q.matrix(),          result.act_scale.vector()};
  if (c.bias) args.bias = operands.bias.vector();
  fill_in_options(c.options, operands, result, args);
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
  return all_of(
      {same_matrix("act_scale", expected.act_scale, actual.act_scale),
       same_matrix("act_zero_point", expected.act_zero_point, actual.act_zero_point),
       same_matrix("residual_out", expected.residual_out.narrow, actual.residual_out.narrow),
       same_matrix("residual_out", expected.residual_out.wide, actual.residual_out.wide),
       same_matrix("normed_out", expected.normed_out, actual.normed_out),
       same_matrix("act_q", expected.act_q, actual.act_q),
       same_matrix("act_sum", expected.act_sum, actual.act_sum),
       same_matrix("output", expected.output, actual.output)});
}

namespace {

template <class T>
GuardedMatrix<T> guarded(const LinearCase& c, const HostMatrix<T>& values, Placement placement) {
  return {values, placed(c, placement), poison_of(c)};
}
template <class T>
GuardedMatrix<T> guarded_vector(const LinearCase& c, const HostMatrix<T>& values) {
  return guarded(c, values, {0, c.vector_offset});
}
template <class T>
MixedMatrix<GuardedMatrix, T> guarded(const LinearCase& c, const MixedMatrix<HostMatrix, T>& values,
                                      Placement placement) {
  return {values.is_compute_type, guarded(c, values.narrow, placement),
          guarded(c, values.wide, placement)};
}

/// Where elements are outputs alone they are poison.
template <class T>
GuardedMatrix<T> poisoned(const LinearCase& c, const HostMatrix<T>& shape, Placement placement) {
  return {shape.rows(), shape.cols(), placed(c, placement), poison_of(c)};
}
template <class T>
GuardedMatrix<T> poisoned_vector(const LinearCase& c, const HostMatrix<T>& shape) {
  return poisoned(c, shape, {0, c.vector_offset});
}

template <class TIn, class TWQ>
LinearInputs<GuardedMatrix, TIn, TWQ> device_inputs(const LinearCase& c,
                                                    const LinearOperands<TIn, TWQ>& in) {
  const Placement lone{0, c.vector_offset};
  return {guarded(c, in.activation, c.activation), guarded(c, in.weight, c.weight),
          guarded_vector(c, in.weight_scale),      guarded_vector(c, in.bias),
          guarded_vector(c, in.column_factor),     guarded(c, in.norm_weight, lone),
          guarded(c, in.norm_bias, lone),          guarded(c, in.source_residual, c.activation),
          guarded_vector(c, in.range_max),         guarded_vector(c, in.range_min),
          guarded_vector(c, in.static_scale),      guarded_vector(c, in.static_zero_point),
          guarded(c, in.given_q, c.scratch),       guarded_vector(c, in.given_scale),
          guarded_vector(c, in.given_zero_point),  guarded_vector(c, in.given_sum),
          guarded_vector(c, in.weight_sum),        guarded_vector(c, in.weight_zero_point),
          guarded_vector(c, in.routing_weight),    guarded(c, in.output_residual, c.activation)};
}

template <class TIn, class TWQ>
LinearOutputs<GuardedMatrix, TIn> device_outputs(const LinearCase& c,
                                                 const LinearOperands<TIn, TWQ>& operands) {
  const LinearResult<TIn> before = outputs_before(c, operands);
  LinearOutputs<GuardedMatrix, TIn> outputs{
      poisoned(c, before.output, c.output),
      poisoned(c, before.act_q, c.scratch),
      poisoned_vector(c, before.act_scale),
      poisoned_vector(c, before.act_zero_point),
      poisoned_vector(c, before.act_sum),
      {before.residual_out.is_compute_type, poisoned(c, before.residual_out.narrow, c.activation),
       poisoned(c, before.residual_out.wide, c.activation)},
      poisoned(c, before.normed_out, c.activation)};
  if (c.options.output_in_place) outputs.output.upload(before.output);
  if (c.options.residual_in_place) {
    outputs.residual_out.narrow.upload(before.residual_out.narrow);
    outputs.residual_out.wide.upload(before.residual_out.wide);
  }
  return outputs;
}

/// What `check(name, matrix)` says of every output.
template <class TIn, class Check>
::testing::AssertionResult all_outputs(const LinearOutputs<GuardedMatrix, TIn>& out,
                                       const Check& check) {
  return all_of({check("output", out.output), check("act_q", out.act_q),
                 check("act_scale", out.act_scale), check("act_zero_point", out.act_zero_point),
                 check("act_sum", out.act_sum), check("residual_out", out.residual_out.narrow),
                 check("residual_out", out.residual_out.wide),
                 check("normed_out", out.normed_out)});
}

}  // namespace

template <class TIn, class TWQ>
DeviceLinear<TIn, TWQ>::DeviceLinear(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands)
    : LinearInputs<GuardedMatrix, TIn, TWQ>(device_inputs(c, operands)),
      LinearOutputs<GuardedMatrix, TIn>(device_outputs(c, operands)),
      has_bias(c.bias),
      options(c.options) {}

template <class TIn, class TWQ>
QuantizedLinearArgs<TIn, TWQ> DeviceLinear<TIn, TWQ>::args() const {
  QuantizedLinearArgs<TIn, TWQ> args{
      this->activation.ref(), this->weight.ref(), this->weight_scale.vector_ref(),
      this->output.mut(),     this->act_q.mut(),  this->act_scale.vector_mut()};
  if (has_bias) args.bias = this->bias.vector_ref();
  fill_in_options(options, *this, *this, args);
  return args;
}

template <class TIn, class TWQ>
DynamicRangeQuantizeArgs<TIn, S8> DeviceLinear<TIn, TWQ>::quantize_args() const {
  const QuantizedLinearArgs<TIn, TWQ> linear = args();
  return {linear.activation,
          linear.act_q_scratch,
          linear.act_scale_scratch,
          linear.source,
          linear.scale,
          linear.zero_points.act_zero_point_scratch,
          linear.zero_points.act_sum_scratch};
}

template <class TIn, class TWQ>
LinearResult<TIn> DeviceLinear<TIn, TWQ>::download() const {
  return {this->output.download(),
          this->act_q.download(),
          this->act_scale.download(),
          this->act_zero_point.download(),
          this->act_sum.download(),
          {this->residual_out.is_compute_type, this->residual_out.narrow.download(),
           this->residual_out.wide.download()},
          this->normed_out.download()};
}

template <class TIn, class TWQ>
::testing::AssertionResult DeviceLinear<TIn, TWQ>::holds(const LinearResult<TIn>& expected) const {
  return all_of({same_result(expected, download()), guards_intact()});
}

template <class TIn, class TWQ>
::testing::AssertionResult DeviceLinear<TIn, TWQ>::guards_intact() const {
  return all_of(
      {all_outputs<TIn>(
           *this, [](const char* name, const auto& matrix) { return matrix.guards_intact(name); }),
       inputs_untouched()});
}

template <class TIn, class TWQ>
::testing::AssertionResult DeviceLinear<TIn, TWQ>::untouched() const {
  return all_of({all_outputs<TIn>(*this, [](const char* name,
                                            const auto& matrix) { return matrix.untouched(name); }),
                 inputs_untouched()});
}

template <class TIn, class TWQ>
::testing::AssertionResult DeviceLinear<TIn, TWQ>::inputs_untouched() const {
  return all_of({this->activation.untouched("activation"),
                 this->weight.untouched("weight_q"),
                 this->weight_scale.untouched("weight_scale"),
                 this->bias.untouched("bias"),
                 this->column_factor.untouched("column_factor"),
                 this->norm_weight.narrow.untouched("norm_weight"),
                 this->norm_weight.wide.untouched("norm_weight"),
                 this->norm_bias.narrow.untouched("norm_bias"),
                 this->norm_bias.wide.untouched("norm_bias"),
                 this->source_residual.narrow.untouched("source.residual"),
                 this->source_residual.wide.untouched("source.residual"),
                 this->range_max.untouched("range_max"),
                 this->range_min.untouched("range_min"),
                 this->static_scale.untouched("scale.scale"),
                 this->static_zero_point.untouched("scale.zero_point"),
                 this->given_q.untouched("given.q"),
                 this->given_scale.untouched("given.scale"),
                 this->given_zero_point.untouched("given.zero_point"),
                 this->given_sum.untouched("given.sum"),
                 this->weight_sum.untouched("weight_sum"),
                 this->weight_zero_point.untouched("weight_zero_point"),
                 this->routing_weight.untouched("routing_weight"),
                 this->output_residual.untouched("epilogue.residual")});
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
  without_weight.options.epilogue = {};
  without_weight.options.output_in_place = false;
  const auto operands = make_operands<TIn, S8>(without_weight);
  const DeviceLinear<TIn, S8> device(without_weight, operands);
  const auto args = device.quantize_args();
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
  template LinearOperands<TIn, TWQ> make_operands<TIn, TWQ>(const LinearCase&);                    \
  template LinearOperands<TIn, TWQ> with_rows(LinearOperands<TIn, TWQ>,                            \
                                              const std::vector<std::int64_t>&);                   \
  template LinearResult<TIn> reference_result(const LinearCase&, const LinearOperands<TIn, TWQ>&); \
  template LinearResult<TIn> device_result(const LinearCase&, const LinearOperands<TIn, TWQ>&);    \
  template struct DeviceLinear<TIn, TWQ>;                                                          \
  template CaseReport run_case<TIn, TWQ>(const LinearCase&)
#define QLINEAR_INSTANTIATE_ACTIVATION(TIn)                                  \
  QLINEAR_INSTANTIATE_PAIR(TIn, S8);                                         \
  QLINEAR_INSTANTIATE_PAIR(TIn, U8);                                         \
  template ::testing::AssertionResult same_result(const LinearResult<TIn>&,  \
                                                  const LinearResult<TIn>&); \
  template LinearResult<TIn> select_rows(const LinearResult<TIn>&,           \
                                         const std::vector<std::int64_t>&);  \
  template CaseReport run_quantize_case<TIn>(const LinearCase&)
QLINEAR_INSTANTIATE_ACTIVATION(__half);
QLINEAR_INSTANTIATE_ACTIVATION(__nv_bfloat16);
QLINEAR_INSTANTIATE_ACTIVATION(float);
QLINEAR_INSTANTIATE_ACTIVATION(double);
#undef QLINEAR_INSTANTIATE_ACTIVATION
#undef QLINEAR_INSTANTIATE_PAIR

}  // namespace qlinear::test
