/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/control_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/control.h"

static int address_of(const char *path, struct sockaddr_un *address, char *error,
		      size_t error_bytes)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path)) {
		snprintf(error, error_bytes, "%s: a socket's path has at most %zu bytes", path,
			 sizeof(address->sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(address->sun_path, path);
	return 0;
}

/* The folder of the socket, if only it is missing. */
static void make_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		mkdir(folder, 0755);
	}
}

int control_listen(const char *path, char *error, size_t error_bytes)
{
	const struct group *group = getgrnam("bbtap");
	struct sockaddr_un address;
	int fd, result = address_of(path, &address, error, error_bytes);
	mode_t mask;

	if (result < 0)
		return result;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto err;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		close(fd);
		snprintf(error, error_bytes,
			 "%s: another recorder answers there; choose another with "
			 "--socket",
			 path);
		return -EADDRINUSE;
	}
	/* Left behind by one that was killed; nothing else is removed. */
	if (errno == ECONNREFUSED)
		unlink(path);
	make_folder(path);
	mask = umask(0117);
	result = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (result < 0 || listen(fd, 8) < 0)
		goto err;
	if (group && chown(path, (uid_t)-1, group->gr_gid) < 0) {
		/* Not root: it stays in our own group. */
	}
	return fd;
err:
	result = -errno;
	snprintf(error, error_bytes, "%s: no control socket: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return result;
}

int control_connect(const char *path, char *error, size_t error_bytes)
{
	struct sockaddr_un address;
	int fd, result;

	if (!path)
		path = getenv("BBTAP_SOCKET");
	if (!path || !*path)
		path = CONTROL_SOCKET;
	result = address_of(path, &address, error, error_bytes);
	if (result < 0)
		return result;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		result = -errno;
		snprintf(error, error_bytes, "%s: %s%s", path, strerror(errno),
			 errno == ENOENT || errno == ECONNREFUSED
				 ? ": no recorder is running here (bbtap record), or its --socket "
				   "is "
				   "another"
				 : "");
		if (fd >= 0)
			close(fd);
		return result;
	}
	return fd;
}
