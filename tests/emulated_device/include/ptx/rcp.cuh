#pragma once

namespace qlinear::ptx {

inline float rcp_approx(float x) { return 1 / x; }

}  // namespace qlinear::ptx
