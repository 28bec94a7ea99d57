#pragma once

#include <cstddef>

// The machine-dependent part of fibers. A context is what a function call must preserve, kept on
// the stack it belongs to.

namespace qlinear::emulated_device {

using ContextEntry = void (*)();

/// A context that enters `entry` on the stack of `bytes` at `bottom` when it is first switched to.
/// `entry` must never return.
void* make_context(void* bottom, std::size_t bytes, ContextEntry entry);

/// Saves the running context to `*from` and continues `to`.
void switch_context(void** from, void* to);

}  // namespace qlinear::emulated_device
