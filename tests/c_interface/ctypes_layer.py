"""Layers from Python through qlinear.h: the plan's bits against the reference's, and a refusal.

ctypes_layer.py <libqlinear.so> <the CUDA runtime, or the emulated device>
"""

import ctypes
import struct
import sys

qlinear = ctypes.CDLL(sys.argv[1])
cuda = ctypes.CDLL(sys.argv[2])

F32, S8 = 3, 5
SILU, RMS_NORM = 3, 2
OK, INVALID_PROBLEM = 0, 1


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("rank", ctypes.c_int32), ("element", ctypes.c_int32),
                ("shape", ctypes.c_int64 * 4), ("stride", ctypes.c_int64 * 4)]


def int32s(*names):
    return [(name, ctypes.c_int32) for name in names]


def tensors(*names):
    return [(name, Tensor) for name in names]


class Source(ctypes.Structure):
    _fields_ = int32s("kind", "function", "residual", "residual_in_compute_type",
                      "norm_weight_in_compute_type", "unit_offset") + [("eps", ctypes.c_double)]


class Scale(ctypes.Structure):
    _fields_ = int32s("kind", "zero_points")


class Epilogue(ctypes.Structure):
    _fields_ = int32s("activation", "gated", "routing_weight", "residual")


class Descriptor(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("m", ctypes.c_int64), ("c_out", ctypes.c_int64),
                ("k", ctypes.c_int64), *int32s("q_min", "q_max", "activation_element", "weight_element"),
                ("source", Source), ("scale", Scale), ("epilogue", Epilogue),
                *int32s("weight_zero_points", "reserved")]


class SourceTensors(ctypes.Structure):
    _fields_ = tensors("column_factor", "norm_weight", "norm_bias", "residual", "residual_out", "normed_out")


class Args(ctypes.Structure):
    # Up to what this program knows: the library takes the rest as absent.
    _fields_ = [("struct_size", ctypes.c_size_t),
                *tensors("activation", "weight_q", "weight_scale", "output", "act_q_scratch",
                         "act_scale_scratch", "bias"), ("source", SourceTensors)]


# Without them ctypes would take a pointer for an int.
pointer, size = ctypes.c_void_p, ctypes.c_size_t
cuda.cudaMalloc.argtypes = [pointer, size]
cuda.cudaMemcpy.argtypes = [pointer, pointer, size, ctypes.c_int]
cuda.cudaStreamSynchronize.argtypes = [pointer]
qlinear.qlinear_version.restype = ctypes.c_char_p
qlinear.qlinear_status_name.restype = ctypes.c_char_p
qlinear.qlinear_linear_plan_workspace_size.argtypes = [pointer]
qlinear.qlinear_linear_plan_workspace_size.restype = size
qlinear.qlinear_linear_plan_create.argtypes = [pointer, pointer, pointer, pointer, size, pointer]
qlinear.qlinear_linear_plan_run.argtypes = [pointer, pointer, pointer, size, pointer, size, pointer]
qlinear.qlinear_linear_plan_destroy.argtypes = [pointer]
qlinear.qlinear_linear_plan_destroy.restype = None
qlinear.qlinear_reference_linear.argtypes = [pointer, pointer, pointer, size]

message = ctypes.create_string_buffer(512)


def check(status):
    if status != OK:
        sys.exit(f"{qlinear.qlinear_status_name(status).decode()}: {message.value.decode()}")


class Twin:
    """The same numbers on the host and on the device."""

    def __init__(self, element, *shape):
        count = shape[0] * (shape[1] if len(shape) == 2 else 1)
        numbers = [i * 37 % 29 - 14 for i in range(count)]
        data = struct.pack(f"={count}b", *numbers) if element == S8 else struct.pack(
            f"={count}f", *(number / 8 for number in numbers))
        self.memory = ctypes.create_string_buffer(data, len(data))
        self.device_memory = pointer()
        if cuda.cudaMalloc(ctypes.byref(self.device_memory), len(data)) != 0:
            sys.exit("no device memory")
        cuda.cudaMemcpy(self.device_memory, self.memory, len(data), 1)
        strides = (*shape[1:], 1)
        four = ctypes.c_int64 * 4
        self.host = Tensor(ctypes.addressof(self.memory), len(shape), element, four(*shape), four(*strides))
        self.device = Tensor(self.device_memory.value, len(shape), element, four(*shape), four(*strides))

    def host_bytes(self):
        return self.memory.raw

    def device_bytes(self):
        copy = ctypes.create_string_buffer(len(self.memory))
        cuda.cudaMemcpy(copy, self.device_memory, len(copy), 2)
        return copy.raw


tokens, hidden, outputs = 3, 64, 48


def run(descriptor, twins):
    """Runs the layer twice, and returns whether every tensor is the same on both sides."""
    host, device = Args(ctypes.sizeof(Args)), Args(ctypes.sizeof(Args))
    for path, twin in twins.items():
        *group, name = path.split(".")
        for args, tensor in (host, twin.host), (device, twin.device):
            setattr(getattr(args, group[0]) if group else args, name, tensor)
    before = {path: twin.host_bytes() for path, twin in twins.items()}
    check(qlinear.qlinear_reference_linear(ctypes.byref(descriptor), ctypes.byref(host), message, len(message)))
    if twins["output"].host_bytes() == before["output"]:
        sys.exit("the reference wrote nothing")
    plan = pointer()
    check(qlinear.qlinear_linear_plan_create(ctypes.byref(plan), ctypes.byref(descriptor), None, message,
                                             len(message), None))
    workspace = pointer()
    workspace_bytes = qlinear.qlinear_linear_plan_workspace_size(plan)
    if workspace_bytes:
        cuda.cudaMalloc(ctypes.byref(workspace), workspace_bytes)
    check(qlinear.qlinear_linear_plan_run(plan, ctypes.byref(device), workspace, workspace_bytes, message,
                                          len(message), None))
    qlinear.qlinear_linear_plan_destroy(plan)
    cuda.cudaStreamSynchronize(None)
    for path, twin in twins.items():
        if twin.host_bytes() != twin.device_bytes():
            sys.exit(f"{path} differs between the reference and the plan")


if qlinear.qlinear_abi_version() != 1:
    sys.exit("another ABI")
plain = Descriptor(ctypes.sizeof(Descriptor), tokens, outputs, hidden, activation_element=F32, weight_element=S8)
run(plain, {"activation": Twin(F32, tokens, hidden), "weight_q": Twin(S8, outputs, hidden),
            "weight_scale": Twin(F32, outputs), "output": Twin(F32, tokens, outputs),
            "act_q_scratch": Twin(S8, tokens, hidden), "act_scale_scratch": Twin(F32, tokens),
            "bias": Twin(F32, outputs)})

fused = Descriptor(ctypes.sizeof(Descriptor), tokens, outputs, hidden, activation_element=F32, weight_element=S8,
                   source=Source(kind=RMS_NORM, residual=1, eps=1e-5), epilogue=Epilogue(SILU, gated=1))
residual = Twin(F32, tokens, hidden)
run(fused, {"activation": Twin(F32, tokens, hidden), "weight_q": Twin(S8, outputs, hidden),
            "weight_scale": Twin(F32, outputs), "output": Twin(F32, tokens, outputs // 2),
            "act_q_scratch": Twin(S8, tokens, hidden), "act_scale_scratch": Twin(F32, tokens),
            "source.norm_weight": Twin(F32, hidden), "source.residual": residual,
            "source.residual_out": residual})

plain.m = -1
plan = pointer(1)
short = ctypes.create_string_buffer(8)
status = qlinear.qlinear_linear_plan_create(ctypes.byref(plan), ctypes.byref(plain), None, short, len(short), None)
if (status, plan.value, short.raw) != (INVALID_PROBLEM, None, b"m is -1\0"):
    sys.exit(f"a negative m gave {status}, {plan.value} and {short.raw}")
print(f"qlinear {qlinear.qlinear_version().decode()}: the bits of the reference")
