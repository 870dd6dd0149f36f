/* SPDX-License-Identifier: MIT */
/* Programs on an emulated host: the few that drivers bring are imitated; a user's own really runs. */
#include "emulation/parts.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/parse.h"

#define MPS_PID_BASE 900000

static int answer(struct command_result *ret, int status, const char *text)
{
	ret->status = status;
	(void)snprintf(ret->out, sizeof(ret->out), "%s", text);
	return 0;
}

static bool unbind_lock_free(struct machine *m, const char *bdf)
{
	char node[32];

	(void)snprintf(node, sizeof(node), "/dev/nvidia%lu",
	               tree_get_u(&m->tree, 0, ".emu/gpu/%s/minor", bdf));
	return m->nvml_sessions == 0 && !machine_is_held(m, node);
}

static int sriov_manage(struct machine *m, const struct command *cmd, struct command_result *ret)
{
	const char *option = cmd->argv[1], *where = option ? cmd->argv[2] : NULL;
	struct pci_address a;
	char bdf[PCI_STR_MAX];
	unsigned total;

	if (!where || (strcmp(option, "-e") != 0 && strcmp(option, "-d") != 0) || parse_pci(where, &a) < 0)
		return answer(ret, 1, "Usage: sriov-manage <-e|-d> <domain:bus:device.function>\n");
	pci_format(&a, bdf);
	total = (unsigned)tree_get_u(&m->tree, 0, PCI_DIR "/%s/sriov_totalvfs", bdf);
	if (strcmp(gpu_kind(m, bdf), "nvidia") != 0 || !total)
		return answer(ret, 1, "GPU does not support SR-IOV\n");
	if (!tree_get(&m->tree, ".emu/gpu/%s/vgpu/framework", bdf))
		return answer(ret, 1, "The vGPU host driver is not loaded\n");
	if (strcmp(option, "-e") == 0 && sriov_count(m, bdf) == total)
		return answer(ret, 0, "");
	if (!unbind_lock_free(m, bdf) || sriov_any_held(m, bdf))
		return answer(ret, 1, "Cannot obtain unbindLock for the GPU\n");
	/* Both directions rebind the GPU: instances and the mixed-size mode are gone. */
	sriov_drop_vfs(m, bdf);
	tree_remove(&m->tree, ".emu/gpu/%s/mig/gi", bdf);
	mig_nodes_update(m, bdf);
	if (tree_get(&m->tree, ".emu/gpu/%s/vgpu/hetero", bdf))
		(void)tree_setf(&m->tree, NODE_FILE, "0", ".emu/gpu/%s/vgpu/hetero", bdf);
	if (strcmp(option, "-e") == 0 && sriov_make_vfs(m, bdf, total) < 0)
		return answer(ret, 1, "Enabling VFs failed\n");
	return answer(ret, 0, "");
}

static const char *env_value(const struct command *cmd, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; cmd->env && cmd->env[i]; i++)
		if (strncmp(cmd->env[i], name, len) == 0 && cmd->env[i][len] == '=')
			return cmd->env[i] + len + 1;
	return NULL;
}

static int mps_start(struct machine *m, const char *dir, struct command_result *ret)
{
	char pid[16];

	if (tree_get(&m->tree, "%s/nvidia-cuda-mps-control.pid", dir))
		return answer(ret, 1, "An instance of this daemon is already running\n");
	(void)snprintf(pid, sizeof(pid), "%lu", MPS_PID_BASE + machine_next(m, "mps"));
	(void)tree_setf(&m->tree, NODE_FILE, "", "%s/control", dir);
	(void)tree_setf(&m->tree, NODE_FILE, "100.0", ".emu/mps/%s/percentage", pid);
	(void)tree_setf(&m->tree, NODE_FILE, "nvidia-cuda-mps-control", ".emu/proc/%s", pid);
	(void)tree_setf(&m->tree, NODE_FILE, pid, "%s/nvidia-cuda-mps-control.pid", dir);
	return answer(ret, 0, "");
}

/* Processes that hold the pipe directory are the clients of its server. */
static int mps_clients(struct machine *m, const char *dir, struct command_result *ret)
{
	size_t n = 0;
	struct hold h;

	for (size_t i = 0; i < m->tree.n && n + 16 < sizeof(ret->out); i++)
		if (hold_at(m, i, &h) && hold_is_alive(&h) && strcmp(h.node + (h.node[0] == '/'), dir) == 0)
			n += (size_t)snprintf(ret->out + n, sizeof(ret->out) - n, "%d\n", h.pid);
	ret->status = 0;
	return 0;
}

static int mps_command(struct machine *m, const char *dir, const char *line, struct command_result *ret)
{
	const char *found = tree_get(&m->tree, "%s/nvidia-cuda-mps-control.pid", dir);
	char pid[16], word[64], value[32];
	const char *percentage;

	if (!found)
		return answer(ret, 1, "Cannot find MPS control daemon process\n");
	(void)snprintf(pid, sizeof(pid), "%s", found);
	percentage = tree_get(&m->tree, ".emu/mps/%s/percentage", pid);
	(void)word_at(line, " \n", 0, word, sizeof(word));
	if (strcmp(word, "quit") == 0) {
		tree_remove(&m->tree, ".emu/proc/%s", pid);
		tree_remove(&m->tree, ".emu/mps/%s", pid);
		tree_remove(&m->tree, "%s/nvidia-cuda-mps-control.pid", dir);
		tree_remove(&m->tree, "%s/control", dir);
		return answer(ret, 0, "");
	}
	if (strcmp(word, "get_server_list") == 0) {
		(void)mps_clients(m, dir, ret);
		if (ret->out[0])
			(void)snprintf(ret->out, sizeof(ret->out), "%lu\n", strtoul(pid, NULL, 10) + 50000);
		return 0;
	}
	if (strcmp(word, "get_client_list") == 0)
		return mps_clients(m, dir, ret);
	if (strcmp(word, "get_default_active_thread_percentage") == 0) {
		(void)snprintf(ret->out, sizeof(ret->out), "%s\n", percentage ? percentage : "100.0");
		return 0;
	}
	if (strncmp(word, "set_default", 11) == 0 && word_at(line, " \n", 1, value, sizeof(value))) {
		if (strcmp(word, "set_default_active_thread_percentage") == 0)
			(void)tree_setf(&m->tree, NODE_FILE, value, ".emu/mps/%s/percentage", pid);
		return answer(ret, 0, "");
	}
	return answer(ret, 1, "Unknown command\n");
}

static int mps_control(struct machine *m, const struct command *cmd, struct command_result *ret)
{
	const char *dir = env_value(cmd, "CUDA_MPS_PIPE_DIRECTORY");

	if (!tree_get(&m->tree, ".emu/nvml/driver"))
		return -ENOENT;
	dir = dir ? dir : "/tmp/nvidia-mps";
	dir += *dir == '/';
	if (cmd->argv[1] && strcmp(cmd->argv[1], "-d") == 0)
		return mps_start(m, dir, ret);
	return mps_command(m, dir, cmd->input ? cmd->input : "", ret);
}

/* Functions of a module's driver. */
static void functions_of(struct machine *m, const char *module, bool bound, struct strv *ret)
{
	_cleanup_strv_ struct strv all = {0};
	char driver[64];

	(void)tree_list(&m->tree, ".emu/pci", &all);
	for (size_t i = 0; i < all.n; i++) {
		const char *normal = tree_get(&m->tree, ".emu/pci/%s/driver", all.v[i]);

		driver_name(m, all.v[i], driver);
		if (bound ? strcmp(driver, module) == 0 : !*driver && normal && strcmp(normal, module) == 0)
			(void)strv_add(ret, all.v[i]);
	}
}

static bool module_busy(struct machine *m, const char *module, const struct strv *functions)
{
	bool busy = strcmp(module, "amdgpu") == 0 &&
	            (machine_is_held(m, "/dev/kfd") || machine_is_held(m, "/dev/dri/renderD"));

	for (size_t i = 0; i < functions->n && !busy; i++)
		busy = sriov_any_held(m, functions->v[i]);
	return busy;
}

static int module_unload(struct machine *m, const char *module, struct command_result *ret)
{
	_cleanup_strv_ struct strv functions = {0};
	char text[128], driver[64];

	functions_of(m, module, true, &functions);
	if (module_busy(m, module, &functions)) {
		(void)snprintf(text, sizeof(text), "modprobe: FATAL: Module %s is in use.\n", module);
		return answer(ret, 1, text);
	}
	for (size_t i = 0; i < functions.n; i++) {
		/* A virtual function may have gone with its physical one. */
		driver_name(m, functions.v[i], driver);
		if (*driver)
			driver_unbind(m, functions.v[i]);
	}
	tree_remove(&m->tree, ".emu/module/%s", module);
	tree_remove(&m->tree, "sys/module/%s", module);
	return answer(ret, 0, "");
}

static int module_load(struct machine *m, const char *module, const struct command *cmd,
                       unsigned first_option, struct command_result *ret)
{
	_cleanup_strv_ struct strv functions = {0};
	char name[64];
	int r = 0;

	if (!tree_get(&m->tree, ".emu/driver/%s", module))
		return answer(ret, strncmp(module, "vfio", 4) == 0 ? 0 : 1, "");
	for (unsigned i = first_option; cmd->argv[i]; i++)
		if (word_at(cmd->argv[i], "=", 0, name, sizeof(name)) && strchr(cmd->argv[i], '='))
			(void)tree_setf(&m->tree, NODE_FILE, strchr(cmd->argv[i], '=') + 1,
			                ".emu/module/%s/%s", module, name);
	(void)tree_setf(&m->tree, NODE_DIR, "", "sys/module/%s", module);
	functions_of(m, module, false, &functions);
	for (size_t i = 0; i < functions.n && r == 0; i++)
		r = driver_bind(m, functions.v[i], module);
	return r < 0 ? r : answer(ret, 0, "");
}

static int modprobe(struct machine *m, const struct command *cmd, struct command_result *ret)
{
	bool unload = false;
	unsigned i = 1;

	for (; cmd->argv[i] && cmd->argv[i][0] == '-'; i++)
		unload = unload || strcmp(cmd->argv[i], "-r") == 0;
	if (!cmd->argv[i])
		return answer(ret, 1, "modprobe: ERROR: missing module name\n");
	return unload ? module_unload(m, cmd->argv[i], ret) : module_load(m, cmd->argv[i], cmd, i + 1, ret);
}

int process_run(struct machine *m, const struct command *cmd, struct command_result *ret)
{
	const char *slash = strrchr(cmd->argv[0], '/');
	const char *name = slash ? slash + 1 : cmd->argv[0];

	if (strcmp(name, "sriov-manage") == 0 && tree_get(&m->tree, ".emu/nvml/driver"))
		return sriov_manage(m, cmd, ret);
	if (strcmp(name, "nvidia-cuda-mps-control") == 0)
		return mps_control(m, cmd, ret);
	if (strcmp(name, "modprobe") == 0)
		return modprobe(m, cmd, ret);
	if (strcmp(name, "udevadm") == 0)
		return answer(ret, 0, "");
	return -ENOENT;
}

/* What a program with this environment opens: the pipe directory of MPS, MIG devices, render nodes. */
static int hold_environment(struct machine *m, int pid, const char *comm, const char *const *env)
{
	int r = 0;

	for (size_t i = 0; env && env[i] && r == 0; i++) {
		const char *value = strchr(env[i], '=');
		char node[160];

		if (!value)
			continue;
		value++;
		if (strncmp(env[i], "CUDA_MPS_PIPE_DIRECTORY=", 24) == 0)
			r = hold_add(m, pid, comm, value);
		else if (strncmp(value, "MIG-", 4) == 0 &&
		         strncmp(env[i], "CUDA_VISIBLE_DEVICES=", 21) == 0) {
			(void)snprintf(node, sizeof(node), "/dev/emulated/%s", value);
			r = hold_add(m, pid, comm, node);
		} else if (strncmp(value, "/dev/", 5) == 0)
			r = hold_add(m, pid, comm, value);
		else if (strncmp(env[i], "ROCR_VISIBLE_DEVICES=", 21) == 0)
			r = hold_add(m, pid, comm, "/dev/kfd");
		else if (strncmp(env[i], "OPENFORBC_PARTITION=", 20) == 0) {
			(void)snprintf(node, sizeof(node), "/dev/emulated/%s", value);
			r = hold_add(m, pid, comm, node);
		}
	}
	return r;
}

static int wait_for(pid_t child, int *ret_status)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

/* The child waits for the pipe's end, so that it is noted as a holder before its first instruction. */
static void run_child(int gate[2], const struct spawn *s)
{
	char c;

	close(gate[1]);
	while (read(gate[0], &c, 1) < 0 && errno == EINTR)
		;
	close(gate[0]);
	for (size_t i = 0; s->drop && s->drop[i]; i++)
		(void)unsetenv(s->drop[i]);
	for (size_t i = 0; s->env && s->env[i]; i++)
		if (strchr(s->env[i], '='))
			(void)putenv((char *)(uintptr_t)s->env[i]);
	execvp(s->argv[0], s->argv);
	_exit(errno == ENOENT ? 127 : 126);
}

/* The command's name as the kernel would show it, without what separates the fields of an entry. */
static void comm_of(const char *path, char buf[16])
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(buf, 16, "%s", slash ? slash + 1 : path);
	for (char *c = buf; *c; c++)
		if (*c == ' ' || *c == '\n' || *c == '@')
			*c = '_';
}

/* Processors of the emulated host are not those of this one: no affinity. */
int process_spawn(struct machine *m, const struct spawn *s, int *ret_status)
{
	int gate[2], r, waited;
	char comm[16], number[16];
	pid_t child;

	if (pipe(gate) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		run_child(gate, s);
	close(gate[0]);
	if (child < 0) {
		r = -errno;
		close(gate[1]);
		return r;
	}
	comm_of(s->argv[0], comm);
	(void)snprintf(number, sizeof(number), "%d", (int)child);
	r = machine_begin(m);
	if (r == 0) {
		r = hold_environment(m, child, comm, s->env);
		if (r == 0 && s->cgroup)
			r = tree_setf(&m->tree, NODE_FILE, number, "%s/cgroup.procs", s->cgroup);
		r = machine_end(m, r);
	}
	close(gate[1]);
	waited = wait_for(child, ret_status);
	if (machine_begin(m) == 0) {
		tree_remove(&m->tree, ".emu/hold/%d", (int)child);
		if (s->cgroup)
			(void)tree_setf(&m->tree, NODE_FILE, "", "%s/cgroup.procs", s->cgroup);
		(void)machine_end(m, 0);
	}
	return r < 0 ? r : waited;
}
