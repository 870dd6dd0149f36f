/* SPDX-License-Identifier: MIT */
/* One source for OpenCL C and CUDA C: what the two spell differently. Goes before every kernel. */
#ifdef __CUDACC__
#define KERNEL    extern "C" __global__ void
#define GLOBAL
#define LOCAL     __shared__
#define FUNCTION  static __device__ __forceinline__
#define RESTRICT  __restrict__
#define BARRIER() __syncthreads()
#define LOCAL_X   threadIdx.x
#define GROUP_X   blockIdx.x
#define GROUP_Y   blockIdx.y
#define GLOBAL_X  (blockIdx.x * blockDim.x + threadIdx.x)
#define THREADS_X (gridDim.x * blockDim.x)
typedef unsigned int uint;
#else
#pragma OPENCL FP_CONTRACT ON
#define KERNEL    __kernel void
#define GLOBAL    __global
#define LOCAL     __local
#define FUNCTION  static inline
#define RESTRICT  restrict
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define LOCAL_X   ((uint)get_local_id(0))
#define GROUP_X   ((uint)get_group_id(0))
#define GROUP_Y   ((uint)get_group_id(1))
#define GLOBAL_X  ((uint)get_global_id(0))
#define THREADS_X ((uint)get_global_size(0))
#endif

/* REAL_IS_DOUBLE is defined by who wants double precision. */
#ifdef REAL_IS_DOUBLE
#ifndef __CUDACC__
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
typedef double real;
#else
typedef float real;
#endif
