#include <c/boundary.hpp>
#include <c/conversion.hpp>
#include <c/enums.hpp>
#include <qlinear/kernels.hpp>
#include <qlinear/log.hpp>
#include <qlinear/tensor_view.hpp>
#include <qlinear/tuning.hpp>

#include <algorithm>
#include <string>
#include <string_view>

// What concerns no single plan: versions, names, kernels, tuning tables, the log.

namespace qlinear::c {
namespace {

/// Gives the caller `value`, and the bytes that it takes.
qlinear_status give_text(std::string_view value, TextBuffer text, size_t* needed,
                         TextBuffer message) noexcept {
  if (needed != nullptr) *needed = value.size() + 1;
  const bool is_query = text.data == nullptr && text.bytes == 0;
  if (write_text(text, value) || is_query) return report(message, {});
  const std::string reason = detail::formatted(
      "the text takes {} bytes and there is room for {}; give it as many as `needed` says",
      value.size() + 1, text.data == nullptr ? 0 : text.bytes);
  write_text(message, reason);
  return QLINEAR_STATUS_BUFFER_TOO_SMALL;
}

}  // namespace
}  // namespace qlinear::c

using qlinear::c::from_c;

int32_t qlinear_abi_version(void) { return QLINEAR_ABI_VERSION; }
const char* qlinear_version(void) { return QLINEAR_VERSION; }

const char* qlinear_status_name(qlinear_status status) {
  if (status == QLINEAR_STATUS_OUT_OF_MEMORY) return "OutOfMemory";
  if (status == QLINEAR_STATUS_BUFFER_TOO_SMALL) return "BufferTooSmall";
  return to_string(from_c<qlinear::StatusCode>(status));
}
const char* qlinear_element_name(qlinear_element element) {
  return to_string(qlinear::c::element_from_c(element));
}
const char* qlinear_activation_function_name(qlinear_activation_function function) {
  return to_string(from_c<qlinear::ActivationFunction>(function));
}
const char* qlinear_source_kind_name(qlinear_source_kind kind) {
  return to_string(from_c<qlinear::SourceKind>(kind));
}
const char* qlinear_scale_kind_name(qlinear_scale_kind kind) {
  return to_string(from_c<qlinear::ScaleKind>(kind));
}
const char* qlinear_kernel_category_name(qlinear_kernel_category category) {
  return to_string(from_c<qlinear::KernelCategory>(category));
}
const char* qlinear_kernel_op_name(qlinear_kernel_op op) {
  return to_string(from_c<qlinear::KernelOp>(op));
}
const char* qlinear_kernel_backend_name(qlinear_kernel_backend backend) {
  return to_string(from_c<qlinear::KernelBackend>(backend));
}

size_t qlinear_element_bytes(qlinear_element element) {
  return qlinear::element_bytes(qlinear::c::element_from_c(element));
}

int64_t qlinear_max_k(int32_t q_min, int32_t q_max, qlinear_element weight_element) {
  return qlinear::max_k(q_min, q_max, qlinear::c::element_from_c(weight_element));
}

int64_t qlinear_linear_max_k(const qlinear_linear_descriptor* descriptor) {
  qlinear::QuantizedLinearDescriptor problem;
  if (!qlinear::c::convert(descriptor, problem).ok()) return 0;
  return qlinear::max_k(problem, problem.weight_element);
}

size_t qlinear_kernel_count(void) { return qlinear::registered_kernels().size(); }

qlinear_status qlinear_kernel(size_t index, qlinear_kernel_sku* sku, char* message,
                              size_t message_bytes) {
  const qlinear::KernelList kernels = qlinear::registered_kernels();
  const qlinear::Status status =
      index < kernels.size()
          ? qlinear::c::hand_out(kernels[index], sku)
          : qlinear::detail::invalid("index is {}, but there are {} kernels; pass less", index,
                                     kernels.size());
  return qlinear::c::report({message, message_bytes}, status);
}

int32_t qlinear_supports(const char* kernel, qlinear_element element,
                         qlinear_element weight_element) {
  if (kernel == nullptr) return 0;
  const qlinear::KernelList kernels = qlinear::registered_kernels();
  const auto* const sku = std::find_if(kernels.begin(), kernels.end(), [kernel](const auto& s) {
    return std::string_view(s.name) == kernel;
  });
  return sku != kernels.end() && supports(*sku, qlinear::c::element_from_c(element),
                                          qlinear::c::element_from_c(weight_element))
             ? 1
             : 0;
}

qlinear_status qlinear_kernel_sku_text(const qlinear_kernel_sku* sku, char* text, size_t text_bytes,
                                       size_t* needed, char* message, size_t message_bytes) {
  qlinear::KernelSku kernel;
  const qlinear::Status status = qlinear::c::convert(sku, kernel);
  if (!status.ok()) return qlinear::c::report({message, message_bytes}, status);
  return qlinear::c::give_text(to_string(kernel), {text, text_bytes}, needed,
                               {message, message_bytes});
}

qlinear_status qlinear_import_tuning_table(const char* text, char* message, size_t message_bytes) {
  qlinear::Status status = qlinear::c::check_pointer("text", text);
  if (status.ok()) status = qlinear::import_tuning_table(text);
  return qlinear::c::report({message, message_bytes}, status);
}

qlinear_status qlinear_export_tuning_table(char* text, size_t text_bytes, size_t* needed,
                                           char* message, size_t message_bytes) {
  const auto table = qlinear::export_tuning_table();
  if (!table.ok()) return qlinear::c::report({message, message_bytes}, table.status());
  return qlinear::c::give_text(table.value(), {text, text_bytes}, needed, {message, message_bytes});
}

void qlinear_clear_tuning_table(void) { qlinear::clear_tuning_table(); }

void qlinear_set_log_callback(qlinear_log_callback callback, void* user) {
  qlinear::set_log_callback(callback, user);
}
