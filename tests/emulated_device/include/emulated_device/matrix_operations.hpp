#pragma once

namespace qlinear::emulated_device {

/// ldmatrix.m8n8.x4.b16: `registers` receives this lane's parts of the four matrices.
void load_matrices(unsigned (&registers)[4], const void* row);

/// mma.m16n8k32 and mma.m8n8k16 with s8 A and s8 or u8 B add a · b to this lane's fragment c.
void multiply_m16n8k32(int (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                       bool unsigned_b);
void multiply_m8n8k16(int (&c)[2], unsigned a, unsigned b, bool unsigned_b);

}  // namespace qlinear::emulated_device
