#pragma once

#include <qlinear/qlinear.h>
#include <c/boundary.hpp>
#include <c/conversion.hpp>
#include <selection/plan_state.hpp>

#include <new>

// What plans in C have in common. Each is its state.

namespace qlinear::c {

/// Makes a plan of what `select(descriptor, preference)` selects for the caller's structs.
template <class Plan, class Descriptor, class Given, class Select>
qlinear_status create_plan(const Plan** plan, const Given* descriptor,
                           const qlinear_plan_preference* preference, TextBuffer message,
                           const Select& select) noexcept {
  if (Status s = check_pointer("plan", plan); !s.ok()) return report(message, s);
  *plan = nullptr;
  Descriptor problem;
  PlanPreference preferred;
  Status status = convert(descriptor, problem);
  if (status.ok()) status = convert(preference, preferred);
  if (!status.ok()) return report(message, status);
  const auto state = select(problem, preferred);
  if (!state.ok()) return report(message, state.status());
  *plan = new (std::nothrow) Plan{state.value()};
  if (*plan != nullptr) return report(message, {});
  write_text(message, "there is no memory for a plan; free some");
  return QLINEAR_STATUS_OUT_OF_MEMORY;
}

/// Calls `use(state, tensors)` with a plan's state and the tensors of the caller's arguments.
template <class Tensors, class Plan, class Args, class Use>
qlinear_status with_tensors(const Plan* plan, const Args* args, TextBuffer message,
                            const Use& use) noexcept {
  Tensors tensors;
  Status status = check_pointer("plan", plan);
  if (status.ok()) status = convert(args, tensors);
  if (status.ok()) status = use(plan->state, tensors);
  return report(message, status);
}

/// Fills the caller's struct with what `of` gives of the plan's state.
template <class Plan, class Out, class Of>
qlinear_status tell(const Plan* plan, Out* out, TextBuffer message, const Of& of) noexcept {
  Status status = check_pointer("plan", plan);
  if (status.ok()) status = hand_out(of(plan->state), out);
  return report(message, status);
}

}  // namespace qlinear::c
