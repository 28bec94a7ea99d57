#pragma once

// The numerical contract is one of IEEE 754 arithmetic. qlinear_target_defaults undoes what a
// parent project's flags relax; this stops the build where an option after ours, or a compiler that
// does not obey, relaxes it again. nvcc has no macro for its own options.

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "qlinear is being compiled with -ffast-math or a part of it: do not give it such options."
#endif
