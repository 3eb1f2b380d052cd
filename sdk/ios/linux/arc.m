// Lets clang's ARC output (-fobjc-runtime=gnustep-1.6 -Xclang -fobjc-dispatch-method=non-legacy, with send.S) run on GCC's libobjc.
// Compiled without ARC, with -fobjc-runtime=gcc. Link with -Wl,--wrap=__objc_exec_class. Tests only; never shipped.
#import <Foundation/Foundation.h>
#include <objc/message.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

void *_Block_copy(const void *);

// --- Loading: non-fragile classes into a fragile runtime -------------------------------------------------------
struct ivar { const char *name, *type; int offset; };
struct ivars { int count; struct ivar list[]; };
struct proto { void *isa; const char *name; struct protos *protos; };
struct protos { struct protos *next; size_t count; struct proto *list[]; };
struct cls {
  struct cls *isa; const char *super, *name; long version; unsigned long info; long size; struct ivars *ivars; void *methods, *dtable,
      *subclass, *sibling; struct protos *protos; void *gc; long abi; int **offsets; };
struct category { const char *name, *class; void *im, *cm; struct protos *protos; };
struct symtab { unsigned long nsel; void *sels; unsigned short ncls, ncat; void *defs[]; };
struct module { unsigned long version, size; const char *name; struct symtab *symtab; };

void __real___objc_exec_class(struct module *);

static void fix_protocols(struct protos *l) {
  for (; l; l = l->next)
    for (size_t i = 0; i < l->count; i++)
      if (l->list[i]->isa == (void *)3) { l->list[i]->isa = (void *)2; fix_protocols(l->list[i]->protos); }
}
static struct { struct cls *c; const char *super; } seen[512];   // the runtime replaces the super name by a pointer
static int nseen;
static int fix_class(int i) {                    // 1 once laid out
  struct cls *c = seen[i].c;
  if (c->size > 0) return 1;
  long base = 0;
  for (int j = 0; j < nseen && !base; j++)
    if (!strcmp(seen[j].c->name, seen[i].super)) { if (!fix_class(j)) return 0; base = seen[j].c->size; }
  if (!base) { Class s = objc_lookUpClass(seen[i].super); if (!s) return 0; base = ((struct cls *)s)->size; }
  c->size = base - c->size;
  if (c->ivars)
    for (int k = 0; k < c->ivars->count; k++) {
      c->ivars->list[k].offset += base;
      if (c->offsets) *c->offsets[k] = c->ivars->list[k].offset;
    }
  return 1;
}
void __wrap___objc_exec_class(struct module *m) {
  if (m->version >= 9) {
    struct symtab *t = m->symtab;
    m->version = 8; m->size = 32;
    for (int i = 0; i < t->ncls; i++) {
      struct cls *c = t->defs[i];
      c->info &= 3; c->isa->info &= 3;
      fix_protocols(c->protos); fix_protocols(c->isa->protos);
      if (nseen == sizeof seen / sizeof *seen) abort();
      seen[nseen].c = c; seen[nseen++].super = c->super;
    }
    for (int i = 0; i < t->ncat; i++) fix_protocols(((struct category *)t->defs[t->ncls + i])->protos);
  }
  for (int i = 0; i < nseen; i++) fix_class(i);
  __real___objc_exec_class(m);
}

// --- Message lookup --------------------------------------------------------------------------------------------
struct slot { Class owner, cached; const char *types; int version; IMP method; };
static __thread struct slot tls;
struct slot *objc_msg_lookup_sender(id *r, SEL s, id sender) { tls.method = objc_msg_lookup(*r, s); return &tls; }
struct slot *objc_slot_lookup_super(struct objc_super *r, SEL s) { tls.method = objc_msg_lookup_super(r, s); return &tls; }

// --- Weak references and .cxx_destruct -------------------------------------------------------------------------
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct weak { id obj; id *at; struct weak *next; } *weaks[1024];
#define BUCKET(o) ((((uintptr_t)(o)) >> 4) & 1023)
static void weak_add(id o, id *at) { if (!o) return; struct weak *w = malloc(sizeof *w); *w = (struct weak){o, at, weaks[BUCKET(o)]}; weaks[BUCKET(o)] = w; }
static void weak_del(id o, id *at) {
  for (struct weak **p = &weaks[BUCKET(o)]; *p; p = &(*p)->next)
    if ((*p)->obj == o && (*p)->at == at) { struct weak *w = *p; *p = w->next; free(w); return; }
}
id objc_storeWeak(id *at, id o) { pthread_mutex_lock(&lock); weak_del(*at, at); *at = o; weak_add(o, at); pthread_mutex_unlock(&lock); return o; }
id objc_initWeak(id *at, id o) { *at = nil; return objc_storeWeak(at, o); }
void objc_destroyWeak(id *at) { objc_storeWeak(at, nil); }
id objc_loadWeakRetained(id *at) { pthread_mutex_lock(&lock); id o = [*at retain]; pthread_mutex_unlock(&lock); return o; }
id objc_loadWeak(id *at) { return [objc_loadWeakRetained(at) autorelease]; }
void objc_copyWeak(id *to, id *from) { id o = objc_loadWeakRetained(from); objc_initWeak(to, o); [o release]; }
void objc_moveWeak(id *to, id *from) { objc_copyWeak(to, from); objc_destroyWeak(from); }

// The last release must not race with a weak load on another thread: whoever owns the only reference zeroes the weak ones
// under their lock before giving it up, so that a load finds either a living object or nil.
static void weak_clear(id o) {
  pthread_mutex_lock(&lock);
  for (struct weak **p = &weaks[BUCKET(o)]; *p;) {
    if ((*p)->obj == o) { struct weak *w = *p; *p = w->next; *w->at = nil; free(w); } else p = &(*p)->next;
  }
  pthread_mutex_unlock(&lock);
}

// Each class's own .cxx_destruct, remembered: looking it up at each dealloc is slow.
enum { MaxDepth = 16, Remembered = 1024 };
static __thread struct { Class of; int count; IMP own[MaxDepth]; } destructs[Remembered];
static void destruct(id self) {
  static SEL cxx; if (!cxx) cxx = sel_registerName(".cxx_destruct");
  Class of = object_getClass(self);
  int at = (int)(((uintptr_t)of >> 4) % Remembered);
  if (destructs[at].of != of) {
    destructs[at].of = of; destructs[at].count = 0;
    for (Class c = of; c; c = class_getSuperclass(c)) {
      Class s = class_getSuperclass(c);
      Method m = class_getInstanceMethod(c, cxx);
      if (!m) break;
      if (s && class_getInstanceMethod(s, cxx) == m) continue;
      if (destructs[at].count == MaxDepth) abort();
      destructs[at].own[destructs[at].count++] = method_getImplementation(m);
    }
  }
  int count = destructs[at].count;
  IMP own[MaxDepth]; memcpy(own, destructs[at].own, sizeof own); // destroying members runs this again
  for (int i = 0; i < count; i++) ((void (*)(id, SEL))own[i])(self, cxx);
}

static IMP base_dealloc, base_release;
static void hooked_dealloc(id self, SEL cmd) {
  weak_clear(self);
  destruct(self);
  ((void (*)(id, SEL))base_dealloc)(self, cmd);
}
static void hooked_release(id self, SEL cmd) {
  if (NSExtraRefCount(self) == 0) weak_clear(self);
  ((void (*)(id, SEL))base_release)(self, cmd);
}
@interface AURArcHook : NSObject @end
@implementation AURArcHook
+ (void)load {
  base_dealloc = method_setImplementation(class_getInstanceMethod([NSObject class], @selector(dealloc)), (IMP)hooked_dealloc);
  base_release = method_setImplementation(class_getInstanceMethod([NSObject class], @selector(release)), (IMP)hooked_release);
}
@end

// --- Ownership -------------------------------------------------------------------------------------------------
id objc_retain(id o) { return [o retain]; }
void objc_release(id o) { [o release]; }
id objc_autorelease(id o) { return [o autorelease]; }
id objc_retainBlock(id o) { return _Block_copy(o); }
id objc_retainAutorelease(id o) { return [[o retain] autorelease]; }
id objc_autoreleaseReturnValue(id o) { return [o autorelease]; }
id objc_retainAutoreleaseReturnValue(id o) { return [[o retain] autorelease]; }
id objc_retainAutoreleasedReturnValue(id o) { return [o retain]; }
id objc_unsafeClaimAutoreleasedReturnValue(id o) { return o; }
void objc_storeStrong(id *at, id o) { id old = *at; *at = [o retain]; [old release]; }
void *objc_autoreleasePoolPush(void) { return [NSAutoreleasePool new]; }
void objc_autoreleasePoolPop(void *p) { [(NSAutoreleasePool *)p release]; }
