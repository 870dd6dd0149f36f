# SPDX-License-Identifier: MIT
"""blender --background --factory-startup --python blender.py -- DEVICE SIZE SAMPLES SUBDIVISIONS: the default scene with a body of many
faces in it, rendered with Cycles. A picture that is black, white, or of one colour is an error. With 0 samples it only looks whether
there is such a DEVICE."""
import os
import sys
import tempfile
import time

import bpy

device, size, samples, subdivisions = sys.argv[sys.argv.index("--") + 1:]
scene = bpy.context.scene


def fail(why):
    print(f"error: {why}", flush=True)
    os._exit(1)  # Blender itself would end with 0


def choose_device():
    """Cycles on DEVICE: CPU, or a kind of GPU that this build of Blender knows and finds."""
    if device == "CPU":
        scene.cycles.device = "CPU"
        return "CPU"
    preferences = bpy.context.preferences.addons["cycles"].preferences
    try:
        preferences.compute_device_type = device
    except TypeError as e:
        fail(f"this Blender has no {device}: {e}")
    preferences.get_devices()
    for one in preferences.devices:
        one.use = one.type == device
    found = [one.name for one in preferences.devices if one.use]
    if not found:
        fail(f"Blender finds no GPU for {device}")
    scene.cycles.device = "GPU"
    return ", ".join(found)


def mean_and_spread():
    path = os.path.join(tempfile.mkdtemp(), "frame.png")
    bpy.data.images["Render Result"].save_render(path)
    image = bpy.data.images.load(path)
    values = [v for i, v in enumerate(image.pixels[:]) if i % 4 < 3][::97]
    os.unlink(path)
    os.rmdir(os.path.dirname(path))
    return sum(values) / len(values), max(values) - min(values)


width, height = size.split("x")
scene.render.engine = "CYCLES"
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = int(width), int(height), 100
scene.cycles.samples, scene.cycles.use_adaptive_sampling, scene.cycles.use_denoising = int(samples), False, False
where = choose_device()
bpy.context.object.modifiers.new("faces", "SUBSURF").render_levels = int(subdivisions)
if int(samples) == 0:
    sys.exit(0)
print(f"blender-version: {bpy.app.version[0]}.{bpy.app.version[1]}\nblender-device: {where}", flush=True)
start = time.monotonic()
bpy.ops.render.render()
seconds = time.monotonic() - start
mean, spread = mean_and_spread()
if not 0.05 < mean < 0.95 or spread < 0.1:
    fail(f"the picture is empty: mean {mean:.3f}, spread {spread:.3f}")
print(f"render-seconds: {seconds:.6f}\nsamples-per-second: {int(width) * int(height) * int(samples) / seconds:.6g}\nmean: {mean:.4f}", flush=True)
