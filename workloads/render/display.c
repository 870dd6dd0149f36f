/* SPDX-License-Identifier: MIT */
#include "display.h"

#include <EGL/eglext.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

#define NVIDIA_GPUS "/proc/driver/nvidia/gpus"

static PFNEGLQUERYDEVICESEXTPROC query_devices;
static PFNEGLQUERYDEVICESTRINGEXTPROC query_string;
static PFNEGLQUERYDEVICEBINARYEXTPROC query_binary;
static PFNEGLQUERYDEVICEATTRIBEXTPROC query_attribute;

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p && (p = strstr(p, word)); p += len) {
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	}
	return false;
}

static void load_functions(void)
{
	const char *client = eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS);

	if (!has_word(client, "EGL_EXT_device_base") && !has_word(client, "EGL_EXT_device_enumeration"))
		return;
	query_devices = (PFNEGLQUERYDEVICESEXTPROC)eglGetProcAddress("eglQueryDevicesEXT");
	query_string = (PFNEGLQUERYDEVICESTRINGEXTPROC)eglGetProcAddress("eglQueryDeviceStringEXT");
	query_binary = (PFNEGLQUERYDEVICEBINARYEXTPROC)eglGetProcAddress("eglQueryDeviceBinaryEXT");
	query_attribute = (PFNEGLQUERYDEVICEATTRIBEXTPROC)eglGetProcAddress("eglQueryDeviceAttribEXT");
}

/* --- what a device is --- */

/* "/dev/dri/card0" -> the PCI address that sysfs has for it */
static void pci_of_node(const char *node, char ret[16])
{
	const char *name = strrchr(node, '/');
	char link[128], target[256];
	struct pci_address a;
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/class/drm/%s/device", name ? name + 1 : node);
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	name = strrchr(target, '/');
	if (parse_pci(name ? name + 1 : target, &a) == 0)
		pci_format(&a, ret);
}

/* NVIDIA's driver says which UUID is at which address, also where there are no nodes for displays. */
static bool is_uuid_of(const char *pci, const char *uuid)
{
	char path[128], line[256];
	_cleanup_fclose_ FILE *f = NULL;
	bool is = false;

	snprintf(path, sizeof(path), NVIDIA_GPUS "/%s/information", pci);
	f = fopen(path, "re");
	while (f && !is && fgets(line, sizeof(line), f))
		is = strncmp(line, "GPU UUID:", 9) == 0 && strcasestr(line, uuid);
	return is;
}

static void pci_of_uuid(const char *uuid, char ret[16])
{
	DIR *dir = opendir(NVIDIA_GPUS);
	struct dirent *e;

	while (dir && !ret[0] && (e = readdir(dir))) {
		struct pci_address a;

		if (parse_pci(e->d_name, &a) == 0 && is_uuid_of(e->d_name, uuid))
			pci_format(&a, ret);
	}
	if (dir)
		closedir(dir);
}

static void read_uuid(EGLDeviceEXT handle, char *buf, size_t size)
{
	unsigned char b[16];
	EGLint n = 0;
	size_t len;

	if (!query_binary || !query_binary(handle, EGL_DEVICE_UUID_EXT, sizeof(b), b, &n) || n != sizeof(b))
		return;
	len = (size_t)snprintf(buf, size, "GPU-");
	for (int i = 0; i < 16; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%02x",
		                        i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

static void describe(EGLDeviceEXT handle, unsigned index, struct display_device *ret)
{
	const char *extensions = query_string(handle, EGL_EXTENSIONS), *node = NULL;
	struct display_device d = {.index = index, .handle = handle, .cuda = -1};
	EGLAttrib number;

	d.is_software = has_word(extensions, "EGL_MESA_device_software");
	if (has_word(extensions, "EGL_EXT_device_drm"))
		node = query_string(handle, EGL_DRM_DEVICE_FILE_EXT);
	if (node)
		snprintf(d.node, sizeof(d.node), "%s", node);
	if (has_word(extensions, "EGL_EXT_device_persistent_id"))
		read_uuid(handle, d.uuid, sizeof(d.uuid));
	if (has_word(extensions, "EGL_NV_device_cuda") && query_attribute &&
	    query_attribute(handle, EGL_CUDA_DEVICE_NV, &number))
		d.cuda = (int)number;
	if (d.node[0])
		pci_of_node(d.node, d.pci);
	if (!d.pci[0] && d.uuid[0])
		pci_of_uuid(d.uuid, d.pci);
	*ret = d;
}

int display_list(struct display_list *ret, struct ofbc_error *err)
{
	EGLDeviceEXT handles[DISPLAY_MAX_DEVICES];
	EGLint n = 0;

	load_functions();
	*ret = (struct display_list){0};
	if (query_devices && query_string && query_devices(DISPLAY_MAX_DEVICES, handles, &n)) {
		for (EGLint i = 0; i < n; i++)
			describe(handles[i], (unsigned)i, &ret->v[ret->n++]);
	}
	if (ret->n)
		return 0;
	if (has_word(eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS), "EGL_MESA_platform_surfaceless")) {
		ret->n = 1; /* whatever it takes */
		return 0;
	}
	error_set(err, ENODEV, OFBC_REASON_NOT_SUPPORTED, "EGL offers no device");
	error_hint(
		err,
		"install an EGL: Mesa's (Debian: libegl-mesa0, libgl1-mesa-dri), or that of the GPU's driver; "
		"in a container, NVIDIA_DRIVER_CAPABILITIES needs 'graphics'");
	return -ENODEV;
}

/* --- which one --- */

static bool is_it(const struct display_device *d, const char *spec)
{
	struct pci_address a;
	char text[PCI_STR_MAX];
	uint32_t index;

	if (strcmp(spec, "software") == 0)
		return d->is_software;
	if (strchr(spec, ':') && parse_pci(spec, &a) == 0) {
		pci_format(&a, text);
		return strcmp(d->pci, text) == 0;
	}
	if (strncasecmp(spec, "GPU-", 4) == 0)
		return d->uuid[0] && strcasecmp(spec, d->uuid) == 0;
	return parse_u32(spec, &index) == 0 && index == d->index;
}

static const char *visible(void)
{
	const char *cuda = getenv("CUDA_VISIBLE_DEVICES");

	return cuda ? cuda : "";
}

bool display_is_given(void)
{
	return visible()[0] || getenv("ZE_AFFINITY_MASK") || getenv("ROCR_VISIBLE_DEVICES");
}

int display_find(const struct display_list *l, const char *spec, struct display_device *ret,
                 struct ofbc_error *err)
{
	if (!spec[0] && strncmp(visible(), "MIG-", 4) == 0) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "EGL cannot be told to draw on the MIG instance %s", visible());
		error_hint(err, "draw on the whole GPU with --device; what is measured is then no partition");
		return -ENOTSUP;
	}
	if (!spec[0])
		spec = strncasecmp(visible(), "GPU-", 4) == 0 ? visible() : "";
	for (unsigned i = 0; i < l->n; i++) {
		if (!spec[0] || is_it(&l->v[i], spec)) {
			*ret = l->v[i];
			return 0;
		}
	}
	error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "EGL has no device '%s'", spec);
	error_hint(err, "`openforbc-render --list` prints the devices; valid are an index, a PCI address, "
	                "a UUID as GPU-..., and software");
	return -ENODEV;
}

/* --- context --- */

static int egl_failed(const char *what, struct ofbc_error *err)
{
	return error_set(err, EIO, OFBC_REASON_FAILED, "%s: EGL error 0x%04x", what, (unsigned)eglGetError());
}

static EGLDisplay platform_display(const struct display_device *d)
{
	PFNEGLGETPLATFORMDISPLAYEXTPROC get =
		(PFNEGLGETPLATFORMDISPLAYEXTPROC)eglGetProcAddress("eglGetPlatformDisplayEXT");

	if (!get)
		return EGL_NO_DISPLAY;
	return d->handle ? get(EGL_PLATFORM_DEVICE_EXT, d->handle, NULL)
	                 : get(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
}

static int choose_config(EGLDisplay egl, EGLConfig *ret, struct ofbc_error *err)
{
	static const EGLint wanted[] = {EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE,
	                                EGL_OPENGL_ES3_BIT, EGL_NONE};
	EGLint n = 0;

	if (!eglChooseConfig(egl, wanted, ret, 1, &n) || n < 1)
		return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "the device has no OpenGL ES 3");
	return 0;
}

/* We draw into pictures of our own; some contexts want a surface nevertheless. */
static int make_surface(struct display *d, EGLConfig config, struct ofbc_error *err)
{
	static const EGLint smallest[] = {EGL_WIDTH, 1, EGL_HEIGHT, 1, EGL_NONE};

	if (has_word(eglQueryString(d->egl, EGL_EXTENSIONS), "EGL_KHR_surfaceless_context"))
		return 0;
	d->surface = eglCreatePbufferSurface(d->egl, config, smallest);
	return d->surface == EGL_NO_SURFACE ? egl_failed("cannot make a surface", err) : 0;
}

static int make_context(struct display *d, struct ofbc_error *err)
{
	static const EGLint version[] = {EGL_CONTEXT_MAJOR_VERSION, 3, EGL_NONE};
	EGLConfig config;
	int r;

	if (!eglBindAPI(EGL_OPENGL_ES_API))
		return egl_failed("no OpenGL ES", err);
	r = choose_config(d->egl, &config, err);
	if (r == 0)
		r = make_surface(d, config, err);
	if (r < 0)
		return r;
	d->context = eglCreateContext(d->egl, config, EGL_NO_CONTEXT, version);
	if (d->context == EGL_NO_CONTEXT)
		return egl_failed("cannot make a context of OpenGL ES 3", err);
	if (!eglMakeCurrent(d->egl, d->surface, d->surface, d->context))
		return egl_failed("cannot use the context", err);
	return 0;
}

int display_open(const struct display_device *device, struct display *ret, struct ofbc_error *err)
{
	struct display d = {
		.egl = platform_display(device), .context = EGL_NO_CONTEXT, .surface = EGL_NO_SURFACE};
	int r;

	if (d.egl == EGL_NO_DISPLAY || !eglInitialize(d.egl, NULL, NULL))
		return egl_failed("cannot use the device", err);
	r = make_context(&d, err);
	if (r < 0) {
		display_close(&d);
		return r;
	}
	*ret = d;
	return 0;
}

void display_close(struct display *d)
{
	if (d->egl == EGL_NO_DISPLAY)
		return;
	eglMakeCurrent(d->egl, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
	if (d->context != EGL_NO_CONTEXT)
		eglDestroyContext(d->egl, d->context);
	if (d->surface != EGL_NO_SURFACE)
		eglDestroySurface(d->egl, d->surface);
	eglTerminate(d->egl);
	d->egl = EGL_NO_DISPLAY;
}

bool display_is_software(const char *renderer)
{
	static const char *const names[] = {"llvmpipe", "softpipe", "swrast", "SwiftShader",
	                                    "Software Rasterizer"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasestr(renderer, names[i]))
			return true;
	}
	return false;
}
