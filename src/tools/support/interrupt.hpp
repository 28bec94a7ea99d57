#pragma once

namespace qlinear::tools {

/// A signal (Ctrl-C, or a request to end) that was noticed. It unwinds, so that temporary files are
/// removed; main then lets the signal end the program.
struct Interrupted {
  int signal;
};

/// From here on such signals are remembered and no longer end the program by themselves.
void remember_interrupts();

/// Throws an Interrupted if there was a signal. Any thread may call it.
void stop_if_interrupted();

/// Ends the program as `interrupted.signal` would have, so that a shell sees it.
[[noreturn]] void end_by_signal(const Interrupted& interrupted);

}  // namespace qlinear::tools
