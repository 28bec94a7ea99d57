#include <qlinear/checkpoint/safetensors.hpp>

#include <base/floating_point_environment.hpp>
#include <checkpoint/failure.hpp>

#include <bit>
#include <cstring>

namespace qlinear::checkpoint {
namespace {

struct DtypeFacts {
  const char* name;
  std::size_t bytes;
};

DtypeFacts facts_of(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::Bool:
      return {"BOOL", 1};
    case Dtype::U8:
      return {"U8", 1};
    case Dtype::I8:
      return {"I8", 1};
    case Dtype::F8E4M3:
      return {"F8_E4M3", 1};
    case Dtype::F8E5M2:
      return {"F8_E5M2", 1};
    case Dtype::I16:
      return {"I16", 2};
    case Dtype::U16:
      return {"U16", 2};
    case Dtype::F16:
      return {"F16", 2};
    case Dtype::BF16:
      return {"BF16", 2};
    case Dtype::I32:
      return {"I32", 4};
    case Dtype::U32:
      return {"U32", 4};
    case Dtype::F32:
      return {"F32", 4};
    case Dtype::I64:
      return {"I64", 8};
    case Dtype::U64:
      return {"U64", 8};
    case Dtype::F64:
      return {"F64", 8};
    case Dtype::F8E8M0:
      return {"F8_E8M0", 1};
    case Dtype::C64:
      return {"C64", 8};
  }
  return {"unknown", 1};
}

/// Exact, in integers: flags of the thread that flush subnormal numbers do not matter.
float float_of_half(std::uint16_t half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = half >> 10 & 0x1FU;
  const std::uint32_t fraction = half & 0x3FFU;
  if (exponent == 0x1FU) return std::bit_cast<float>(sign | 0x7F800000U | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  if (fraction == 0) return std::bit_cast<float>(sign);
  // fraction * 2^-24, with the leading one where a float has it.
  const auto shift = static_cast<std::uint32_t>(std::countl_zero(fraction)) - 21;
  return std::bit_cast<float>(sign | (113 - shift) << 23 | (fraction << shift & 0x3FFU) << 13);
}

float float_of_bfloat(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

template <class Stored, class Convert>
std::vector<float> converted(const Tensor& tensor, const Convert& convert) {
  const auto* elements = tensor.as<Stored>();
  std::vector<float> result(static_cast<std::size_t>(tensor.size()));
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = convert(elements[i]);
  return result;
}

}  // namespace

const char* to_string(Dtype dtype) noexcept { return facts_of(dtype).name; }

std::size_t dtype_bytes(Dtype dtype) noexcept { return facts_of(dtype).bytes; }

Result<std::vector<float>> to_f32(const Tensor& tensor) noexcept {
  return detail::without_exceptions([&]() -> Result<std::vector<float>> {
    switch (tensor.dtype) {
      case Dtype::F16:
        return converted<std::uint16_t>(tensor, float_of_half);
      case Dtype::BF16:
        return converted<std::uint16_t>(tensor, float_of_bfloat);
      case Dtype::F32:
        return std::vector<float>(tensor.as<float>(), tensor.as<float>() + tensor.size());
      case Dtype::F64:
        return qlinear::detail::with_default_floating_point([&] {
          return converted<double>(tensor, [](double value) { return static_cast<float>(value); });
        });
      default:
        detail::fail(tensor.where + " is " + to_string(tensor.dtype) +
                     "; expected F16, BF16, F32 or F64");
    }
  });
}

}  // namespace qlinear::checkpoint
