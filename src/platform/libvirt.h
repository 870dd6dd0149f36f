/* SPDX-License-Identifier: MIT */
/* libvirt's calls, loaded at first use: a host without guests needs neither the library nor its start-up
 * time. */
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#define LIBVIRT_CALLS(X)                                                                                     \
	X(SetErrorFunc)                                                                                      \
	X(GetLastError)                                                                                      \
	X(ResetLastError)                                                                                    \
	X(ConnectOpenAuth)                                                                                   \
	X(ConnectOpenReadOnly)                                                                               \
	X(ConnectClose)                                                                                      \
	X(ConnectGetHostname)                                                                                \
	X(ConnectListAllDomains)                                                                             \
	X(DomainLookupByName)                                                                                \
	X(DomainLookupByUUIDString)                                                                          \
	X(DomainFree)                                                                                        \
	X(DomainGetName)                                                                                     \
	X(DomainGetID)                                                                                       \
	X(DomainIsActive)                                                                                    \
	X(DomainIsPersistent)                                                                                \
	X(DomainGetXMLDesc)                                                                                  \
	X(DomainDefineXML)                                                                                   \
	X(DomainAttachDeviceFlags)                                                                           \
	X(DomainDetachDeviceFlags)                                                                           \
	X(DomainDetachDeviceAlias)                                                                           \
	X(DomainSetMetadata)

struct libvirt_api {
#define LIBVIRT_MEMBER(name) __typeof__(vir##name) *name;
	LIBVIRT_CALLS(LIBVIRT_MEMBER)
#undef LIBVIRT_MEMBER
};
