#pragma once

#include <qlinear/export.hpp>
#include <qlinear/fusion.hpp>
#include <qlinear/kernel_sku.hpp>
#include <qlinear/kernels.hpp>
#include <qlinear/log.hpp>
#include <qlinear/plan.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/reference.hpp>
#include <qlinear/status.hpp>
#include <qlinear/sums.hpp>
#include <qlinear/tensor.hpp>
#include <qlinear/tensor_view.hpp>
#include <qlinear/tuning.hpp>
#include <qlinear/types.hpp>
