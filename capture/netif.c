/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/netif.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

unsigned int netif_index(const char *name)
{
	return if_nametoindex(name);
}

uint32_t netif_queues(const char *name)
{
	char path[PATH_MAX];
	struct dirent *entry;
	uint32_t queues = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", name);
	folder = opendir(path);
	if (!folder)
		return 1;
	while ((entry = readdir(folder)))
		queues += strncmp(entry->d_name, "rx-", 3) == 0;
	closedir(folder);
	return queues ? queues : 1;
}

static bool has_address(const char *name, char *why, size_t why_bytes)
{
	struct ifaddrs *all, *one;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (one = all; one && !found; one = one->ifa_next) {
		char text[INET6_ADDRSTRLEN] = "";

		if (!one->ifa_addr || strcmp(one->ifa_name, name) != 0)
			continue;
		if (one->ifa_addr->sa_family == AF_INET) {
			const struct sockaddr_in *address = (const void *)one->ifa_addr;

			inet_ntop(AF_INET, &address->sin_addr, text, sizeof(text));
		} else if (one->ifa_addr->sa_family == AF_INET6) {
			const struct sockaddr_in6 *address = (const void *)one->ifa_addr;

			if (!IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr))
				inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof(text));
		}
		found = text[0] != '\0';
		if (found)
			snprintf(why, why_bytes, "it has the address %s", text);
	}
	freeifaddrs(all);
	return found;
}

/* /proc/net/route: the interface's name is the first field of a line behind the heading. */
static bool has_ipv4_route(const char *name)
{
	FILE *routes = fopen("/proc/net/route", "re");
	char line[512], interface[IFNAMSIZ + 1];
	bool found = false;

	while (routes && !found && fgets(line, sizeof(line), routes))
		found = sscanf(line, "%16s", interface) == 1 && strcmp(interface, name) == 0;
	if (routes)
		fclose(routes);
	return found;
}

/*
 * /proc/net/ipv6_route: the name is the last field. Every interface that is up has routes for
 * link-local (fe80::/64, its own address) and multicast (ff00::/8): those do not count.
 */
static bool has_ipv6_route(const char *name)
{
	FILE *routes = fopen("/proc/net/ipv6_route", "re");
	char line[512], destination[33], interface[IFNAMSIZ + 1];
	bool found = false;

	while (routes && !found && fgets(line, sizeof(line), routes))
		found = sscanf(line, "%32s %*s %*s %*s %*s %*s %*s %*s %*s %16s", destination,
			       interface) == 2 &&
			strcmp(interface, name) == 0 && strncmp(destination, "fe80", 4) != 0 &&
			strncmp(destination, "ff", 2) != 0;
	if (routes)
		fclose(routes);
	return found;
}

bool netif_in_use(const char *name, char *why, size_t why_bytes)
{
	char path[PATH_MAX], master[PATH_MAX];
	ssize_t length;

	if (has_address(name, why, why_bytes))
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s/master", name);
	length = readlink(path, master, sizeof(master) - 1);
	if (length > 0) {
		const char *last;

		master[length] = '\0';
		last = strrchr(master, '/');
		snprintf(why, why_bytes, "it belongs to %.*s", IFNAMSIZ, last ? last + 1 : master);
		return true;
	}
	if (has_ipv4_route(name) || has_ipv6_route(name)) {
		snprintf(why, why_bytes, "the host has a route through it");
		return true;
	}
	return false;
}

static int set_up(int fd, const char *name)
{
	struct ifreq request = { 0 };

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -errno;
	if (request.ifr_flags & IFF_UP)
		return 0;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

int netif_make_ready(const char *name)
{
	struct packet_mreq membership = { .mr_ifindex = (int)netif_index(name),
					  .mr_type = PACKET_MR_PROMISC };
	/* Protocol 0: the socket itself receives nothing. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int result;

	if (fd < 0)
		return -errno;
	result = set_up(fd, name);
	if (result == 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof(membership)) < 0)
		result = -errno;
	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}
