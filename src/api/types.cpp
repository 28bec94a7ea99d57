#include <qlinear/types.hpp>

namespace qlinear {

const char* to_string(ElementKind kind) noexcept {
  switch (kind) {
    case ElementKind::F16:
      return "f16";
    case ElementKind::BF16:
      return "bf16";
    case ElementKind::F32:
      return "f32";
    case ElementKind::F64:
      return "f64";
    case ElementKind::S8:
      return "s8";
    case ElementKind::U8:
      return "u8";
    case ElementKind::S32:
      return "s32";
  }
  return "unknown";
}

}  // namespace qlinear
