#pragma once

namespace qlinear::emulated_device {

/// setmaxnreg: all lanes of a warp agree on a count that the instruction takes.
void set_max_registers(int count);

}  // namespace qlinear::emulated_device
