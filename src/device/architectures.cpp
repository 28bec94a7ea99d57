#include <device/architectures.hpp>

#include <base/format.hpp>

#include <algorithm>
#include <charconv>
#include <string>

namespace qlinear::detail {
namespace {

struct Target {
  int version = 0;
  bool specific = false;  ///< It is an "a" target.
  bool machine_code = true;
  bool ptx = true;
};

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

Target parse_target(std::string_view entry) {
  Target target;
  target.ptx = !ends_with(entry, "-real");
  target.machine_code = !ends_with(entry, "-virtual");
  const auto [end, error] =
      std::from_chars(entry.data(), entry.data() + entry.size(), target.version);
  target.specific = end != entry.data() + entry.size() && *end == 'a';
  return target;
}

bool has_machine_code_for(const Target& target, int architecture) {
  if (!target.machine_code || target.version > architecture) return false;
  return target.specific ? target.version == architecture
                         : target.version / 10 == architecture / 10;
}

bool has_ptx_for(const Target& target, int architecture) {
  return target.ptx &&
         (target.specific ? target.version == architecture : target.version <= architecture);
}

}  // namespace

int code_version(std::string_view list, int architecture) {
  int machine_code = 0;
  int ptx = 0;
  while (!list.empty()) {
    const auto entry = list.substr(0, list.find(';'));
    const Target target = parse_target(entry);
    if (has_machine_code_for(target, architecture)) {
      machine_code = std::max(machine_code, target.version);
    }
    if (has_ptx_for(target, architecture)) ptx = std::max(ptx, target.version);
    list.remove_prefix(entry.size() < list.size() ? entry.size() + 1 : entry.size());
  }
  return machine_code != 0 ? machine_code : ptx;
}

Status check_architecture(std::string_view list, int device, int architecture) {
  constexpr int kOldest = 75;
  if (runs_on(list, architecture)) return {};
  const std::string found =
      formatted("device {} has compute capability {}.{}, and this qlinear was compiled for {}",
                device, architecture / 10, architecture % 10, list);
  if (architecture < kOldest) {
    return {
        StatusCode::Unsupported,
        formatted("{}: use a newer GPU, compute capability 7.5 and later are supported", found)};
  }
  // Code for 9.0 alone has the fastest kernels.
  return {StatusCode::Unsupported,
          formatted("{}: rebuild it with {}{} in QLINEAR_CUDA_ARCHITECTURES", found, architecture,
                    architecture == 90 ? "a" : "")};
}

}  // namespace qlinear::detail
