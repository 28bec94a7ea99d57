#include "settings.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>

namespace qlinear::emulated_device {
namespace {

constexpr std::size_t kKiB = 1024;

struct Generation {
  int compute_capability;
  DeviceLimits limits;
};

constexpr int kMiB = 1024 * 1024;

constexpr Generation kGenerations[] = {
    {70, {80, 96 * kKiB, 96 * kKiB, 2048, 32, 6 * kMiB}},
    {75, {72, 64 * kKiB, 64 * kKiB, 1024, 16, 6 * kMiB}},
    {80, {108, 164 * kKiB, 163 * kKiB, 2048, 32, 40 * kMiB}},
    {86, {84, 100 * kKiB, 99 * kKiB, 1536, 16, 6 * kMiB}},
    {89, {142, 100 * kKiB, 99 * kKiB, 1536, 24, 96 * kMiB}},
    {90, {132, 228 * kKiB, 227 * kKiB, 2048, 32, 50 * kMiB}},
    {100, {148, 228 * kKiB, 227 * kKiB, 2048, 32, 126 * kMiB}},
    {120, {170, 100 * kKiB, 99 * kKiB, 1536, 24, 96 * kMiB}},
};

[[noreturn]] void reject(const char* variable, const char* value, const std::string& expected) {
  std::fprintf(stderr, "qlinear emulated device: %s=%s, expected %s\n", variable, value,
               expected.c_str());
  std::exit(EXIT_FAILURE);
}

const char* from_environment(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr || *text == '\0' ? nullptr : text;
}

std::optional<std::uint64_t> parse_decimal(const char* text) {
  if (*text < '0' || *text > '9') return std::nullopt;  // strtoull would take a sign and blanks.
  char* end = nullptr;
  errno = 0;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  return *end == '\0' && errno == 0 ? std::optional(value) : std::nullopt;
}

std::uint64_t number_from_environment(const char* variable, std::uint64_t fallback,
                                      std::uint64_t least, std::uint64_t most) {
  const char* text = from_environment(variable);
  if (text == nullptr) return fallback;
  const std::optional<std::uint64_t> value = parse_decimal(text);
  if (value && *value >= least && *value <= most) return *value;
  reject(variable, text,
         "a decimal number from " + std::to_string(least) + " to " + std::to_string(most));
}

int compute_capability_from_environment() {
  constexpr const char* kVariable = "QLINEAR_EMULATED_SM";
  const char* text = from_environment(kVariable);
  if (text == nullptr) return 90;
  const std::optional<std::uint64_t> value = parse_decimal(text);
  std::string modelled = "one of";
  for (const Generation& generation : kGenerations) {
    if (value == static_cast<std::uint64_t>(generation.compute_capability)) {
      return generation.compute_capability;
    }
    modelled += ' ' + std::to_string(generation.compute_capability);
  }
  reject(kVariable, text, modelled);
}

Settings read_environment() {
  Settings result{};
  result.seed = number_from_environment("QLINEAR_EMULATED_SEED", 1, 0,
                                        std::numeric_limits<std::uint64_t>::max());
  result.compute_capability = compute_capability_from_environment();
  const DeviceLimits* limits = find_limits(result.compute_capability);
  const auto num_sms = static_cast<std::uint64_t>(limits->num_sms);
  result.num_sms =
      static_cast<int>(number_from_environment("QLINEAR_EMULATED_SM_COUNT", num_sms, 1, 1024));
  result.l2_bytes = static_cast<int>(number_from_environment(
      "QLINEAR_EMULATED_L2_BYTES", static_cast<std::uint64_t>(limits->l2_bytes), 1, 1024 * kMiB));
  result.devices = static_cast<int>(number_from_environment("QLINEAR_EMULATED_DEVICES", 1, 0, 16));
  return result;
}

}  // namespace

const Settings& settings() {
  static const Settings instance = read_environment();
  return instance;
}

const DeviceLimits* find_limits(int compute_capability) {
  for (const Generation& generation : kGenerations) {
    if (generation.compute_capability == compute_capability) return &generation.limits;
  }
  return nullptr;
}

}  // namespace qlinear::emulated_device
