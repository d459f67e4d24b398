//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// What the thread sanitizer must be told of Synchronization.Mutex.
//
// The fast path of its lock is inlined into the caller and instrumented there. A lock that is held goes another way,
// through libswiftSynchronization, which is not instrumented and lets the kernel hand the lock over: whoever waited
// seems to have gone in without it. These two functions stand before the library's own and say what happened.

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

// Synchronization._MutexHandle._lockSlow(UInt32) and _unlockSlow(), as swift demangle spells them.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

void __tsan_acquire(void *address);
void __tsan_release(void *address);

static void *library_function(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) {
        fprintf(stderr, "mutex_slow_path.c: the Swift library has no %s: %s\n", name, dlerror());
        abort();
    }
    return function;
}

SWIFT void lock_slow(uint32_t thread, SELF) __asm__(LOCK_SLOW);
SWIFT void lock_slow(uint32_t thread, SELF) {
    SWIFT void (*lock)(uint32_t, SELF) = library_function(LOCK_SLOW);
    lock(thread, self);
    __tsan_acquire(self);
}

SWIFT void unlock_slow(SELF) __asm__(UNLOCK_SLOW);
SWIFT void unlock_slow(SELF) {
    SWIFT void (*unlock)(SELF) = library_function(UNLOCK_SLOW);
    __tsan_release(self);
    unlock(self);
}
