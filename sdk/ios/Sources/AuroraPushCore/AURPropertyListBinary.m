// The binary form, version "00": a table of objects that refer to each other by number, a table of their offsets, and a
// trailer of 32 bytes. References are followed from the top object.
#import "AURPropertyListReading.h"
#include <string.h>

typedef struct {
    const uint8_t *bytes;    // from the start of the file
    uint64_t end;            // objects live below it
    const uint8_t *offsets;
    unsigned offsetSize, refSize;
    uint64_t count;
    AURPropertyListWork *work;
} Reader;

static id object(Reader *r, uint64_t number, int depth);

static id fail(Reader *r, const char *problem) { return AURPropertyListFail(r->work, problem); }

__attribute__((noinline)) static uint64_t bigEndian(const uint8_t *p, unsigned size) {
    uint64_t n = 0;
    while (size-- > 0) n = n << 8 | *p++;
    return n;
}

// Reads an integer of 1, 2, 4 or 8 bytes and moves behind it; more than 8 are no number that an app would write here.
static BOOL integer(Reader *r, uint64_t *at, unsigned power, uint64_t *n) {
    unsigned size = 1u << power;
    if (power > 3 || r->end - *at < size) return NO;
    *n = bigEndian(r->bytes + *at, size);
    *at += size;
    return YES;
}

// The number of elements of an object of variable size, and whether they fit; moves at to the first.
static BOOL length(Reader *r, uint64_t *at, unsigned info, uint64_t unit, uint64_t *n) {
    *n = info;
    if (info == 0x0f) {
        if (*at >= r->end || r->bytes[*at] >> 4 != 1) return NO;
        unsigned power = r->bytes[(*at)++] & 0x0f;
        if (!integer(r, at, power, n)) return NO;
    }
    return *n <= (r->end - *at) / unit;
}

static id container(Reader *r, uint64_t at, uint64_t n, BOOL dictionary, int depth) {
    NSMutableDictionary *members = [NSMutableDictionary dictionary];
    const uint8_t *first = r->bytes + at;
    for (uint64_t i = 0; i < n; i++) {
        NSString *key = object(r, bigEndian(first + i * r->refSize, r->refSize), depth + 1);
        if (key == nil) return nil;
        if (!dictionary) continue;
        if (![key isKindOfClass:[NSString class]]) return fail(r, "a key is not text");
        if (AURPropertyListAdd(r->work, members, key, object(r, bigEndian(first + (n + i) * r->refSize, r->refSize), depth + 1)) == nil) return nil;
    }
    return dictionary ? members : [NSNull null];
}

static id object(Reader *r, uint64_t number, int depth) {
    if (!AURPropertyListEnter(r->work, depth)) return nil;
    uint64_t at = number < r->count ? bigEndian(r->offsets + number * r->offsetSize, r->offsetSize) : 0, n;
    if (at < 8 || at >= r->end) return fail(r, "it refers to an object that is not there");
    unsigned kind = r->bytes[at] >> 4, info = r->bytes[at] & 0x0f;
    at++;
    if (kind == 0x0 && (info == 0x8 || info == 0x9)) return info == 0x9 ? @YES : @NO;
    if (kind == 0x1) return integer(r, &at, info, &n) ? @((int64_t)n) : fail(r, "malformed integer");
    if (kind == 0x2 || kind == 0x3) return [NSNull null];
    BOOL dictionary = kind == 0xD, wide = kind == 0x6;
    if (!dictionary && kind != 0xA && (kind < 0x4 || kind > 0x7)) return fail(r, "an object has an unknown type");
    unsigned unit = dictionary ? 2 * r->refSize : kind == 0xA ? r->refSize : wide ? 2 : 1;
    if (!length(r, &at, info, unit, &n)) return fail(r, "a value reaches beyond the end of the file");
    if (kind >= 0xA) return container(r, at, n, dictionary, depth);
    if (kind == 0x4) return [NSNull null];
    NSStringEncoding encoding = wide ? NSUTF16BigEndianStringEncoding : NSUTF8StringEncoding;
    return [[NSString alloc] initWithBytes:r->bytes + at length:(NSUInteger)(n * unit) encoding:encoding] ?: fail(r, "a string is not valid text");
}

id AURParseBinaryPropertyList(const uint8_t *bytes, NSUInteger length, AURPropertyListWork *work) {
    if (length < 8 + 32 + 2) return AURPropertyListFail(work, "the binary file is cut short");
    if (memcmp(bytes, "bplist00", 8) != 0) return AURPropertyListFail(work, "this binary version is not read; convert it with: plutil -convert xml1 PushConfig.plist");
    const uint8_t *trailer = bytes + length - 32;
    uint64_t body = length - 32, table = bigEndian(trailer + 24, 8);
    Reader r = {.bytes = bytes, .end = table, .offsetSize = trailer[6], .refSize = trailer[7], .count = bigEndian(trailer + 8, 8), .work = work};
    if (r.offsetSize < 1 || r.offsetSize > 8 || r.refSize < 1 || r.refSize > 8) return fail(&r, "the trailer names impossible sizes");
    // Division, not multiplication: the count comes from the file and must not overflow.
    if (table < 8 || table > body || r.count > (body - table) / r.offsetSize) return fail(&r, "the offset table lies outside of the file");
    r.offsets = bytes + table;
    return object(&r, bigEndian(trailer + 16, 8), 0);
}
