#include "linear_case.hpp"

#include <sstream>

namespace qlinear::test {
namespace {

/// Writes those members of a designated initializer that differ from their defaults.
class InitializerWriter {
 public:
  template <class T>
  void member(const char* name, const T& value, const T& default_value) {
    if (value != default_value) begin(name) << value;
  }
  void member(const char* name, std::string_view value) {
    if (!value.empty()) begin(name) << '"' << value << '"';
  }
  void member(const char* name, const Placement& value) {
    if (value.padding == 0 && value.offset == 0) return;
    begin(name) << "{.padding=" << value.padding << ", .offset=" << value.offset << '}';
  }
  void member(const char* name, Fill value) {
    if (value != Fill::Gaussian) begin(name) << "Fill::" << to_string(value);
  }
  void member(const char* name, WorkspaceUse value) {
    if (value == WorkspaceUse::Withheld) begin(name) << "WorkspaceUse::Withheld";
    if (value == WorkspaceUse::Forbidden) begin(name) << "WorkspaceUse::Forbidden";
  }
  std::string finish() const { return "LinearCase{" + text_.str() + "}"; }

 private:
  std::ostream& begin(const char* name) {
    if (text_.tellp() != 0) text_ << ", ";
    return text_ << '.' << name << '=' << std::boolalpha;
  }
  std::ostringstream text_;
};

}  // namespace

std::string to_string(const LinearCase& c) {
  const LinearCase defaults;
  InitializerWriter writer;
  writer.member("m", c.m, std::int64_t{-1});
  writer.member("n", c.n, std::int64_t{-1});
  writer.member("k", c.k, std::int64_t{-1});
  writer.member("q_min", c.q_min, defaults.q_min);
  writer.member("q_max", c.q_max, defaults.q_max);
  writer.member("activation", c.activation);
  writer.member("weight", c.weight);
  writer.member("output", c.output);
  writer.member("scratch", c.scratch);
  writer.member("vector_offset", c.vector_offset, defaults.vector_offset);
  writer.member("tight", c.tight, defaults.tight);
  writer.member("bias", c.bias, defaults.bias);
  writer.member("fill", c.fill);
  writer.member("seed", c.seed, std::uint64_t{0});
  writer.member("kernel", c.kernel);
  writer.member("quantize_kernel", c.quantize_kernel);
  writer.member("split_k", c.split_k, defaults.split_k);
  writer.member("workspace", c.workspace);
  writer.member("max_sms", c.max_sms, defaults.max_sms);
  return writer.finish();
}

std::ostream& operator<<(std::ostream& stream, const LinearCase& c) {
  return stream << to_string(c);
}

PlanPreference preference_of(const LinearCase& c) {
  PlanPreference preference;
  preference.kernel = c.kernel;
  preference.quantize_kernel = c.quantize_kernel;
  preference.split_k = c.split_k;
  preference.max_sms = c.max_sms;
  if (c.workspace == WorkspaceUse::Forbidden) preference.max_workspace = 0;
  return preference;
}

}  // namespace qlinear::test
